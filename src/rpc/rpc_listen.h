/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The socket that requests come to.
 */
#ifndef DISCO_RPC_RPC_LISTEN_H
#define DISCO_RPC_RPC_LISTEN_H

#include "base/error.h"
#include "rpc/rpc_server.h"

/* The first byte of a connection that carries frames of rpc. */
#define RPC_LISTEN_BYTE 'D'

struct rpc_listener;
int rpc_conn_listen(void *uv_loop, const struct addr *addr, struct rpc_server *server,
                    struct rpc_listener **ret, struct error *err) MUST_USE;
void rpc_conn_listen_close(struct rpc_listener *l, void (*cb)(void *data), void *data);

#endif
