/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "agent/agent_state.h"
#include "agent/cluster.h"
#include "agent/config_value.h"
#include "agent/pool_tags.h"
#include "base/mem.h"
#include "gossip/gossip_net.h"

/* Whoever sends rubbish shall not fill our disk: so many warnings in so long a time. */
#define WARN_MAX 10
#define WARN_GAP DURATION_S(10)
/* How long we wait after the last good-bye was sent. */
#define LEAVE_PROPAGATE_MAX DURATION_MS(500)

struct pool {
    struct agent *agent;
    enum pool_kind kind;
    const char *log; /* subsystem */
    struct gossip *gossip;
    struct gossip_net *net;
    char *snapshot, *keyring; /* paths, owned; NULL: nothing is kept */
    struct instant warn_end;  /* of the present WARN_GAP */
    uint64_t warn_n;          /* lines in it, also those that were not written */
    void (*closed)(void *data);
    void *data;
};

/* ---- members ---- */

void pool_member(const struct gossip_info *info, struct member *ret,
                 struct pair tags[MEMBER_TAGS_MAX])
{
    struct gossip_list left = info->tags;
    *ret = (struct member){.name = info->name,
                           .addr = info->addr,
                           .status = (enum member_status)info->status,
                           .tags = tags};
    memcpy(ret->vsn, info->vsn, sizeof ret->vsn);
    while (ret->tag_n < MEMBER_TAGS_MAX &&
           gossip_list_next_pair(&left, &tags[ret->tag_n].name, &tags[ret->tag_n].value))
        ret->tag_n++;
    member_read_tags(ret);
}

uint32_t pool_count(struct pool *p)
{
    return gossip_count(p->gossip);
}

bool pool_at(struct pool *p, uint32_t i, struct member *ret, struct pair tags[MEMBER_TAGS_MAX])
{
    struct gossip_info info;
    if (i >= gossip_count(p->gossip))
        return false;
    gossip_get_info(p->gossip, gossip_at(p->gossip, i), &info);
    pool_member(&info, ret, tags);
    return true;
}

bool pool_find(struct pool *p, struct str name, struct member *ret,
               struct pair tags[MEMBER_TAGS_MAX])
{
    struct gossip_info info;
    const struct gossip_member *m = gossip_find(p->gossip, name);
    if (!m)
        return false;
    gossip_get_info(p->gossip, m, &info);
    pool_member(&info, ret, tags);
    return true;
}

struct place {
    struct str name;
    uint32_t i;
};

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct place *)a)->name, ((const struct place *)b)->name);
}

uint32_t *pool_sorted(struct pool *p, uint32_t *ret_n)
{
    uint32_t n = gossip_count(p->gossip), *order = mem_alloc((n + 1) * sizeof *order);
    struct place *places = mem_alloc((n + 1) * sizeof *places);
    struct gossip_info info;
    for (uint32_t i = 0; i < n; i++) {
        gossip_get_info(p->gossip, gossip_at(p->gossip, i), &info);
        places[i] = (struct place){info.name, i};
    }
    qsort(places, n, sizeof *places, by_name);
    for (uint32_t i = 0; i < n; i++)
        order[i] = places[i].i;
    mem_free(places);
    *ret_n = n;
    return order;
}

struct gossip *pool_gossip(struct pool *p)
{
    return p->gossip;
}

enum pool_kind pool_kind_of(const struct pool *p)
{
    return p->kind;
}

bool pool_is_encrypted(const struct pool *p)
{
    return gossip_keyring_count(gossip_net_packet(((struct pool *)(uintptr_t)p)->net)->keyring) > 0;
}

uint64_t pool_dropped(const struct pool *p)
{
    struct gossip_net_stats net;
    struct gossip_stats g;
    uint64_t sum;
    gossip_net_get_stats(p->net, &net);
    gossip_get_stats(p->gossip, &g);
    sum = net.packets_lost + net.streams_dropped + g.messages_bad;
    for (int i = 0; i < GOSSIP_DROPS; i++)
        sum += net.packets_dropped[i];
    return sum;
}

/* ---- what gossip tells ---- */

static void note_news(struct pool *p, enum gossip_news news)
{
    struct metrics *m = &p->agent->metrics;

    metrics_add(m, METRIC_MEMBER_JOIN, news == GOSSIP_NEWS_JOIN);
    metrics_add(m, METRIC_MEMBER_FAILED, news == GOSSIP_NEWS_FAILED);
    metrics_add(m, METRIC_MEMBER_LEFT, news == GOSSIP_NEWS_LEAVE);
    metrics_add(m, METRIC_MEMBER_UPDATE, news == GOSSIP_NEWS_UPDATE);
}

static void on_news(void *data, enum gossip_news news, const struct gossip_member *m)
{
    struct pool *p = data;
    struct gossip_info info;
    struct member member;
    struct pair tags[MEMBER_TAGS_MAX];
    gossip_get_info(p->gossip, m, &info);
    pool_member(&info, &member, tags);
    if (news == GOSSIP_NEWS_REAP)
        member.status = MEMBER_REAPED;
    note_news(p, news);
    cluster_news(p->agent, p, news, &member);
}

static void on_event(void *data, const struct gossip_event *e)
{
    struct pool *p = data;
    cluster_event(p->agent, p, e);
}

static int accept_entry(struct pool *p, const struct gossip_node *node, struct error *err)
{
    struct gossip_info info = {.name = node->node, .meta = node->meta};
    struct member member;
    struct pair tags[MEMBER_TAGS_MAX];
    if (gossip_tags_decode(node->meta, &info.tags))
        return error_set(err, ERR_CORRUPT, "Member '%.*s' has tags that cannot be read",
                         STR_ARG(node->node));
    pool_member(&info, &member, tags);
    return pool_tags_accept(p->agent->config, p->agent->node_id, p->kind, &member, err);
}

static int on_accept(void *data, const struct gossip_node *node, struct error *err)
{
    return accept_entry(data, node, err);
}

static int on_accept_merge(void *data, const struct gossip_push_pull *list, struct error *err)
{
    struct gossip_push_pull left = *list;
    struct gossip_node node;
    while (gossip_message_next_node(&left.nodes, &node)) {
        int rc = node.state == GOSSIP_STATE_LEFT ? 0 : accept_entry(data, &node, err);
        if (rc)
            return rc;
    }
    return 0;
}

static void on_conflict(void *data, const struct gossip_member *m, const struct addr *other)
{
    struct pool *p = data;
    struct gossip_info info;
    char here[ADDR_TEXT_MAX], there[ADDR_TEXT_MAX];
    gossip_get_info(p->gossip, m, &info);
    addr_format(&info.addr, here);
    addr_format(other, there);
    log_warn(p->log, "serf: Name conflict for '%.*s' both %s and %s are claiming",
             STR_ARG(info.name), here, there);
}

static void on_keyring(void *data)
{
    struct pool *p = data;
    gossip_net_keep_keyring(p->net);
}

static bool may_warn(struct pool *p)
{
    struct instant now = clock_now();
    if (!instant_before(now, p->warn_end)) {
        if (p->warn_n > WARN_MAX)
            log_warn(p->log, "memberlist: warnings not written: count=%llu",
                     (unsigned long long)(p->warn_n - WARN_MAX));
        p->warn_end = instant_add(now, WARN_GAP);
        p->warn_n = 0;
    }
    return ++p->warn_n <= WARN_MAX;
}

static void on_trace(void *data, int level, const char *text)
{
    struct pool *p = data;
    if (level == LOG_WARN && !may_warn(p))
        return;
    log_line((enum log_level)level, p->log, "%s", text);
}

/* ---- opening ---- */

static void own_meta(struct pool *p, struct buf *out)
{
    struct config_value tags = {0};
    struct gossip_list list = {0};
    struct buf items;
    pool_tags_own(p->agent->config, p->agent->node_id, p->kind, &tags.pairs);
    buf_init(&items, 0);
    for (size_t i = 0; i < tags.pairs.n; i++)
        gossip_list_put_pair(&items, str_z(tags.pairs.names[i]), str_z(tags.pairs.values[i]));
    list.n = (uint32_t)tags.pairs.n;
    list.items = buf_str(&items);
    gossip_tags_encode(&list, out);
    buf_fini(&items);
    config_value_fini(&tags);
}

void pool_retag(struct pool *p)
{
    struct buf meta;
    buf_init(&meta, 0);
    own_meta(p, &meta);
    if (gossip_set_meta(p->gossip, clock_now(), buf_str(&meta)))
        log_warn(p->log, "our tags are too long to be told");
    buf_fini(&meta);
}

/* DATA/serf/local.snapshot and the like; -dev keeps nothing. */
static int paths_make(struct pool *p, struct error *err)
{
    const struct config *c = p->agent->config;
    const char *name = p->kind == POOL_LAN ? "local" : "remote";
    struct buf path;
    if (c->dev)
        return 0;
    buf_init(&path, 0);
    buf_putf(&path, "%s/serf", p->agent->dir.path);
    int rc = mkdir(buf_z(&path), 0700) && errno != EEXIST ? -errno : 0;
    if (rc)
        rc = error_set(err, rc, "%s: %s", buf_z(&path), error_text(rc));
    buf_putf(&path, "/%s.snapshot", name);
    p->snapshot = mem_dup_z(buf_z(&path));
    buf_clear(&path);
    buf_putf(&path, "%s/serf/%s.keyring", p->agent->dir.path, name);
    if (!c->disable_keyring_file)
        p->keyring = mem_dup_z(buf_z(&path));
    buf_fini(&path);
    return rc;
}

static int key_add(struct pool *p, struct error *err)
{
    const struct config *c = p->agent->config;
    struct buf key;
    if (!c->encrypt)
        return 0;
    if (pool_is_encrypted(p))
        log_warn("agent", "keyring exists but -encrypt given: keyring=%s",
                 p->kind == POOL_LAN ? "LAN" : "WAN");
    buf_init(&key, 0);
    int rc = gossip_keyring_parse_key(str_z(c->encrypt), &key, err);
    if (!rc)
        rc = gossip_net_add_key(p->net, buf_str(&key), err);
    buf_fini(&key);
    return rc;
}

/* consul: 30 s. Those that were cut off and held for dead find back soon, and with them their
 * votes; in a large pool few try at a time. */
#define RECONNECT_INTERVAL DURATION_S(5)

static void take_timing(const struct config_gossip *g, struct duration reconnect,
                        struct gossip_timing *t)
{
    t->probe_interval = g->probe_interval;
    t->probe_timeout = g->probe_timeout;
    t->gossip_interval = g->gossip_interval;
    t->gossip_nodes = (int)g->gossip_nodes;
    t->suspicion_mult = (int)g->suspicion_mult;
    t->retransmit_mult = (int)g->retransmit_mult;
    t->reconnect_interval = RECONNECT_INTERVAL;
    t->reconnect_timeout = reconnect;
    /* consul: 30 s; a failed machine that is back under another address is not kept waiting */
    t->dead_reclaim = DURATION_S(1);
    if (t->leave_propagate.ns > LEAVE_PROPAGATE_MAX.ns)
        t->leave_propagate = LEAVE_PROPAGATE_MAX;
    /* news of a pool of ours are acted on at once: a leader within a second, a dead node too */
    t->coalesce = t->coalesce_quiet = (struct duration){0};
}

static int shell_open(struct pool *p, void *uv_loop, const struct gossip_timing *t,
                      struct error *err)
{
    const struct config *c = p->agent->config;
    bool lan = p->kind == POOL_LAN;
    struct gossip_net_options o = {.loop = uv_loop,
                                   .timers = p->agent->timers,
                                   .bind = lan ? c->serf_lan : c->serf_wan,
                                   .stream_timeout = t->stream_timeout,
                                   .log_name = p->log,
                                   .snapshot_path = p->snapshot,
                                   .keyring_path = p->keyring};
    addr_set_port(&o.bind, (uint16_t)(lan ? c->port_serf_lan : c->port_serf_wan));
    int rc = gossip_net_open(&o, &p->net, err);
    if (rc)
        return rc;
    gossip_net_packet(p->net)->accept_plain = !c->encrypt_verify_incoming;
    gossip_net_packet(p->net)->send_plain = !c->encrypt_verify_outgoing;
    return key_add(p, err);
}

static int gossip_open(struct pool *p, void *uv_loop, struct error *err)
{
    struct agent *a = p->agent;
    const struct config *c = a->config;
    struct gossip_options o;
    struct buf name, meta;
    bool lan = p->kind == POOL_LAN;
    gossip_options_init(&o, lan ? GOSSIP_LAN : GOSSIP_WAN);
    take_timing(lan ? &c->gossip_lan : &c->gossip_wan,
                lan ? c->reconnect_timeout : c->reconnect_timeout_wan, &o.timing);
    int rc = shell_open(p, uv_loop, &o.timing, err);
    if (rc)
        return rc;
    buf_init(&name, 0);
    buf_init(&meta, 0);
    buf_putf(&name, lan ? "%s" : "%s.%s", c->node_name, c->datacenter);
    own_meta(p, &meta);
    o.name = buf_str(&name);
    o.meta = buf_str(&meta);
    o.addr = lan ? c->advertise : c->advertise_wan;
    addr_set_port(&o.addr, (uint16_t)(lan ? c->port_serf_lan : c->port_serf_wan));
    o.no_coordinates = c->disable_coordinates;
    o.packet = gossip_net_packet(p->net);
    o.timers = a->timers;
    o.rng = &a->rng;
    gossip_net_outputs(p->net, &o.out);
    o.hooks = (struct gossip_hooks){.data = p,
                                    .news = on_news,
                                    .event = on_event,
                                    .accept = on_accept,
                                    .accept_merge = on_accept_merge,
                                    .conflict = on_conflict,
                                    .keyring = on_keyring,
                                    .trace = on_trace};
    rc = gossip_new(&o, &p->gossip, err);
    if (!rc)
        rc = gossip_net_restore(p->net, p->gossip, c->rejoin_after_leave, err);
    if (!rc)
        gossip_net_attach(p->net, p->gossip);
    buf_fini(&name);
    buf_fini(&meta);
    return rc;
}

static void on_net_closed(void *data)
{
    struct pool *p = data;
    void (*closed)(void *data) = p->closed;
    void *closed_data = p->data;
    mem_free(p->snapshot);
    mem_free(p->keyring);
    mem_free(p);
    if (closed)
        closed(closed_data);
}

void pool_close(struct pool *p, void (*cb)(void *data), void *data)
{
    p->closed = cb;
    p->data = data;
    if (!p->net) {
        on_net_closed(p);
        return;
    }
    gossip_net_attach(p->net, NULL);
    gossip_free(p->gossip);
    p->gossip = NULL;
    gossip_net_close(p->net, on_net_closed, p);
}

int pool_open(struct agent *a, enum pool_kind kind, void *uv_loop, struct pool **ret,
              struct error *err)
{
    struct pool *p = mem_new(struct pool);
    p->agent = a;
    p->kind = kind;
    p->log = !a->config->server ? "agent.client.serf.lan"
             : kind == POOL_LAN ? "agent.server.serf.lan"
                                : "agent.server.serf.wan";
    int rc = paths_make(p, err);
    if (!rc)
        rc = gossip_open(p, uv_loop, err);
    if (rc) {
        pool_close(p, NULL, NULL);
        return rc;
    }
    *ret = p; /* hooks look for it */
    gossip_start(p->gossip, clock_now());
    return 0;
}
