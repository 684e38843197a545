/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/cluster.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent_state.h"
#include "agent/bootstrap.h"
#include "agent/leave.h"
#include "base/mem.h"

/* consul: floodInterval */
#define FLOOD_INTERVAL DURATION_S(60)

struct cluster {
    struct agent *agent;
    struct pool *lan, *wan;
    struct joins lan_joins, wan_joins;
    struct join_retry lan_retry, wan_retry;
    struct bootstrap *bootstrap; /* NULL: not waiting for others */
    struct leave *leave;         /* under way */
    struct timer flood;
    bool stopped;
    int open_n;
    void (*closed)(void *data);
    void *data;
};

static void flood_wan(struct cluster *c);

struct pool *cluster_lan(struct cluster *c)
{
    return c->lan;
}

struct pool *cluster_wan(struct cluster *c)
{
    return c->wan;
}

/* ---- news ---- */

static const char *event_word(enum gossip_news news)
{
    return gossip_news_text(news);
}

static void server_text(const struct member *m, char *dst, size_t size)
{
    char address[ADDR_TEXT_MAX];
    addr_format(&m->rpc, address);
    snprintf(dst, size, "%.*s (Addr: tcp/%s) (DC: %.*s)", STR_ARG(m->name), address,
             STR_ARG(m->dc));
}

static void lan_server_news(struct agent *a, enum gossip_news news, const struct member *m)
{
    const char *log = a->config->server ? "agent.server" : "agent.client";
    char text[600];
    server_text(m, text, sizeof text);
    if (!a->config->server) {
        if (news == GOSSIP_NEWS_JOIN)
            log_info(log, "adding server: server=\"%s\"", text);
        else if (news != GOSSIP_NEWS_UPDATE)
            log_info(log, "removing server: server=\"%s\"", text);
        return;
    }
    if (news == GOSSIP_NEWS_JOIN)
        log_info(log, "Adding LAN server: server=\"%s\"", text);
    else if (news == GOSSIP_NEWS_UPDATE)
        log_debug(log, "Updating LAN server: server=\"%s\"", text);
    else
        log_info(log, "Removing LAN server: server=\"%s\"", text);
}

static void publish_datacenters(struct agent *a)
{
    const char *names[SERVERS_MAX];
    size_t n = servers_datacenters(&a->servers, names, SERVERS_MAX), others = 0;
    for (size_t i = 0; i < n; i++)
        others += strcmp(names[i], a->config->datacenter) != 0;
    published_set(&a->published, PUBLISHED_DATACENTERS, others);
}

static void lan_news(struct cluster *c, enum gossip_news news, const struct member *m)
{
    struct agent *a = c->agent;
    if (m->role == MEMBER_SERVER) {
        lan_server_news(a, news, m);
        servers_update(&a->servers, m);
        if (a->consensus && m->status == MEMBER_ALIVE)
            bootstrap_server_seen(a, m);
        if (c->bootstrap && news != GOSSIP_NEWS_LEAVE)
            bootstrap_look(c->bootstrap);
        if (c->wan && news == GOSSIP_NEWS_JOIN)
            flood_wan(c);
        if (a->autopilot)
            autopilot_run_look(a->autopilot);
    }
    if (a->leader)
        leader_member_news(a->leader, m->name);
}

static void wan_news(struct cluster *c, enum gossip_news news, const struct member *m)
{
    struct agent *a = c->agent;
    if (m->role != MEMBER_SERVER)
        return;
    log_info("agent.server", "Handled event for server in area: event=%s server=%.*s area=wan",
             event_word(news), STR_ARG(m->name));
    if (!str_eq_z(m->dc, a->config->datacenter)) /* our own are told of by the LAN */
        servers_update(&a->servers, m);
    publish_datacenters(a);
}

void cluster_news(struct agent *a, struct pool *p, enum gossip_news news, const struct member *m)
{
    struct cluster *c = a->cluster;
    if (c->stopped)
        return;
    if (pool_kind_of(p) == POOL_LAN)
        lan_news(c, news, m);
    else
        wan_news(c, news, m);
}

void cluster_event(struct agent *a, struct pool *p, const struct gossip_event *e)
{
    const char *log = a->config->server ? "agent.server" : "agent.client";
    if (pool_kind_of(p) == POOL_LAN)
        agent_event_arrived(a, e->ltime, e->name, e->payload);
    if (pool_kind_of(p) == POOL_LAN && str_eq_z(e->name, "consul:new-leader"))
        log_info(log, "New leader elected: payload=%.*s", STR_ARG(e->payload));
}

void cluster_leads(struct cluster *c)
{
    (void)!gossip_event(pool_gossip(c->lan), clock_now(), STR_LIT("consul:new-leader"),
                        str_z(c->agent->config->node_name), false);
}

/* ---- the WAN follows the LAN ---- */

static void on_flooded(void *data, size_t joined, int status, struct str errors)
{
    (void)data;
    if (!joined && status && status != ERR_CLOSED)
        log_debug("agent.server", "Failed to flood-join server: error=\"%.*s\"", STR_ARG(errors));
}

/* consul: FloodJoins. Servers of our datacenter that the WAN does not have. */
static void flood_wan(struct cluster *c)
{
    const struct config *config = c->agent->config;
    struct pair tags[MEMBER_TAGS_MAX];
    struct member m;
    for (uint32_t i = 0; pool_at(c->lan, i, &m, tags); i++) {
        char name[600], address[ADDR_TEXT_MAX];
        struct addr to = m.addr;
        if (m.role != MEMBER_SERVER || m.status != MEMBER_ALIVE || m.wan_join_port == 0 ||
            !str_eq_z(m.dc, config->datacenter) || str_eq_z(m.name, config->node_name))
            continue;
        snprintf(name, sizeof name, "%.*s.%s", STR_ARG(m.name), config->datacenter);
        const struct gossip_member *there = gossip_find(pool_gossip(c->wan), str_z(name));
        struct gossip_info info = {.status = GOSSIP_STATUS_NONE};
        if (there)
            gossip_get_info(pool_gossip(c->wan), there, &info);
        if (info.status == GOSSIP_STATUS_ALIVE)
            continue;
        addr_set_port(&to, m.wan_join_port);
        addr_format(&to, address);
        struct str text = str_z(address);
        join_start(&c->wan_joins, &text, 1, on_flooded, c);
    }
}

static void on_flood(struct timer *t, struct instant now)
{
    struct cluster *c = LIST_ITEM(t, struct cluster, flood);
    flood_wan(c);
    timers_set(c->agent->timers, &c->flood, instant_add(now, FLOOD_INTERVAL));
}

/* ---- life ---- */

int cluster_open(struct agent *a, void *uv_loop, struct cluster **ret, struct error *err)
{
    const struct config *config = a->config;
    struct cluster *c = mem_new(struct cluster);
    c->agent = a;
    *ret = c; /* news come while the pools open */
    int rc = 0;
    join_all_init(&c->lan_joins, a, NULL, uv_loop);
    join_all_init(&c->wan_joins, a, NULL, uv_loop);
    if (config->server && config->port_serf_wan > 0)
        rc = pool_open(a, POOL_WAN, uv_loop, &c->wan, err);
    if (!rc)
        rc = pool_open(a, POOL_LAN, uv_loop, &c->lan, err);
    c->lan_joins.pool = c->lan;
    c->wan_joins.pool = c->wan;
    return rc;
}

static void on_gave_up(void *data, const char *why)
{
    struct agent *a = data;
    a->hooks.fatal(a->hooks.data, why);
}

static void on_start_join(void *data, size_t joined, int status, struct str errors)
{
    struct agent *a = data;
    char why[ERROR_TEXT_MAX];
    if (joined) {
        log_info("agent", "Join completed. Initial agents synced with: agent_count=%zu", joined);
    } else if (status != ERR_CLOSED) {
        snprintf(why, sizeof why, "%.*s", STR_ARG(str_trim(errors)));
        a->hooks.fatal(a->hooks.data, why);
    }
}

static void start_join(struct cluster *c, struct joins *joins, const struct config_list *names)
{
    struct str *texts = mem_alloc((names->n + 1) * sizeof *texts);
    for (size_t i = 0; i < names->n; i++)
        texts[i] = str_z(names->items[i]);
    if (names->n > 0) {
        log_info("agent", "Joining...: addresses=%s%s", names->items[0],
                 names->n > 1 ? " ..." : "");
        join_start(joins, texts, names->n, on_start_join, c->agent);
    }
    mem_free(texts);
}

static void on_rejoined(void *data, size_t joined, int status, const struct addr *failed)
{
    (void)data, (void)status, (void)failed;
    if (joined)
        log_info("agent", "Re-joined to a previously known node");
}

void cluster_start(struct cluster *c)
{
    const struct config *config = c->agent->config;
    struct instant now = clock_now();
    (void)!gossip_rejoin(pool_gossip(c->lan), now, on_rejoined, c);
    start_join(c, &c->lan_joins, &config->start_join);
    c->lan_retry = (struct join_retry){.joins = &c->lan_joins,
                                       .names = &config->retry_join,
                                       .interval = config->retry_interval,
                                       .max = config->retry_max,
                                       .cluster = "LAN",
                                       .data = c->agent,
                                       .gave_up = on_gave_up};
    join_retry_start(&c->lan_retry);
    if (c->agent->consensus && config->bootstrap_expect > 1)
        c->bootstrap = bootstrap_new(c->agent, c->lan);
    if (!c->wan)
        return;
    (void)!gossip_rejoin(pool_gossip(c->wan), now, on_rejoined, c);
    start_join(c, &c->wan_joins, &config->start_join_wan);
    c->wan_retry = c->lan_retry;
    c->wan_retry.joins = &c->wan_joins;
    c->wan_retry.names = &config->retry_join_wan;
    c->wan_retry.interval = config->retry_interval_wan;
    c->wan_retry.max = config->retry_max_wan;
    c->wan_retry.cluster = "WAN";
    c->wan_retry.tries = 0;
    c->wan_retry.timer = (struct timer){0};
    join_retry_start(&c->wan_retry);
    c->flood.fire = on_flood;
    timers_set(c->agent->timers, &c->flood, instant_add(now, FLOOD_INTERVAL));
}

void cluster_stop(struct cluster *c)
{
    if (!c || c->stopped)
        return;
    c->stopped = true;
    timers_cancel(c->agent->timers, &c->flood);
    join_retry_stop(&c->lan_retry);
    join_retry_stop(&c->wan_retry);
    bootstrap_free(c->bootstrap);
    c->bootstrap = NULL;
    join_all_stop(&c->lan_joins);
    join_all_stop(&c->wan_joins);
    if (c->lan)
        gossip_query_end_all(pool_gossip(c->lan));
    if (c->wan)
        gossip_query_end_all(pool_gossip(c->wan));
}

static void on_pool_closed(void *data)
{
    struct cluster *c = data;
    if (--c->open_n > 0)
        return;
    void (*closed)(void *data) = c->closed;
    void *closed_data = c->data;
    join_all_fini(&c->lan_joins);
    join_all_fini(&c->wan_joins);
    leave_free(c->leave);
    mem_free(c);
    closed(closed_data);
}

void cluster_close(struct cluster *c, void (*cb)(void *data), void *data)
{
    cluster_stop(c);
    c->closed = cb;
    c->data = data;
    c->open_n = 1 + (c->lan != NULL) + (c->wan != NULL);
    if (c->lan)
        pool_close(c->lan, on_pool_closed, c);
    if (c->wan)
        pool_close(c->wan, on_pool_closed, c);
    on_pool_closed(c);
}

/* ---- operations ---- */

void cluster_join(struct cluster *c, bool wan, const struct str *texts, size_t n, join_fn done,
                  void *data)
{
    join_start(wan ? &c->wan_joins : &c->lan_joins, texts, n, done, data);
}

int cluster_force_leave(struct cluster *c, struct str name, bool prune, bool wan)
{
    struct instant now = clock_now();
    char full[600];
    int rc = ERR_NOT_FOUND;
    if (str_eq_nocase(name, str_z(c->agent->config->node_name)))
        return 0; /* consul: granted, and refuted by the agent itself in the same moment */
    if (!wan)
        rc = gossip_force_leave(pool_gossip(c->lan), now, name, prune);
    if (c->wan) {
        snprintf(full, sizeof full, "%.*s.%s", STR_ARG(name), c->agent->config->datacenter);
        int there = gossip_force_leave(pool_gossip(c->wan), now, str_z(full), prune);
        if (there && wan)
            there = gossip_force_leave(pool_gossip(c->wan), now, name, prune);
        rc = wan ? there : rc;
    }
    return rc;
}

void cluster_leave(struct cluster *c, void (*cb)(void *data), void *data)
{
    if (c->leave) { /* it was asked for already */
        cb(data);
        return;
    }
    c->leave = leave_start(c->agent, c->lan, c->wan, cb, data);
}
