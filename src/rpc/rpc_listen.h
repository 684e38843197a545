/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests on the port that all servers' connections come to.
 */
#ifndef DISCO_RPC_RPC_LISTEN_H
#define DISCO_RPC_RPC_LISTEN_H

#include "net/net.h"
#include "rpc/rpc_server.h"

/* Also for those who only dial: server is NULL then. p is the caller's, as net_serve wants. The
 * `void *` of rpc_transport.dial is the net. */
void rpc_conn_serve(struct net *net, struct net_protocol *p, struct rpc_server *server);
/* The server is about to close: connections that have not said yet what they are for are refused.
 */
void rpc_conn_serve_end(struct net_protocol *p);

#endif
