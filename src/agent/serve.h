/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other end of agent/ship.h: requests that were shipped here are run by workers.
 *
 *     core: rpc_server has a request ── mail ──> worker: the kind's handler ── mail ──> core:
 * answer
 *
 * It is a door like the others, without sockets of its own: a worker that has it open is one of
 * those that requests are handed to in turn.
 */
#ifndef DISCO_AGENT_SERVE_H
#define DISCO_AGENT_SERVE_H

#include "agent/door.h"
#include "agent/ship.h"

/* One request on its way; worker thread, except for the private part. */
struct serve_call {
    struct env *env;
    void *ctx; /* what the handler's open gave */
    enum ship_kind kind;
    struct str body; /* until answered */
    void *scratch;   /* the handler's */
    /* private */
    struct mail mail, cancel_mail;
    struct agent *agent;
    struct serve_worker *worker;
    struct mailbox *box;
    struct rpc_request *request;
    struct buf bytes, answer;
    int status;
    bool cancel_posted, answered, at_core;
};

/* What runs one kind of request; the functions are called on the worker's thread. */
struct serve_handler {
    enum ship_kind kind;
    int (*open)(void *uv_loop, struct env *env, void **ret_ctx, struct error *err); /* or NULL */
    void (*start)(struct serve_call *c);  /* serve_answer comes from inside, or later */
    void (*cancel)(struct serve_call *c); /* or NULL. It is to be answered all the same */
    void (*reload)(void *ctx);            /* or NULL */
    /* closed is called once, in a later turn; what is in flight is answered before */
    void (*close)(void *ctx, void (*closed)(void *data), void *data); /* or NULL */
};
#define SERVE_HANDLERS_MAX 8
struct serve_table {
    const struct serve_handler *const *handlers;
    size_t n;
};

/* door_plan.config is a struct serve_table. */
extern const struct door serve_door;
/* SHIP_WRITE: serve_write.c. */
extern const struct serve_handler serve_write_handler;
/* SHIP_ROWS: serve_rows.c. */
extern const struct serve_handler serve_rows_handler;
/* SHIP_TOKEN: serve_token.c. */
extern const struct serve_handler serve_token_handler;
/* Takes the bytes of `answer` (it is left empty). */
void serve_answer(struct serve_call *c, int status, struct buf *answer);

/* ---- the core's part ---- */
struct serve_worker;
/* Hands a request to a worker; without any it is answered ERR_CLOSED. */
void serve_request(struct agent *a, struct rpc_request *r, uint8_t kind, struct str body);
void serve_cancel(struct agent *a, struct rpc_request *r);

#endif
