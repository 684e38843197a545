/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "gossip/gossip.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "gossip/gossip_core.h"

#define TRACE_MAX 1024

void gossip_trace(struct gossip *g, int level, const char *fmt, ...)
{
    char text[TRACE_MAX];
    va_list ap;

    if (!g->o.hooks.trace)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    g->o.hooks.trace(g->o.hooks.data, level, text);
}

/* ---- options ---- */

/* What differs between the profiles; milliseconds. */
struct profile {
    int probe, probe_timeout, gossip, push_pull, stream, dead, reclaim, propagate;
    int indirect, nodes, retransmit, suspicion;
};

void gossip_timing_init(struct gossip_timing *ret, enum gossip_profile p)
{
    /* Ours: a name may be taken over 3 s after its bearer died, not 30: servers that all come back
     * with other addresses are found sooner. */
    /* clang-format off */
    static const struct profile profiles[] = {
        [GOSSIP_LAN]     = {1000,  500, 200, 30000, 10000, 30000,  3000, 3000, 3, 3, 4, 4},
        [GOSSIP_WAN]     = {5000, 3000, 500, 60000, 30000, 60000,  9000, 3000, 3, 3, 4, 6},
        [GOSSIP_LOCAL]   = {1000,  200, 100, 15000,  1000, 15000,     0, 1000, 1, 3, 2, 3},
        [GOSSIP_DEV_LAN] = { 100,  100, 100, 30000, 10000, 30000,  3000, 3000, 3, 3, 4, 3},
        [GOSSIP_DEV_WAN] = { 100,  100, 100, 60000, 30000, 60000,  3000, 3000, 3, 3, 4, 3},
    };
    /* clang-format on */
    const struct profile *from = &profiles[p];

    *ret = (struct gossip_timing){
        .probe_interval = DURATION_MS(from->probe),
        .probe_timeout = DURATION_MS(from->probe_timeout),
        .gossip_interval = DURATION_MS(from->gossip),
        .push_pull_interval = DURATION_MS(from->push_pull),
        .stream_timeout = DURATION_MS(from->stream),
        .dead_gossip = DURATION_MS(from->dead),
        .dead_reclaim = DURATION_MS(from->reclaim),
        .reap_interval = DURATION_S(15),
        .reconnect_interval = DURATION_S(30),
        .reconnect_timeout = DURATION_S(72 * 3600),
        .tombstone_timeout = DURATION_S(24 * 3600),
        .leave_propagate = DURATION_MS(from->propagate),
        .broadcast_timeout = DURATION_S(5),
        .intent_timeout = DURATION_S(300),
        .indirect_checks = from->indirect,
        .gossip_nodes = from->nodes,
        .retransmit_mult = from->retransmit,
        .suspicion_mult = from->suspicion,
        .suspicion_max_mult = 6,
        .packet_size = 1400,
    };
}

void gossip_options_init(struct gossip_options *ret, enum gossip_profile p)
{
    static const uint8_t consul[GOSSIP_VSN_SIZE] = {1, 5, 2, 2, 5, 4};

    *ret = (struct gossip_options){.no_events = true, .members_max = GOSSIP_MEMBERS_MAX};
    memcpy(ret->vsn, consul, sizeof(consul));
    gossip_timing_init(&ret->timing, p);
}

static int check_options(const struct gossip_options *o, struct error *err)
{
    const struct gossip_timing *t = &o->timing;

    if (o->name.n == 0 || o->name.n > GOSSIP_NODE_SIZE_MAX)
        return error_set(err, ERR_INVALID, "node name: 1 to %d bytes", GOSSIP_NODE_SIZE_MAX);
    if (o->meta.n > GOSSIP_META_SIZE_MAX)
        return error_set(err, ERR_INVALID, "tags: %zu bytes, more than %d", o->meta.n,
                         GOSSIP_META_SIZE_MAX);
    if (addr_is_any(&o->addr) || addr_port(&o->addr) == 0)
        return error_set(err, ERR_INVALID, "the advertised address must name this machine");
    if (t->probe_interval.ns < 1000000 || t->probe_timeout.ns < 1000000 ||
        t->gossip_interval.ns < 1000000 || t->indirect_checks < 0 || t->gossip_nodes < 0 ||
        t->retransmit_mult < 1 || t->suspicion_mult < 1 || t->suspicion_max_mult < 1 ||
        t->retransmit_mult > 1000 || t->suspicion_mult > 1000 || t->suspicion_max_mult > 1000)
        return error_set(err, ERR_INVALID, "gossip: a time or a multiplier is out of range");
    if (t->packet_size < 512 || t->packet_size > 65000)
        return error_set(err, ERR_INVALID, "gossip: packet size %zu", t->packet_size);
    return 0;
}

/* ---- life ---- */

static void init_parts(struct gossip *g)
{
    gossip_queue_init(&g->membership);
    gossip_queue_init(&g->intents);
    gossip_queue_init(&g->queries);
    gossip_queue_init(&g->events);
    list_init(&g->dials);
    list_init(&g->joins);
    list_init(&g->open);
    list_init(&g->asked);
    list_init(&g->held_events);
    map_init(&g->recent, rng_u64(g->o.rng));
    map_init(&g->held_news, rng_u64(g->o.rng));
    g->clock = g->event_ring.clock = g->query_ring.clock = 1;
    gossip_vivaldi_init(&g->vivaldi);
}

int gossip_new(const struct gossip_options *options, struct gossip **ret, struct error *err)
{
    struct gossip *g;
    int r = check_options(options, err);

    if (r != 0)
        return r;
    g = mem_new(struct gossip);
    g->o = *options;
    if (g->o.members_max == 0)
        g->o.members_max = GOSSIP_MEMBERS_MAX;
    init_parts(g);
    gossip_member_table_init(&g->table, g->o.identities, rng_u64(g->o.rng));
    g->self = gossip_member_add(&g->table, g->o.name, &g->o.addr, g->o.rng);
    gossip_member_describe(&g->table, g->self, &g->o.addr, g->o.meta, g->o.vsn);
    g->o.name = g->o.meta = STR_NONE; /* the caller's; ours are in self */
    *ret = g;
    return 0;
}

void gossip_start(struct gossip *g, struct instant now)
{
    ASSERT(!g->is_started);
    g->is_started = true;
    g->self->incarnation = 1;
    gossip_member_set_state(&g->table, g->self, GOSSIP_STATE_ALIVE, now);
    gossip_swim_queue_self(g);
    gossip_probe_start(g, now);
    gossip_spread_start(g, now);
    gossip_exchange_start(g, now);
    gossip_snapshot_start(g);
    gossip_serf_start(g, now);
}

static void stop(struct gossip *g)
{
    gossip_snapshot_flush(g, true);
    gossip_exchange_stop(g);
    gossip_probe_stop(g);
    gossip_query_stop_all(g);
    gossip_news_stop(g);
    timers_cancel(g->o.timers, &g->spread_timer);
    timers_cancel(g->o.timers, &g->rival_timer);
    timers_cancel(g->o.timers, &g->reap_timer);
    timers_cancel(g->o.timers, &g->reconnect_timer);
    timers_cancel(g->o.timers, &g->leave_timer);
    timers_cancel(g->o.timers, &g->snapshot_timer);
}

void gossip_free(struct gossip *g)
{
    if (!g)
        return;
    stop(g);
    for (uint32_t i = 0; i < g->table.n; i++)
        gossip_swim_end(g, g->table.all[i]);
    gossip_queue_fini(&g->membership);
    gossip_queue_fini(&g->intents);
    gossip_queue_fini(&g->queries);
    gossip_queue_fini(&g->events);
    gossip_event_ring_fini(&g->event_ring);
    gossip_event_ring_fini(&g->query_ring);
    MAP_FOREACH (&g->recent, e)
        mem_free(e->value);
    map_fini(&g->recent);
    gossip_member_table_fini(&g->table);
    buf_fini(&g->packet);
    buf_fini(&g->body);
    buf_fini(&g->message);
    buf_fini(&g->state);
    buf_fini(&g->list);
    buf_fini(&g->snapshot);
    mem_free(g->rejoin);
    mem_free(g);
}

/* ---- inputs ---- */

struct arrival {
    struct gossip *g;
    struct instant now;
    const struct addr *from;
};

static void on_message(void *data, struct str message)
{
    struct arrival *a = data;

    gossip_dispatch(a->g, a->now, a->from, message);
}

void gossip_receive(struct gossip *g, struct instant now, const struct addr *from,
                    struct str datagram)
{
    struct arrival a = {g, now, from};

    if (!g->is_started)
        return;
    g->stats.packets_received++;
    g->stats.bytes_received += datagram.n;
    (void)(gossip_packet_open(g->o.packet, datagram, on_message, &a) != 0); /* it counts */
}

void gossip_dispatch(struct gossip *g, struct instant now, const struct addr *from,
                     struct str message)
{
    struct gossip_message m;

    if (gossip_message_decode(message, &m) != 0) {
        g->stats.messages_bad++;
        return;
    }
    switch (m.kind) {
    case GOSSIP_PING:
        gossip_probe_on_ping(g, from, &m.u.ping);
        break;
    case GOSSIP_INDIRECT:
        gossip_probe_on_indirect(g, now, from, &m.u.indirect);
        break;
    case GOSSIP_ACK:
        gossip_probe_on_ack(g, now, &m.u.ack);
        break;
    case GOSSIP_NACK:
        gossip_probe_on_nack(g, &m.u.ack);
        break;
    case GOSSIP_SUSPECT:
        gossip_swim_suspect(g, now, &m.u.claim);
        break;
    case GOSSIP_ALIVE:
        gossip_swim_alive(g, now, &m.u.alive);
        break;
    case GOSSIP_DEAD:
        gossip_swim_dead(g, now, &m.u.claim);
        break;
    case GOSSIP_USER:
        gossip_serf_receive(g, now, m.u.user);
        break;
    default:
        g->stats.messages_bad++;
    }
}

int gossip_set_meta(struct gossip *g, struct instant now, struct str meta)
{
    if (meta.n > GOSSIP_META_SIZE_MAX)
        return ERR_TOO_LARGE;
    gossip_member_describe(&g->table, g->self, &g->o.addr, meta, g->o.vsn);
    if (!g->is_started || g->is_parting)
        return 0;
    g->self->incarnation++;
    gossip_swim_queue_self(g);
    gossip_serf_updated(g, now, g->self);
    return 0;
}

/* ---- facts ---- */

const char *gossip_status_text(enum gossip_status s)
{
    static const char *const texts[] = {"none", "alive", "leaving", "left", "failed"};

    return texts[s];
}

void gossip_get_info(const struct gossip *g, const struct gossip_member *m, struct gossip_info *ret)
{
    *ret = (struct gossip_info){
        .name = gossip_member_name(m),
        .meta = gossip_member_meta(m),
        .addr = m->identity->addr,
        .status = (enum gossip_status)m->status,
        .state = (enum gossip_state)m->state,
        .status_ltime = m->status_ltime,
        .incarnation = m->incarnation,
        .changed = {m->changed},
        .is_self = gossip_is_self(g, m),
    };
    memcpy(ret->vsn, m->identity->vsn, GOSSIP_VSN_SIZE);
    if (gossip_tags_decode(ret->meta, &ret->tags) != 0)
        ret->tags = (struct gossip_list){0, STR_NONE};
}

uint32_t gossip_count(const struct gossip *g)
{
    return g->table.n;
}

const struct gossip_member *gossip_at(const struct gossip *g, uint32_t i)
{
    ASSERT(i < g->table.n);
    return g->table.all[i];
}

const struct gossip_member *gossip_find(const struct gossip *g, struct str name)
{
    return gossip_member_find(&g->table, name);
}

const struct gossip_member *gossip_self(const struct gossip *g)
{
    return g->self;
}

const struct gossip_coordinate *gossip_get_coordinate(const struct gossip *g)
{
    return &g->vivaldi.own;
}

int gossip_member_coordinate(const struct gossip *g, const struct gossip_member *m,
                             struct gossip_coordinate *ret)
{
    if (gossip_is_self(g, m)) {
        *ret = g->vivaldi.own;
        return 0;
    }
    if (!m->trip || !m->trip->at)
        return ERR_NOT_FOUND;
    *ret = m->trip->coordinate;
    return 0;
}

bool gossip_next_coordinate(const struct gossip *g, uint32_t *pos, struct instant since,
                            const struct gossip_member **ret_m, struct gossip_coordinate *ret)
{
    while (*pos < g->table.n) {
        const struct gossip_member *m = g->table.all[(*pos)++];

        if (!gossip_is_self(g, m) && (!m->trip || !m->trip->at || m->trip->at < since.ns))
            continue;
        *ret_m = m;
        return gossip_member_coordinate(g, m, ret) == 0;
    }
    return false;
}

void gossip_get_stats(const struct gossip *g, struct gossip_stats *ret)
{
    *ret = g->stats;
    ret->alive = g->table.status_n[GOSSIP_STATUS_ALIVE];
    ret->leaving = g->table.status_n[GOSSIP_STATUS_LEAVING];
    ret->left = g->table.status_n[GOSSIP_STATUS_LEFT];
    ret->failed = g->table.status_n[GOSSIP_STATUS_FAILED];
    ret->suspect = g->table.state_n[GOSSIP_STATE_SUSPECT];
    ret->member_ltime = g->clock;
    ret->event_ltime = g->event_ring.clock;
    ret->query_ltime = g->query_ring.clock;
    ret->health = g->health;
    ret->membership_queue = g->membership.n;
    ret->intent_queue = g->intents.n;
    ret->event_queue = g->events.n;
    ret->query_queue = g->queries.n;
    ret->queue_dropped =
        g->membership.dropped + g->intents.dropped + g->events.dropped + g->queries.dropped;
    ret->coordinate_resets = g->vivaldi.resets;
}
