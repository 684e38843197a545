/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SHIP_TOKEN: what was given to a token, for an agent that has no rows (agent/token_fetch.h).
 * Request: [secret]. Answer: [enum token_wire, grant].
 *
 * What is found here may be told even when no leader is known. What is not may only be late: the
 * leader is asked how far this server must be before it says that there is no such token.
 */
#include "agent/read.h"
#include "agent/serve.h"
#include "agent/token_fetch.h"
#include "base/mem.h"
#include "state/grant.h"

struct job {
    struct read read;
    struct serve_call *call;
    struct str secret; /* of the call's body */
    struct buf answer;
    bool is_found;
};

static void put(struct buf *out, enum token_wire what, struct str bytes)
{
    pack_array(out, 2);
    pack_uint(out, (uint64_t)what);
    pack_bin(out, bytes);
}

static int look(struct read *r, struct view *v, uint64_t *ret_index)
{
    struct job *j = LIST_ITEM(r, struct job, read);
    struct grant g;
    struct buf bytes;

    *ret_index = 1;
    j->is_found = grant_find(v, str_z(r->env->config->datacenter), j->secret, &g);
    if (!j->is_found)
        return 0;
    buf_init(&bytes, 0);
    grant_encode(&g, &bytes);
    put(&j->answer, TOKEN_WIRE_GRANT, buf_str(&bytes));
    j->answer.failed |= bytes.failed;
    buf_fini(&bytes);
    grant_fini(&g);
    return 0;
}

static void finish(struct job *j)
{
    if (j->read.status == 0 && !j->is_found)
        put(&j->answer, TOKEN_WIRE_ABSENT, STR_NONE);
    j->call->scratch = NULL;
    serve_answer(j->call, j->read.status, &j->answer);
    buf_fini(&j->answer);
    mem_free(j);
}

static void on_confirmed(struct read *r)
{
    finish(LIST_ITEM(r, struct job, read));
}

static void start(struct serve_call *c)
{
    struct unpack u = unpack_make(c->body);
    bool fits = unpack_array(&u) == 1;
    struct str secret = unpack_str(&u);
    struct buf out;

    if (!fits || u.bad || !c->env->config->acl_enabled) {
        buf_init(&out, 0);
        put(&out, TOKEN_WIRE_OFF, STR_NONE);
        serve_answer(c, !fits || u.bad ? ERR_CORRUPT : 0, &out);
        buf_fini(&out);
        return;
    }
    struct job *j = mem_new(struct job);
    j->call = c;
    j->secret = secret;
    buf_init(&j->answer, SHIP_BODY_SIZE_MAX);
    j->read =
        (struct read){.mode = READ_STALE, .any_token = true, .run = look, .done = on_confirmed};
    (void)read_start(c->env, &j->read); /* stale ones do not wait */
    if (j->is_found) {
        finish(j);
        return;
    }
    c->scratch = j;
    j->read =
        (struct read){.mode = READ_DEFAULT, .any_token = true, .run = look, .done = on_confirmed};
    if (read_start(c->env, &j->read))
        finish(j);
}

static void cancel(struct serve_call *c)
{
    struct job *j = c->scratch;

    if (j)
        read_cancel(&j->read);
}

const struct serve_handler serve_token_handler = {
    .kind = SHIP_TOKEN, .start = start, .cancel = cancel};
