/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/serve.h"
#include "agent/ship_write.h"
#include "agent/write.h"
#include "base/mem.h"

struct job {
    struct write write;
    struct serve_call *call;
};

static void on_written(struct write *w)
{
    struct job *j = LIST_ITEM(w, struct job, write);
    struct buf out;
    buf_init(&out, SHIP_BODY_SIZE_MAX);
    pack_array(&out, 5);
    pack_int(&out, w->status);
    pack_uint(&out, w->index);
    pack_int(&out, w->status ? 0 : w->result.status);
    pack_bin(&out, buf_str(&w->result.body));
    pack_str(&out, str_z(w->result.text));
    write_fini(w);
    serve_answer(j->call, 0, &out);
    buf_fini(&out);
    mem_free(j);
}

static void start(struct serve_call *c)
{
    struct unpack u = unpack_make(c->body);
    struct buf none;
    uint32_t n = unpack_array(&u);
    struct str token = unpack_str(&u), command = unpack_str(&u);
    if (u.bad || n != 2) {
        buf_init(&none, 0);
        serve_answer(c, ERR_CORRUPT, &none);
        return;
    }
    struct job *j = mem_new(struct job);
    j->call = c;
    j->write.token = token;
    j->write.done = on_written;
    buf_init(&j->write.command, COMMAND_SIZE_MAX);
    buf_put_str(&j->write.command, command);
    write_submit(c->env, &j->write);
}

const struct serve_handler serve_write_handler = {.kind = SHIP_WRITE, .start = start};
