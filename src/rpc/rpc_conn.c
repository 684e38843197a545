/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The promise of rpc_transport, kept by net: a frame of rpc is a frame of net.
 */
#include "base/mem.h"
#include "net/net.h"
#include "rpc/rpc_listen.h"

#define FRAME_SIZE_MAX ((size_t)68 << 20)
#define OUT_POLITE     ((size_t)8 << 20)
#define OUT_MAX        ((size_t)160 << 20)

struct rpc_conn {
    struct net_conn *net;
    struct rpc_conn_hooks hooks;
};

static void on_opened(void *data, struct net_conn *n)
{
    struct rpc_conn *c = data;
    (void)n;
    c->hooks.opened(c->hooks.data);
}

static void on_frame(void *data, struct net_conn *n, struct str payload)
{
    struct rpc_conn *c = data;
    (void)n;
    c->hooks.frame(c->hooks.data, payload);
}

static void on_closed(void *data, struct net_conn *n, int status)
{
    struct rpc_conn *c = data;
    struct rpc_conn_hooks hooks = c->hooks;
    (void)n;
    mem_free(c);
    hooks.closed(hooks.data, status);
}

static const struct net_handler handler = {on_opened, on_frame, NULL, on_closed};

static struct rpc_conn *conn_dial(void *net, const struct addr *to,
                                  const struct rpc_conn_hooks *hooks)
{
    struct rpc_conn *c = mem_new(struct rpc_conn);
    c->hooks = *hooks;
    c->net = net_dial(net, to, NET_RPC, &handler, c);
    return c;
}

static int conn_send(struct rpc_conn *c, struct str head, struct str body)
{
    struct buf *out = net_begin(c->net);
    buf_put_str(out, head);
    buf_put_str(out, body);
    return net_end(c->net);
}

static void conn_close(struct rpc_conn *c)
{
    net_close(c->net, false);
}

static void conn_abort(struct rpc_conn *c)
{
    net_abort(c->net);
}

static bool conn_is_full(const struct rpc_conn *c)
{
    return net_queued(c->net) > OUT_POLITE;
}

const struct rpc_transport rpc_conn_transport = {conn_dial, conn_send, conn_close, conn_abort,
                                                 conn_is_full};

static bool on_accept(void *data, struct net_conn *n, const struct net_handler **ret_handler,
                      void **ret_data)
{
    struct rpc_conn *c;
    void *client;
    if (!data) /* the server is closed; the port is not yet */
        return false;
    c = mem_new(struct rpc_conn);
    c->hooks = rpc_server_accept(data, &client);
    c->net = n;
    rpc_server_set_conn(client, c);
    *ret_handler = &handler;
    *ret_data = c;
    return true;
}

void rpc_conn_serve(struct net *net, struct net_protocol *p, struct rpc_server *server)
{
    *p = (struct net_protocol){
        .byte = NET_RPC,
        .name = "rpc",
        .frame_max = FRAME_SIZE_MAX,
        .queue_max = OUT_MAX,
        .accept = server ? on_accept : NULL,
        .data = server,
    };
    net_serve(net, p);
}

void rpc_conn_serve_end(struct net_protocol *p)
{
    p->data = NULL;
}
