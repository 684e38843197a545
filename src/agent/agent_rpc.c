/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's end of rpc: the listener of a server, the client of everybody, and what a server
 * applies told to those who keep a copy of its state.
 */
#include "agent/agent_state.h"
#include "agent/barrier.h"
#include "agent/fact.h"
#include "agent/replica.h"
#include "agent/replica_wire.h"
#include "agent/serve.h"
#include "agent/token_fetch.h"
#include "base/mem.h"

#define LOG "agent.rpc"

/* ---- requests from others ---- */

static void on_follow(struct agent *a, struct rpc_request *r);

static void on_fact(struct agent *a, struct rpc_request *r, struct str name)
{
    struct buf bytes;
    buf_init(&bytes, 0);
    bool is_one = fact_of_log(a->consensus, name, &bytes);
    rpc_server_answer(r, is_one ? 0 : ERR_NOT_FOUND, buf_str(&bytes));
    buf_fini(&bytes);
}

static void on_request(void *data, struct rpc_request *r, uint8_t kind, struct str body)
{
    struct agent *a = data;
    char answer[1] = {0};
    if (a->closing || a->leaving) { /* before anything is done: another server is asked */
        rpc_server_answer(r, ERR_CLOSED, STR_NONE);
    } else if (kind == SHIP_FOLLOW) {
        on_follow(a, r);
    } else if (kind == SHIP_BARRIER) {
        barrier_serve(a, r);
    } else if (kind == SHIP_FACT) {
        on_fact(a, r, body);
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

/* ---- those who keep a copy of the state ---- */

void agent_rpc_publish(struct agent *a, const struct change_batch *changes)
{
    struct buf bytes;
    if (!a->rpc_server)
        return;
    if (!rpc_server_is_followed(a->rpc_server)) {
        replica_source_end(a->source);
        return;
    }
    buf_init(&bytes, SHIP_BODY_SIZE_MAX);
    replica_source_take(a->source, changes, &bytes);
    ASSERT(!bytes.failed); /* rows and names of a group have a bound below that */
    rpc_server_publish(a->rpc_server, buf_str(&bytes));
    buf_fini(&bytes);
}

static void on_follow(struct agent *a, struct rpc_request *r)
{
    const struct published *p = &a->published;
    const struct replica_wire_news news = {
        .applied = published_get(p, PUBLISHED_APPLIED_INDEX),
        .last_contact_ms = published_get(p, PUBLISHED_LAST_CONTACT_MS),
        .knows_leader = published_get(p, PUBLISHED_KNOWS_LEADER) != 0,
    };
    struct buf bytes;
    rpc_server_follow(r);
    replica_source_begin(a->source);
    buf_init(&bytes, 0);
    replica_wire_put_news(&news, &bytes);
    rpc_server_answer(r, 0, buf_str(&bytes));
    buf_fini(&bytes);
}

struct token_fetch *agent_token_fetch(struct agent *a)
{
    return a->token_fetch;
}

struct replica *agent_replica(struct agent *a)
{
    return a->replica;
}

static void on_changes(void *data, const struct addr *server, struct str bytes)
{
    struct agent *a = data;
    if (a->replica)
        replica_told(a->replica, server, bytes);
}

static void on_lost(void *data, const struct addr *server)
{
    struct agent *a = data;
    if (a->replica)
        replica_lost(a->replica, server);
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
    if (c->server) {
        a->rpc_server = rpc_server_new(&rpc_conn_transport, &server_hooks, rng_u64(&a->rng));
        a->source = replica_source_new(a->store);
    }
    rpc_conn_serve(a->net, &a->rpc_protocol, a->rpc_server);
    a->rpc_client =
        rpc_client_new(&rpc_conn_transport, a->net, a->timers, rng_u64(&a->rng), &client_hooks);
    a->shipper = ship_core_new(a, a->timers, a->rpc_client, c->server ? leader_address : NULL);
    if (!c->server && c->mount)
        a->replica = replica_new(a);
    if (!c->server && c->acl_enabled)
        a->token_fetch = token_fetch_new(a);
}

static void on_part_closed(void *data)
{
    struct agent *a = data;
    if (--a->open_n > 0)
        return;
    ship_core_free(a->shipper);
    token_fetch_free(a->token_fetch);
    replica_free(a->replica);
    replica_source_free(a->source);
    a->closed_rpc(a->closed_rpc_data);
}

void agent_rpc_close(struct agent *a, void (*cb)(void *data), void *data)
{
    a->closed_rpc = cb;
    a->closed_rpc_data = data;
    if (a->replica)
        replica_stop(a->replica);
    token_fetch_stop(a->token_fetch);
    ship_core_stop(a->shipper);
    while (mailbox_drain(a->box) > 0)
        ; /* their ends */
    a->open_n = 2;
    struct rpc_server *server = a->rpc_server;
    rpc_conn_serve_end(&a->rpc_protocol);
    a->rpc_server = NULL; /* what the log still applies is published no more */
    if (server)
        rpc_server_close(server, on_part_closed, a);
    else
        a->open_n--;
    rpc_client_close(a->rpc_client, on_part_closed, a);
}
