/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Going, sending others away, and what is forgotten: Serf keeps those that failed or left for
 * long, so that one can see that they were there, and tries now and then whether a failed one is
 * back (a partition that healed is found so, however long it lasted).
 */
#include "config.h"

#include "base/mem.h"
#include "gossip/gossip_core.h"

static void on_reap_due(struct timer *t, struct instant now);
static void on_reconnect_due(struct timer *t, struct instant now);
static void on_leave_due(struct timer *t, struct instant now);

void gossip_leave_start(struct gossip *g, struct instant now)
{
    g->reap_timer.fire = on_reap_due;
    g->reconnect_timer.fire = on_reconnect_due;
    g->leave_timer.fire = on_leave_due;
    timers_set(g->o.timers, &g->reap_timer, instant_add(now, g->o.timing.reap_interval));
    timers_set(g->o.timers, &g->reconnect_timer, instant_add(now, g->o.timing.reconnect_interval));
}

/* ---- forgetting ---- */

void gossip_leave_erase(struct gossip *g, struct instant now, struct gossip_member *m)
{
    ASSERT(!gossip_is_self(g, m));
    if (m->status != GOSSIP_STATUS_NONE)
        gossip_news_member(g, now, GOSSIP_NEWS_REAP, m);
    gossip_swim_end(g, m);
    gossip_probe_erased(g, m);
    gossip_rival_erased(g, m);
    gossip_member_free(&g->table, m);
}

/* How long a member is kept after it went: it may say so itself (Consul's tag rc_tm). */
static int64_t keep_ns(const struct gossip *g, const struct gossip_member *m)
{
    int64_t ns = m->status == GOSSIP_STATUS_LEFT ? g->o.timing.tombstone_timeout.ns
                                                 : g->o.timing.reconnect_timeout.ns;
    struct gossip_list tags;
    struct duration own;
    struct str text;

    if (m->is_pruned)
        return g->o.timing.broadcast_timeout.ns + g->o.timing.leave_propagate.ns;
    if (gossip_tags_decode(gossip_member_meta(m), &tags) != 0)
        return ns;
    text = gossip_tags_find(tags, STR_LIT("rc_tm"));
    if (text.n > 0 && duration_parse(text, (struct duration){0}, &own) == 0 && own.ns > 0)
        return own.ns;
    return ns;
}

static void on_reap_due(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, reap_timer);

    timers_set(g->o.timers, t, instant_add(now, g->o.timing.reap_interval));
    /* From the end: whoever takes an erased one's place was looked at already. */
    for (uint32_t i = g->table.n; i > 0; i--) {
        struct gossip_member *m;

        if (i > g->table.n) /* a hook erased more */
            i = g->table.n;
        m = g->table.all[i - 1];
        if ((m->status == GOSSIP_STATUS_FAILED || m->status == GOSSIP_STATUS_LEFT) &&
            !gossip_is_self(g, m) && now.ns - m->parted > keep_ns(g, m))
            gossip_leave_erase(g, now, m);
    }
    MAP_FOREACH (&g->recent, e) {
        struct gossip_intent *kept = e->value;

        if (now.ns - kept->at > g->o.timing.intent_timeout.ns) {
            map_del(&g->recent, map_key(e));
            mem_free(kept);
        }
    }
}

/* With a chance that grows with how many failed, so that in a large pool not all try at once. */
static void on_reconnect_due(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, reconnect_timer);
    uint32_t failed = g->table.status_n[GOSSIP_STATUS_FAILED], nth;
    uint32_t gone = failed + g->table.status_n[GOSSIP_STATUS_LEFT];
    uint32_t there = g->table.n > gone ? g->table.n - gone : 1;

    timers_set(g->o.timers, t, instant_add(now, g->o.timing.reconnect_interval));
    if (failed == 0 || g->leave_phase != GOSSIP_STAY || rng_below(g->o.rng, there) >= failed)
        return;
    nth = (uint32_t)rng_below(g->o.rng, failed);
    for (uint32_t i = 0; i < g->table.n; i++) {
        const struct gossip_member *m = g->table.all[i];

        if (m->status == GOSSIP_STATUS_FAILED && nth-- == 0) {
            gossip_trace(g, LOG_INFO, "serf: attempting reconnect to %.*s",
                         STR_ARG(gossip_member_name(m)));
            (void)(gossip_exchange_dial(g, now, GOSSIP_DIAL_JOIN, &m->identity->addr, NULL, NULL) !=
                   0);
            return;
        }
    }
}

/* ---- leaving ---- */

static void enter_phase(struct gossip *g, struct instant now, enum gossip_leave_phase phase,
                        struct duration longest)
{
    g->leave_phase = phase;
    g->leave_deadline = instant_add(now, longest);
    timers_set(g->o.timers, &g->leave_timer, now);
}

static bool is_alone(const struct gossip *g)
{
    return g->table.state_n[GOSSIP_STATE_ALIVE] + g->table.state_n[GOSSIP_STATE_SUSPECT] -
               (gossip_is_up(g->self) ? 1 : 0) ==
           0;
}

/* Puts an intent about `name` into g->list; true: it was taken here too. */
static bool make_leave(struct gossip *g, struct instant now, struct str name, bool prune)
{
    struct gossip_serf_message m = {.kind = GOSSIP_SERF_LEAVE,
                                    .u.intent = {.ltime = g->clock, .node = name, .prune = prune}};

    buf_clear(&g->list);
    gossip_serf_encode(&m, &g->list);
    return gossip_serf_on_leave(g, now, &m.u.intent);
}

int gossip_leave(struct gossip *g, struct instant now, void (*done)(void *data), void *data)
{
    if (g->leave_phase != GOSSIP_STAY || !g->is_started)
        return ERR_CLOSED;
    g->leave_done = done;
    g->leave_data = data;
    enter_phase(g, now, GOSSIP_LEAVE_INTENT, g->o.timing.broadcast_timeout);
    gossip_snapshot_leave(g, now);
    (void)make_leave(g, now, gossip_member_name(g->self), false);
    if (!is_alone(g))
        gossip_spread_user(g, &g->intents, buf_str(&g->list), &g->leave_intent);
    return 0;
}

static void say_dead(struct gossip *g, struct instant now)
{
    struct gossip_claim c = {.incarnation = g->self->incarnation,
                             .node = gossip_member_name(g->self),
                             .from = gossip_member_name(g->self)};

    g->is_parting = true;
    gossip_swim_dead(g, now, &c);
}

/* Two rounds of gossip for each tenfold size of the pool. */
static struct duration spread_time(const struct gossip *g)
{
    return (struct duration){2 * g->o.timing.gossip_interval.ns *
                             (int64_t)gossip_suspicion_transmits(1, g->table.swim_n)};
}

/* Each phase lasts until its message was sent often enough. Ours: then the intent gets the time to
 * reach those whom others must tell, since who hears of the death first takes it for a failure. */
static void on_leave_due(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, leave_timer);
    bool is_over = !instant_before(now, g->leave_deadline);

    switch (g->leave_phase) {
    case GOSSIP_LEAVE_INTENT:
        if (!g->leave_intent && !g->is_intent_said) {
            struct instant later = instant_add(now, spread_time(g));

            g->is_intent_said = true;
            if (instant_before(later, g->leave_deadline))
                g->leave_deadline = later;
        }
        if (is_over || is_alone(g)) {
            enter_phase(g, now, GOSSIP_LEAVE_DEAD, g->o.timing.broadcast_timeout);
            say_dead(g, now);
            return;
        }
        break;
    case GOSSIP_LEAVE_DEAD:
        if (!g->self->queued || is_over || is_alone(g)) {
            enter_phase(g, now, GOSSIP_LEAVE_LINGER,
                        is_alone(g) ? (struct duration){0} : g->o.timing.leave_propagate);
            return;
        }
        break;
    case GOSSIP_LEAVE_LINGER:
        if (is_over) {
            void (*done)(void *data) = g->leave_done;

            g->leave_done = NULL;
            if (done)
                done(g->leave_data);
            return;
        }
        break;
    case GOSSIP_STAY:
        return;
    }
    timers_set(g->o.timers, t,
               instant_add(now, (struct duration){g->o.timing.gossip_interval.ns / 4}));
}

int gossip_force_leave(struct gossip *g, struct instant now, struct str name, bool prune)
{
    const struct gossip_member *m = gossip_member_find(&g->table, name);
    char copy[GOSSIP_NODE_SIZE_MAX]; /* the caller's may end with the member */
    bool is_taken;

    if (!m)
        return ERR_NOT_FOUND;
    memcpy(copy, name.p, name.n);
    name.p = copy;
    if (gossip_is_self(g, m))
        return ERR_INVALID;
    is_taken = make_leave(g, now, name, prune);
    /* Said to all in any case: others may know more of it than we do. */
    if (!is_alone(g) || is_taken) {
        struct gossip_serf_message again = {
            .kind = GOSSIP_SERF_LEAVE,
            .u.intent = {.ltime = g->clock - 1, .node = name, .prune = prune}};

        buf_clear(&g->list); /* a hook may have used it */
        gossip_serf_encode(&again, &g->list);
        gossip_spread_user(g, &g->intents, buf_str(&g->list), NULL);
    }
    return 0;
}
