/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests from other agents, on connections that somebody accepted. Core thread.
 */
#ifndef DISCO_RPC_RPC_SERVER_H
#define DISCO_RPC_RPC_SERVER_H

#include "rpc/rpc_conn.h"
#include "rpc/rpc_frame.h"

#define RPC_SERVER_CALLS_MAX 16384 /* of one connection; more are answered ERR_BUSY */

struct rpc_server;
struct rpc_request; /* one request, until it is answered */

struct rpc_server_hooks {
    void *data;
    /* A request; body borrowed. Answer it once with rpc_server_answer, at any time. */
    void (*request)(void *data, struct rpc_request *r, uint8_t kind, struct str body);
    /* Nobody waits any more (cancelled, or the connection is gone). Answer it all the same. */
    void (*cancel)(void *data, struct rpc_request *r);
};

struct rpc_server *rpc_server_new(const struct rpc_transport *io,
                                  const struct rpc_server_hooks *hooks, uint64_t seed);
/* Connections close; requests in flight are still to be answered; then cb, and it is gone. */
void rpc_server_close(struct rpc_server *s, void (*cb)(void *data), void *data);
/* A new connection: what its hooks shall be; then, once, the connection itself. */
struct rpc_conn_hooks rpc_server_accept(struct rpc_server *s, void **ret_client);
void rpc_server_set_conn(void *client, struct rpc_conn *conn);

void rpc_server_set_data(struct rpc_request *r, void *data); /* the owner's, for hooks.cancel */
void *rpc_server_data(const struct rpc_request *r);
void rpc_server_answer(struct rpc_request *r, int status, struct str body);
/* From now on the connection that this request came on is told of changes. */
void rpc_server_follow(struct rpc_request *r);
bool rpc_server_is_followed(const struct rpc_server *s);
void rpc_server_publish(struct rpc_server *s, struct str changes);
size_t rpc_server_connections(const struct rpc_server *s);

#endif
