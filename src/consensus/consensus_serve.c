/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The leader's side of consensus_forward.c: what other servers ask of it, each an object of its own
 * until it is answered. When the connection goes, the command goes on; nobody hears the answer.
 */
#include "base/mem.h"
#include "consensus/consensus_core.h"

struct remote {
    struct consensus_conn *conn; /* NULL: gone */
    uint64_t id;
    struct str command; /* owned */
    struct consensus_submit submit;
    struct consensus_read read;
    struct list list;
};

static void reply(struct consensus_conn *conn, enum consensus_wire_kind kind,
                  const struct consensus_wire_reply *r)
{
    struct buf *out = net_begin(conn->net);

    buf_put_u8(out, (uint8_t)kind);
    consensus_wire_put_reply(out, kind, r);
    /* Who does not take its answers is cut off: it may not wait for one that was dropped. */
    if (net_end(conn->net) < 0)
        net_close(conn->net, false);
}

static struct remote *remote_new(struct consensus_conn *conn, uint64_t id)
{
    struct remote *r = mem_new(struct remote);

    r->conn = conn;
    r->id = id;
    list_push(&conn->remotes, &r->list);
    return r;
}

static void remote_free(struct remote *r)
{
    list_remove(&r->list);
    mem_free((void *)(uintptr_t)r->command.p);
    mem_free(r);
}

static void on_submitted(struct consensus_submit *s)
{
    struct remote *r = LIST_ITEM(s, struct remote, submit);
    struct consensus_wire_reply answer = {.id = r->id, .status = s->status, .index = s->index};

    if (s->status == 0) {
        answer.result = s->result->status;
        answer.text = str_z(s->result->text);
        answer.bytes = buf_str(&s->result->body);
    }
    if (r->conn)
        reply(r->conn, CONSENSUS_WIRE_RESULT, &answer);
    remote_free(r);
}

static void on_read(struct consensus_read *read)
{
    struct remote *r = LIST_ITEM(read, struct remote, read);
    struct consensus_wire_reply answer = {
        .id = r->id, .status = read->status, .index = read->index};

    if (r->conn)
        reply(r->conn, CONSENSUS_WIRE_INDEX, &answer);
    remote_free(r);
}

static bool leads(const struct consensus *c)
{
    struct raft_facts f;

    raft_get_facts(c->raft, &f);
    return f.role == RAFT_LEADER;
}

static void serve_submit(struct consensus_conn *conn, uint64_t id, struct str command)
{
    struct remote *r = remote_new(conn, id);

    r->command = (struct str){mem_dup(command.p, command.n), command.n};
    r->submit.command = r->command;
    r->submit.done = on_submitted;
    consensus_submit(conn->c, &r->submit);
    r->submit.here_only = true;
}

static void serve_read(struct consensus_conn *conn, uint64_t id)
{
    struct remote *r = remote_new(conn, id);

    r->read.done = on_read;
    consensus_read(conn->c, &r->read);
    r->read.here_only = true;
}

static int serve(struct consensus_conn *conn, enum consensus_wire_kind kind, struct str bytes)
{
    struct cursor in = cursor_make(bytes);
    uint64_t id = cursor_u64(&in);
    struct str rest = str_drop(bytes, bytes.n < 8 ? bytes.n : 8);

    if (in.bad || (kind == CONSENSUS_WIRE_READ && rest.n))
        return ERR_CORRUPT;
    if (!leads(conn->c))
        reply(conn, kind == CONSENSUS_WIRE_READ ? CONSENSUS_WIRE_INDEX : CONSENSUS_WIRE_RESULT,
              &(struct consensus_wire_reply){.id = id, .status = ERR_NOT_LEADER});
    else if (kind == CONSENSUS_WIRE_READ)
        serve_read(conn, id);
    else
        serve_submit(conn, id, rest);
    return 0;
}

int consensus_serve_frame(struct consensus_conn *conn, enum consensus_wire_kind kind,
                          struct str bytes)
{
    switch (kind) {
    case CONSENSUS_WIRE_SUBMIT:
    case CONSENSUS_WIRE_READ:
        return serve(conn, kind, bytes);
    case CONSENSUS_WIRE_RESULT:
    case CONSENSUS_WIRE_INDEX:
        return consensus_forward_answer(conn->c, kind, bytes);
    default:
        return ERR_CORRUPT;
    }
}

void consensus_serve_gone(struct consensus_conn *conn)
{
    struct list *l;

    while ((l = list_pop(&conn->remotes)) != NULL)
        LIST_ITEM(l, struct remote, list)->conn = NULL;
}
