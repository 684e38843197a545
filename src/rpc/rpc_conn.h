/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What rpc needs of a connection: whole frames, in order, both ways. Core thread.
 */
#ifndef DISCO_RPC_RPC_CONN_H
#define DISCO_RPC_RPC_CONN_H

#include "base/addr.h"
#include "base/str.h"

struct rpc_conn;
struct rpc_conn_hooks {
    void *data;
    void (*opened)(void *data);                  /* of a dial; what was sent before waits for it */
    void (*frame)(void *data, struct str bytes); /* borrowed */
    /* The connection is gone, from either side, and the object with it: exactly once, never from
     * inside another function of this header. status: why; 0 after rpc_conn_close. */
    void (*closed)(void *data, int status);
};

/* Who keeps that promise: rpc_conn.c over net/net.h, or a test. */
struct rpc_transport {
    /* A connection is returned also when it cannot be made: `closed` follows. */
    struct rpc_conn *(*dial)(void *net, const struct addr *to, const struct rpc_conn_hooks *hooks);
    /* One frame of two parts; copied. ERR_BUSY: too much waits to be sent already. */
    int (*send)(struct rpc_conn *c, struct str head, struct str body);
    void (*close)(struct rpc_conn *c);
    void (*abort)(struct rpc_conn *c); /* and what has not arrived yet never will */
    /* Do more bytes wait to be sent than is polite? Then answers come too fast for the reader. */
    bool (*is_full)(const struct rpc_conn *c);
};
extern const struct rpc_transport rpc_conn_transport;

#endif
