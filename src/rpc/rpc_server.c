/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpc/rpc_server.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

struct rpc_peer {
    struct list link;
    struct rpc_server *server;
    struct rpc_conn *conn; /* NULL: gone */
    struct map requests;   /* by id */
    size_t request_n;
    bool follows;
};

struct rpc_request {
    struct rpc_peer *peer;
    uint64_t id;
    void *data;
};

struct rpc_server {
    const struct rpc_transport *io;
    struct rpc_server_hooks hooks;
    struct list peers;
    size_t peer_n, conn_n, follow_n;
    uint64_t seed;
    bool closing;
    void (*closed)(void *data);
    void *closed_data;
};

static struct str id_key(const uint64_t *id)
{
    return str_make((const char *)id, sizeof *id);
}

struct rpc_server *rpc_server_new(const struct rpc_transport *io,
                                  const struct rpc_server_hooks *hooks, uint64_t seed)
{
    struct rpc_server *s = mem_new(struct rpc_server);
    s->io = io;
    s->hooks = *hooks;
    s->seed = seed;
    list_init(&s->peers);
    return s;
}

static void free_if_closed(struct rpc_server *s)
{
    if (!s->closing || s->peer_n > 0)
        return;
    void (*closed)(void *data) = s->closed;
    void *data = s->closed_data;
    mem_free(s);
    closed(data);
}

static void peer_free_if_gone(struct rpc_peer *p)
{
    struct rpc_server *s = p->server;
    if (p->conn || p->request_n > 0)
        return;
    list_remove(&p->link);
    map_fini(&p->requests);
    mem_free(p);
    s->peer_n--;
    free_if_closed(s);
}

void rpc_server_close(struct rpc_server *s, void (*cb)(void *data), void *data)
{
    s->closing = true;
    s->closed = cb;
    s->closed_data = data;
    LIST_FOREACH (&s->peers, l) {
        struct rpc_peer *p = LIST_ITEM(l, struct rpc_peer, link);
        if (p->conn)
            p->server->io->close(p->conn);
    }
    free_if_closed(s);
}

/* ---- what comes in ---- */

static void on_request(struct rpc_peer *p, const struct rpc_frame *f)
{
    struct rpc_request *r = mem_new(struct rpc_request);
    r->peer = p;
    r->id = f->id;
    if (map_get(&p->requests, id_key(&f->id))) { /* a client that counts wrong */
        mem_free(r);
        p->server->io->close(p->conn);
        return;
    }
    (void)map_set(&p->requests, id_key(&r->id), r);
    p->request_n++;
    if (p->request_n > RPC_SERVER_CALLS_MAX || p->server->io->is_full(p->conn))
        rpc_server_answer(r, ERR_BUSY, STR_NONE);
    else
        p->server->hooks.request(p->server->hooks.data, r, f->kind, f->body);
}

static void on_frame(void *data, struct str bytes)
{
    struct rpc_peer *p = data;
    struct rpc_frame f;
    if (p->server->closing)
        return;
    if (rpc_frame_parse(bytes, &f)) {
        p->server->io->close(p->conn);
        return;
    }
    if (f.type == RPC_FRAME_REQUEST) {
        on_request(p, &f);
    } else if (f.type == RPC_FRAME_CANCEL) {
        struct rpc_request *r = map_get(&p->requests, id_key(&f.id));
        if (r)
            p->server->hooks.cancel(p->server->hooks.data, r);
    }
}

static void on_closed(void *data, int status)
{
    struct rpc_peer *p = data;
    struct rpc_server *s = p->server;
    (void)status;
    p->conn = NULL;
    s->conn_n--;
    s->follow_n -= p->follows;
    p->follows = false;
    p->request_n++; /* stays while it is walked over */
    MAP_FOREACH (&p->requests, e) {
        s->hooks.cancel(s->hooks.data, e->value);
    }
    p->request_n--;
    peer_free_if_gone(p);
}

struct rpc_conn_hooks rpc_server_accept(struct rpc_server *s, void **ret_client)
{
    struct rpc_peer *p = mem_new(struct rpc_peer);
    p->server = s;
    map_init(&p->requests, s->seed);
    list_push(&s->peers, &p->link);
    s->peer_n++;
    s->conn_n++;
    *ret_client = p;
    return (struct rpc_conn_hooks){p, NULL, on_frame, on_closed};
}

void rpc_server_set_conn(void *client, struct rpc_conn *conn)
{
    struct rpc_peer *p = client;
    p->conn = conn;
}

/* ---- what goes out ---- */

void rpc_server_set_data(struct rpc_request *r, void *data)
{
    r->data = data;
}

void *rpc_server_data(const struct rpc_request *r)
{
    return r->data;
}

void rpc_server_answer(struct rpc_request *r, int status, struct str body)
{
    struct rpc_peer *p = r->peer;
    struct rpc_frame f = {.type = RPC_FRAME_ANSWER, .status = status, .id = r->id};
    uint8_t head[RPC_FRAME_HEAD_SIZE];
    rpc_frame_put_head(&f, head);
    (void)map_del(&p->requests, id_key(&r->id));
    mem_free(r);
    p->request_n--;
    /* who does not read what he asked for is hung up on */
    if (p->conn && p->server->io->send(p->conn, str_make((char *)head, sizeof head), body))
        p->server->io->close(p->conn);
    peer_free_if_gone(p);
}

void rpc_server_follow(struct rpc_request *r)
{
    struct rpc_peer *p = r->peer;
    if (p->conn && !p->follows) {
        p->follows = true;
        p->server->follow_n++;
    }
}

bool rpc_server_is_followed(const struct rpc_server *s)
{
    return s->follow_n > 0;
}

void rpc_server_publish(struct rpc_server *s, struct str changes)
{
    struct rpc_frame f = {.type = RPC_FRAME_CHANGES};
    uint8_t head[RPC_FRAME_HEAD_SIZE];
    rpc_frame_put_head(&f, head);
    LIST_FOREACH (&s->peers, l) {
        struct rpc_peer *p = LIST_ITEM(l, struct rpc_peer, link);
        if (p->conn && p->follows &&
            p->server->io->send(p->conn, str_make((char *)head, sizeof head), changes))
            p->server->io->close(p->conn);
    }
}

size_t rpc_server_connections(const struct rpc_server *s)
{
    return s->conn_n;
}
