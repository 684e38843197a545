/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's end of rpc: the listener of a server, the client of everybody, and the stream of
 * changes from a server to the agents that have no state and yet caches (the kernel's, of a mount).
 */
#include "agent/agent_state.h"
#include "agent/serve.h"
#include "base/mem.h"

#define LOG "agent.rpc"

/* ---- requests from others ---- */

static void on_request(void *data, struct rpc_request *r, uint8_t kind, struct str body)
{
    struct agent *a = data;
    char answer[1] = {0};
    if (a->closing) {
        rpc_server_answer(r, ERR_CLOSED, STR_NONE);
    } else if (kind == SHIP_FOLLOW) {
        rpc_server_follow(r);
        rpc_server_answer(r, 0, STR_NONE);
    } else if (kind == SHIP_PEERS) {
        struct consensus_stats stats;
        consensus_get_stats(a->consensus, &stats);
        answer[0] = stats.last_log_index > 0;
        rpc_server_answer(r, 0, str_make(answer, 1));
    } else if (kind == SHIP_INVENTORY) {
        struct buf bytes;
        buf_init(&bytes, SHIP_BODY_SIZE_MAX);
        int status = agent_local_inventory(a, body, &bytes);
        rpc_server_answer(r, status, buf_str(&bytes));
        buf_fini(&bytes);
    } else {
        serve_request(a, r, kind, body);
    }
}

static void on_cancel(void *data, struct rpc_request *r)
{
    serve_cancel(data, r);
}

/* ---- changes ---- */

/* A batch on the wire: [index, everything, items ...kind, key]. */
static void changes_encode(const struct change_batch *b, struct buf *out)
{
    size_t pos = 0;
    enum watch_kind kind;
    struct str key;
    pack_array(out, 3);
    pack_uint(out, b->index);
    pack_bool(out, b->everything);
    pack_array(out, b->n * 2);
    while (change_next(b, &pos, &kind, &key)) {
        pack_uint(out, (uint64_t)kind);
        pack_bin(out, key);
    }
}

static int changes_decode(struct str bytes, struct change_batch *b)
{
    struct unpack u = unpack_make(bytes);
    if (unpack_array(&u) != 3)
        return ERR_CORRUPT;
    b->index = unpack_uint(&u);
    b->everything = unpack_bool(&u);
    uint32_t n = unpack_array(&u);
    for (uint32_t i = 0; i < n / 2 && !u.bad; i++) {
        uint64_t kind = unpack_uint(&u);
        struct str key = unpack_str(&u);
        if (kind >= WATCH_KINDS)
            return ERR_CORRUPT;
        change_add(b, (enum watch_kind)kind, key);
    }
    return u.bad ? ERR_CORRUPT : 0;
}

void agent_rpc_publish(struct agent *a, const struct change_batch *changes)
{
    struct buf bytes;
    if (!a->rpc_server || !rpc_server_is_followed(a->rpc_server))
        return;
    buf_init(&bytes, SHIP_BODY_SIZE_MAX);
    changes_encode(changes, &bytes);
    if (!bytes.failed)
        rpc_server_publish(a->rpc_server, buf_str(&bytes));
    buf_fini(&bytes);
}

/* A client agent with caches follows one server; when that one is lost, all is forgotten. */
struct follow {
    struct agent *agent;
    struct ship ship;
    struct timer timer;
    struct addr server;
    bool asking, follows;
};
#define FOLLOW_RETRY DURATION_MS(200)

static void forget_everything(struct agent *a)
{
    struct change_batch all;
    change_init(&all);
    all.everything = true;
    agent_publish(a, &all);
    change_fini(&all);
}

static void follow_now(struct follow *f);

static void on_follow_timer(struct timer *t, struct instant now)
{
    (void)now;
    follow_now(LIST_ITEM(t, struct follow, timer));
}

static void follow_later(struct follow *f)
{
    if (f->agent->closing)
        return;
    f->timer.fire = on_follow_timer;
    timers_set(f->agent->timers, &f->timer, instant_add(clock_now(), FOLLOW_RETRY));
}

static void on_followed(struct ship *s)
{
    struct follow *f = LIST_ITEM(s, struct follow, ship);
    f->asking = false;
    f->follows = s->status == 0;
    f->server = s->address;
    ship_fini(s);
    if (f->follows)
        forget_everything(f->agent); /* what was cached before nobody has watched */
    else
        follow_later(f);
}

static void follow_now(struct follow *f)
{
    if (f->asking || f->follows || f->agent->closing)
        return;
    f->asking = true;
    f->ship = (struct ship){.kind = SHIP_FOLLOW, .may_repeat = true, .done = on_followed};
    buf_init(&f->ship.body, 0);
    ship_submit_core(f->agent, &f->ship);
}

static void on_changes(void *data, struct str bytes)
{
    struct agent *a = data;
    struct change_batch b;
    change_init(&b);
    if (changes_decode(bytes, &b) == 0)
        agent_publish(a, &b);
    change_fini(&b);
}

static void on_lost(void *data, const struct addr *server)
{
    struct agent *a = data;
    struct follow *f = a->follow;
    if (!f || !f->follows || !addr_eq(&f->server, server))
        return;
    f->follows = false;
    forget_everything(a);
    follow_later(f);
}

/* ---- life ---- */

static const char *leader_address(const struct agent *a)
{
    return a->consensus ? consensus_leader_address(a->consensus) : "";
}

void agent_rpc_open(struct agent *a)
{
    const struct rpc_client_hooks client_hooks = {a, on_changes, on_lost};
    const struct rpc_server_hooks server_hooks = {a, on_request, on_cancel};
    const struct config *c = a->config;
    if (c->server)
        a->rpc_server = rpc_server_new(&rpc_conn_transport, &server_hooks, rng_u64(&a->rng));
    rpc_conn_serve(a->net, &a->rpc_protocol, a->rpc_server);
    a->rpc_client =
        rpc_client_new(&rpc_conn_transport, a->net, a->timers, rng_u64(&a->rng), &client_hooks);
    a->shipper = ship_core_new(a, a->timers, a->rpc_client, c->server ? leader_address : NULL);
    if (!c->server && c->mount) {
        a->follow = mem_new(struct follow);
        a->follow->agent = a;
        follow_later(a->follow);
    }
}

static void on_part_closed(void *data)
{
    struct agent *a = data;
    if (--a->open_n > 0)
        return;
    ship_core_free(a->shipper);
    mem_free(a->follow);
    a->closed_rpc(a->closed_rpc_data);
}

void agent_rpc_close(struct agent *a, void (*cb)(void *data), void *data)
{
    a->closed_rpc = cb;
    a->closed_rpc_data = data;
    if (a->follow)
        timers_cancel(a->timers, &a->follow->timer);
    ship_core_stop(a->shipper);
    while (mailbox_drain(a->box) > 0)
        ; /* their ends */
    a->open_n = 2;
    struct rpc_server *server = a->rpc_server;
    a->rpc_server = NULL; /* what the log still applies is published no more */
    if (server)
        rpc_server_close(server, on_part_closed, a);
    else
        a->open_n--;
    rpc_client_close(a->rpc_client, on_part_closed, a);
}
