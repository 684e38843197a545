/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests to servers, many at a time over one connection to each. Core thread.
 *
 * A call is embedded in the caller's object. Its callback comes exactly once, never from inside
 * rpc_client_call; after rpc_client_cancel never.
 */
#ifndef DISCO_RPC_RPC_CLIENT_H
#define DISCO_RPC_RPC_CLIENT_H

#include "base/addr.h"
#include "base/list.h"
#include "base/timers.h"
#include "rpc/rpc_conn.h"
#include "rpc/rpc_frame.h"

#define RPC_CLIENT_CALLS_MAX 65536 /* in flight; more are ERR_BUSY */
/* A dial that takes longer has failed: others are there to be asked. */
#define RPC_CLIENT_DIAL_TIME DURATION_MS(1000)
/* A connection without calls is closed after so long. */
#define RPC_CLIENT_IDLE_TIME DURATION_S(120)

/* When a call is given up and its server has said nothing at all for so long, the connection is,
 * too: what was asked must not arrive there later, when a cut has gone. */
#define RPC_CLIENT_SILENCE DURATION_MS(4500)

struct rpc_client;
struct rpc_peer; /* private: one connection */

struct rpc_call {
    /* inputs */
    uint8_t kind;    /* the server's table */
    struct str body; /* copied */
    struct instant deadline;
    void (*done)(struct rpc_call *c);
    /* outputs */
    int status;        /* 0, or the error that the server answered; ERR_TIMEOUT, ERR_CLOSED,
                        * ERR_BUSY, -errno of the dial */
    bool is_answer;    /* status is what the server said */
    bool was_sent;     /* the request may have been carried out, although there is no answer */
    struct str answer; /* borrowed during the callback */
    /* private */
    struct rpc_client *client;
    struct rpc_peer *peer;
    struct instant since;
    uint64_t id;
    struct list link;
    struct timer timer;
};

struct rpc_client_hooks {
    void *data;
    /* Of a server that is followed. */
    void (*changes)(void *data, const struct addr *server, struct str bytes);
    void (*lost)(void *data, const struct addr *server); /* its connection is gone */
};

struct rpc_client *rpc_client_new(const struct rpc_transport *io, void *uv_loop,
                                  struct timers *timers, uint64_t seed,
                                  const struct rpc_client_hooks *hooks);
/* Calls in flight end with ERR_CLOSED; then cb, and the client is gone. */
void rpc_client_close(struct rpc_client *c, void (*cb)(void *data), void *data);
void rpc_client_call(struct rpc_client *c, const struct addr *to, struct rpc_call *call);
/* Harmless after the end. The server is told, so that a read that waits there ends. */
void rpc_client_cancel(struct rpc_call *call);

#endif
