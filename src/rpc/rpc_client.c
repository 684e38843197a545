/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to each server that is asked, opened by the first call and closed when it was idle
 * for long. Calls are found by their id. What cannot be answered at once inside rpc_client_call
 * (too many, no connection) is put on `failed` and told of by a timer that is due now, so that a
 * callback never comes from inside.
 */
#include "rpc/rpc_client.h"

#include "base/map.h"
#include "base/mem.h"

struct rpc_peer {
    struct list link;
    struct rpc_client *client;
    struct addr addr;
    struct rpc_conn *conn;
    struct list calls;  /* in flight, oldest first */
    struct timer timer; /* of the dial, then of idleness */
    struct instant heard;
    bool is_open, is_closing;
};

struct rpc_client {
    const struct rpc_transport *io;
    void *loop;
    struct timers *timers;
    struct rpc_client_hooks hooks;
    struct list peers, failed;
    struct map calls; /* by id */
    uint64_t next_id;
    size_t call_n, peer_n;
    struct timer soon;
    bool closing;
    void (*closed)(void *data);
    void *closed_data;
};

static void end_call(struct rpc_call *c, int status);

static struct str id_key(const uint64_t *id)
{
    return str_make((const char *)id, sizeof *id);
}

static void on_soon(struct timer *t, struct instant now)
{
    struct rpc_client *cl = LIST_ITEM(t, struct rpc_client, soon);
    struct list *l;
    (void)now;
    while ((l = list_pop(&cl->failed)) != NULL) {
        struct rpc_call *c = LIST_ITEM(l, struct rpc_call, link);
        c->client = NULL;
        c->done(c);
    }
}

struct rpc_client *rpc_client_new(const struct rpc_transport *io, void *uv_loop,
                                  struct timers *timers, uint64_t seed,
                                  const struct rpc_client_hooks *hooks)
{
    struct rpc_client *cl = mem_new(struct rpc_client);
    cl->io = io;
    cl->loop = uv_loop;
    cl->timers = timers;
    cl->hooks = *hooks;
    list_init(&cl->peers);
    list_init(&cl->failed);
    map_init(&cl->calls, seed);
    cl->soon.fire = on_soon;
    return cl;
}

static void free_if_closed(struct rpc_client *cl)
{
    if (!cl->closing || cl->peer_n > 0)
        return;
    on_soon(&cl->soon, (struct instant){0});
    void (*closed)(void *data) = cl->closed;
    void *data = cl->closed_data;
    timers_cancel(cl->timers, &cl->soon);
    map_fini(&cl->calls);
    mem_free(cl);
    closed(data);
}

/* ---- connections ---- */

static void peer_end_calls(struct rpc_peer *p, int status)
{
    struct list *l;
    while ((l = list_first(&p->calls)) != NULL)
        end_call(LIST_ITEM(l, struct rpc_call, link), status);
}

static void on_idle(struct timer *t, struct instant now)
{
    struct rpc_peer *p = LIST_ITEM(t, struct rpc_peer, timer);
    (void)now;
    if (p->is_open && !list_is_empty(&p->calls))
        return;
    p->is_closing = true;
    p->client->io->close(p->conn);
}

static void peer_rest(struct rpc_peer *p)
{
    if (list_is_empty(&p->calls) && !p->is_closing)
        timers_set(p->client->timers, &p->timer, instant_add(clock_now(), RPC_CLIENT_IDLE_TIME));
}

static void on_opened(void *data)
{
    struct rpc_peer *p = data;
    p->is_open = true;
    timers_cancel(p->client->timers, &p->timer);
    peer_rest(p);
}

static void on_closed(void *data, int status)
{
    struct rpc_peer *p = data;
    struct rpc_client *cl = p->client;
    struct addr addr = p->addr;
    bool was_open = p->is_open;
    p->conn = NULL;
    p->is_closing = true;
    timers_cancel(cl->timers, &p->timer);
    list_remove(&p->link);
    LIST_FOREACH (&p->calls, l) {
        LIST_ITEM(l, struct rpc_call, link)->was_sent = was_open;
    }
    peer_end_calls(p, status && !was_open ? status : was_open ? ERR_CLOSED : ERR_TIMEOUT);
    mem_free(p);
    cl->peer_n--;
    if (was_open && !cl->closing && cl->hooks.lost)
        cl->hooks.lost(cl->hooks.data, &addr);
    free_if_closed(cl);
}

static void on_frame(void *data, struct str bytes)
{
    struct rpc_peer *p = data;
    struct rpc_client *cl = p->client;
    struct rpc_frame f;
    if (p->is_closing)
        return;
    p->heard = clock_now();
    if (rpc_frame_parse(bytes, &f)) {
        p->is_closing = true;
        p->client->io->close(p->conn);
        return;
    }
    if (f.type == RPC_FRAME_CHANGES && cl->hooks.changes)
        cl->hooks.changes(cl->hooks.data, &p->addr, f.body);
    if (f.type != RPC_FRAME_ANSWER)
        return;
    struct rpc_call *c = map_get(&cl->calls, id_key(&f.id));
    if (!c || c->peer != p) /* cancelled meanwhile */
        return;
    c->is_answer = true;
    c->answer = f.body;
    end_call(c, f.status);
}

static struct rpc_peer *peer_of(struct rpc_client *cl, const struct addr *to)
{
    LIST_FOREACH (&cl->peers, l) {
        struct rpc_peer *p = LIST_ITEM(l, struct rpc_peer, link);
        if (!p->is_closing && addr_eq(&p->addr, to))
            return p;
    }
    struct rpc_peer *p = mem_new(struct rpc_peer);
    struct rpc_conn_hooks hooks = {p, on_opened, on_frame, on_closed};
    p->client = cl;
    p->addr = *to;
    list_init(&p->calls);
    list_push(&cl->peers, &p->link);
    cl->peer_n++;
    p->timer.fire = on_idle;
    timers_set(cl->timers, &p->timer, instant_add(clock_now(), RPC_CLIENT_DIAL_TIME));
    p->conn = cl->io->dial(cl->loop, to, &hooks);
    return p;
}

/* ---- calls ---- */

static void fail_soon(struct rpc_call *c, int status)
{
    struct rpc_client *cl = c->client;
    c->status = status;
    c->peer = NULL;
    list_push(&cl->failed, &c->link);
    timers_set(cl->timers, &cl->soon, clock_now());
}

static void forget(struct rpc_call *c)
{
    struct rpc_client *cl = c->client;
    struct rpc_peer *p = c->peer;
    (void)map_del(&cl->calls, id_key(&c->id));
    cl->call_n--;
    timers_cancel(cl->timers, &c->timer);
    list_remove(&c->link);
    c->client = NULL;
    c->peer = NULL;
    peer_rest(p);
}

static void end_call(struct rpc_call *c, int status)
{
    forget(c);
    c->status = status;
    c->done(c);
}

static void send_cancel(struct rpc_call *c)
{
    struct rpc_frame f = {.type = RPC_FRAME_CANCEL, .id = c->id};
    uint8_t head[RPC_FRAME_HEAD_SIZE];
    rpc_frame_put_head(&f, head);
    if (c->peer->conn && !c->peer->is_closing)
        (void)!c->client->io->send(c->peer->conn, str_make((char *)head, sizeof head), STR_NONE);
}

static void give_up(struct rpc_call *c, struct instant now)
{
    struct rpc_peer *p = c->peer;
    bool is_silent = instant_before(p->heard, c->since) &&
                     instant_since(now, c->since).ns >= RPC_CLIENT_SILENCE.ns;
    if (is_silent && p->is_open && !p->is_closing) {
        p->is_closing = true;
        p->client->io->abort(p->conn);
    }
    send_cancel(c);
}

static void on_deadline(struct timer *t, struct instant now)
{
    struct rpc_call *c = LIST_ITEM(t, struct rpc_call, timer);
    c->was_sent = true;
    give_up(c, now);
    end_call(c, ERR_TIMEOUT);
}

void rpc_client_call(struct rpc_client *cl, const struct addr *to, struct rpc_call *c)
{
    struct rpc_frame f = {.type = RPC_FRAME_REQUEST, .kind = c->kind};
    uint8_t head[RPC_FRAME_HEAD_SIZE];
    c->client = cl;
    c->status = 0;
    c->is_answer = c->was_sent = false;
    c->answer = STR_NONE;
    c->timer = (struct timer){.fire = on_deadline};
    list_init(&c->link);
    if (cl->closing || cl->call_n >= RPC_CLIENT_CALLS_MAX) {
        fail_soon(c, cl->closing ? ERR_CLOSED : ERR_BUSY);
        return;
    }
    struct rpc_peer *p = peer_of(cl, to);
    f.id = c->id = ++cl->next_id;
    rpc_frame_put_head(&f, head);
    int rc = cl->io->send(p->conn, str_make((char *)head, sizeof head), c->body);
    if (rc) {
        fail_soon(c, rc);
        return;
    }
    if (p->is_open)
        timers_cancel(cl->timers, &p->timer);
    c->peer = p;
    c->since = clock_now();
    list_push(&p->calls, &c->link);
    (void)map_set(&cl->calls, id_key(&c->id), c);
    cl->call_n++;
    timers_set(cl->timers, &c->timer, c->deadline);
}

void rpc_client_cancel(struct rpc_call *c)
{
    if (!c->client)
        return;
    if (!c->peer) { /* among the failed */
        list_remove(&c->link);
        c->client = NULL;
        return;
    }
    give_up(c, clock_now());
    forget(c);
}

void rpc_client_close(struct rpc_client *cl, void (*cb)(void *data), void *data)
{
    cl->closing = true;
    cl->closed = cb;
    cl->closed_data = data;
    LIST_FOREACH (&cl->peers, l) {
        struct rpc_peer *p = LIST_ITEM(l, struct rpc_peer, link);
        if (!p->is_closing) {
            p->is_closing = true;
            p->client->io->close(p->conn);
        }
        peer_end_calls(p, ERR_CLOSED);
    }
    free_if_closed(cl);
}
