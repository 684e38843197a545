/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of the membership layer: what becomes of a member when somebody says that it is
 * alive, suspect or dead. SWIM (Das, Gupta, Motivala 2002), section 4, as memberlist does it.
 *
 *            alive, larger incarnation
 *      +-------------------------------------+
 *      v                                     |
 *    ALIVE --suspect, at least as large--> SUSPECT --time is up, or dead--> DEAD --(forgotten)
 *      |                                                                     ^
 *      +--dead, at least as large--------------------------------------------+
 *      +--dead said by itself--> LEFT                 alive, larger: back to ALIVE from anywhere
 *
 * Only a member itself raises its incarnation: so it has the last word about being alive. What we
 * hear and believe we say on; what we hear about ourselves we contradict.
 */
#include "config.h"

#include "base/mem.h"
#include "gossip/gossip_core.h"

static void refute(struct gossip *g, uint32_t accused);

/* ---- what is said on ---- */

static void queue_message(struct gossip *g, struct gossip_member *m,
                          const struct gossip_message *message)
{
    buf_clear(&g->message);
    gossip_message_encode(message, &g->message);
    gossip_queue_add(&g->membership, buf_str(&g->message), &m->queued, gossip_queue_limit(g));
}

static void queue_alive(struct gossip *g, struct gossip_member *m)
{
    const struct gossip_identity *d = m->identity;
    uint8_t ip[16];
    struct gossip_message message = {
        .kind = GOSSIP_ALIVE,
        .u.alive = {.node = gossip_member_name(m),
                    .addr = gossip_message_ip(&d->addr, ip),
                    .port = addr_port(&d->addr),
                    .incarnation = m->incarnation,
                    .meta = gossip_member_meta(m),
                    .vsn = str_make(d->vsn, GOSSIP_VSN_SIZE)},
    };

    queue_message(g, m, &message);
}

static void queue_claim(struct gossip *g, struct gossip_member *m, enum gossip_kind kind,
                        const struct gossip_claim *c)
{
    struct gossip_message message = {.kind = kind, .u.claim = *c};

    queue_message(g, m, &message);
}

void gossip_swim_queue_self(struct gossip *g)
{
    queue_alive(g, g->self);
}

static void end_suspicion(struct gossip *g, struct gossip_member *m)
{
    if (!m->suspicion)
        return;
    timers_cancel(g->o.timers, &m->suspicion->timer);
    mem_free(m->suspicion);
    m->suspicion = NULL;
}

void gossip_swim_end(struct gossip *g, struct gossip_member *m)
{
    end_suspicion(g, m);
    if (m->queued)
        gossip_queue_drop(&g->membership, m->queued);
}

void gossip_swim_forget(struct gossip *g, struct gossip_member *m)
{
    gossip_swim_end(g, m);
    gossip_member_exit(&g->table, m);
}

/* ---- alive ---- */

static bool is_versioned(struct str vsn)
{
    const uint8_t *v = (const uint8_t *)vsn.p;

    /* Ours: the reference takes an alive without versions, and then fails every exchange. */
    return vsn.n >= GOSSIP_VSN_SIZE && v[GOSSIP_VSN_PROTO_MIN] > 0 && v[GOSSIP_VSN_PROTO_MAX] > 0 &&
           v[GOSSIP_VSN_PROTO_MIN] <= v[GOSSIP_VSN_PROTO_MAX];
}

/* Numbers grow one by one: who leaps wants to use them up. Who is not refuted has to be believed
 * by nobody, so all must refuse the same. */
static bool is_leap(const struct gossip *g, const struct gossip_member *m, uint32_t incarnation)
{
    if (!m || !gossip_member_in_swim(&g->table, m))
        return incarnation > GOSSIP_INCARNATION_MAX;
    return incarnation > m->incarnation &&
           incarnation - m->incarnation > GOSSIP_INCARNATION_LEAP_MAX;
}

/* May it be believed at all? Then *ret is its address. */
static bool is_acceptable(struct gossip *g, const struct gossip_node *n,
                          const struct gossip_member *m, struct addr *ret)
{
    uint16_t port = n->port ? n->port : addr_port(&g->o.addr);
    struct error err = {0};
    bool is_self = m && gossip_is_self(g, m);

    if (n->node.n == 0 || n->node.n > GOSSIP_NODE_SIZE_MAX || n->meta.n > GOSSIP_META_SIZE_MAX ||
        !is_versioned(n->vsn) || is_leap(g, m, n->incarnation) ||
        gossip_message_addr(n->addr, port, ret) != 0 || addr_is_any(ret)) {
        g->stats.messages_bad++;
        return false;
    }
    if (!is_self && g->o.hooks.accept && g->o.hooks.accept(g->o.hooks.data, n, &err) < 0) {
        g->stats.refused++;
        gossip_trace(g, LOG_WARN, "memberlist: ignoring alive message for '%.*s': %s",
                     STR_ARG(n->node), err.text);
        return false;
    }
    return true;
}

/* The one of this name, entered into the membership layer if it was not there; NULL: no room. */
static struct gossip_member *enter(struct gossip *g, struct str name, const struct addr *addr)
{
    struct gossip_member *m = gossip_member_find(&g->table, name);

    if (m && gossip_member_in_swim(&g->table, m))
        return m;
    if (!m) {
        if (g->table.n >= g->o.members_max) {
            g->stats.members_refused++;
            return NULL;
        }
        return gossip_member_add(&g->table, name, addr, g->o.rng);
    }
    m->incarnation = 0;
    m->state = GOSSIP_STATE_DEAD;
    gossip_member_describe(&g->table, m, addr, gossip_member_meta(m), m->identity->vsn);
    gossip_member_enter(&g->table, m, g->o.rng);
    return m;
}

/* Known by another address: may it take the name over? */
bool gossip_swim_may_take_over(const struct gossip *g, const struct gossip_member *m,
                               struct instant now)
{
    int64_t reclaim = g->o.timing.dead_reclaim.ns;

    return m->state == GOSSIP_STATE_LEFT ||
           (m->state == GOSSIP_STATE_DEAD && reclaim > 0 && now.ns - m->changed > reclaim);
}

static void on_conflict(struct gossip *g, struct instant now, struct gossip_member *m,
                        const struct addr *other)
{
    char theirs[ADDR_TEXT_MAX], ours[ADDR_TEXT_MAX];

    g->stats.conflicts++;
    addr_format(other, theirs);
    addr_format(&m->identity->addr, ours);
    gossip_trace(g, LOG_ERROR,
                 "memberlist: Conflicting address for %.*s. Mine: %s Theirs: %s Old state: %u",
                 STR_ARG(gossip_member_name(m)), ours, theirs, m->state);
    gossip_rival_note(g, now, m, other);
    if (g->o.hooks.conflict)
        g->o.hooks.conflict(g->o.hooks.data, m, other);
    /* Is the old one still there? That another bears the name speaks against it. */
    if (m->suspicion && !g->o.no_lifeguard &&
        gossip_suspicion_confirm(m->suspicion, gossip_member_hash(&g->table, str_z(theirs))))
        timers_set(g->o.timers, &m->suspicion->timer, gossip_suspicion_deadline(m->suspicion));
    else if (!gossip_is_self(g, m))
        gossip_probe_soon(g, m);
    if (gossip_is_self(g, m) && g->o.resolve_conflict)
        gossip_answer_resolve(g, now);
}

/* Says it, takes it over, and tells Serf. */
static void accept_alive(struct gossip *g, struct instant now, struct gossip_member *m,
                         const struct gossip_node *n, const struct addr *addr)
{
    bool was_up = gossip_is_up(m), is_new_meta = !str_eq(n->meta, gossip_member_meta(m));

    m->incarnation = n->incarnation;
    gossip_member_describe(&g->table, m, addr, n->meta, (const uint8_t *)n->vsn.p);
    queue_alive(g, m);
    if (m->state != GOSSIP_STATE_ALIVE)
        gossip_member_set_state(&g->table, m, GOSSIP_STATE_ALIVE, now);
    if (!was_up || m->status == GOSSIP_STATUS_NONE)
        gossip_serf_joined(g, now, m);
    else if (is_new_meta)
        gossip_serf_updated(g, now, m);
}

void gossip_swim_alive(struct gossip *g, struct instant now, const struct gossip_node *n)
{
    struct gossip_member *m = gossip_member_find(&g->table, n->node);
    bool is_self = m && gossip_is_self(g, m), takes_over = false;
    struct addr addr;

    if ((is_self && g->is_parting) || !is_acceptable(g, n, m, &addr))
        return;
    m = enter(g, n->node, &addr);
    if (!m)
        return;
    if (!addr_eq(&m->identity->addr, &addr)) {
        takes_over = !is_self && gossip_swim_may_take_over(g, m, now);
        if (!takes_over) {
            on_conflict(g, now, m, &addr);
            return;
        }
    }
    if (is_self) {
        if (n->incarnation < m->incarnation)
            return;
        if (n->incarnation == m->incarnation && str_eq(n->meta, gossip_member_meta(m)) &&
            memcmp(n->vsn.p, m->identity->vsn, GOSSIP_VSN_SIZE) == 0)
            return;
        gossip_trace(g, LOG_WARN, "memberlist: Refuting an alive message for '%.*s' (%u vs %u)",
                     STR_ARG(n->node), n->incarnation, m->incarnation);
        refute(g, n->incarnation);
        return;
    }
    if (n->incarnation <= m->incarnation && !takes_over) {
        /* Entered a moment ago for an alive of incarnation 0: not to be remembered. */
        if (m->status == GOSSIP_STATUS_NONE && !gossip_is_up(m))
            gossip_leave_erase(g, now, m);
        return;
    }
    end_suspicion(g, m);
    accept_alive(g, now, m, n, &addr);
}

/* Whatever they say: we are here. */
static void refute(struct gossip *g, uint32_t accused)
{
    struct gossip_member *m = g->self;
    uint32_t next = (accused > m->incarnation ? accused : m->incarnation) + 1;

    m->incarnation = next;
    g->stats.refutations++;
    gossip_probe_health(g, 1);
    queue_alive(g, m);
}

/* ---- suspect ---- */

static void on_time_up(struct timer *t, struct instant now)
{
    struct gossip_suspicion *s = LIST_ITEM(t, struct gossip_suspicion, timer);
    struct gossip *g = s->gossip;
    struct gossip_member *m = s->member;
    char name[GOSSIP_NODE_SIZE_MAX];
    struct gossip_claim c = {.incarnation = m->incarnation, .from = gossip_member_name(g->self)};

    if (gossip_probe_is_late(g, t, now, &s->late)) { /* perhaps it has contradicted meanwhile */
        timers_set(g->o.timers, t, instant_add(now, g->o.timing.probe_interval));
        return;
    }
    c.node = gossip_member_name(m);
    memcpy(name, c.node.p, c.node.n);
    c.node.p = name;
    gossip_trace(
        g, LOG_INFO,
        "memberlist: Marking %.*s as failed, suspect timeout reached (%u peer confirmations)",
        STR_ARG(c.node), s->known);
    gossip_swim_dead(g, now, &c);
}

static void start_suspicion(struct gossip *g, struct instant now, struct gossip_member *m,
                            struct str accuser)
{
    const struct gossip_timing *t = &g->o.timing;
    uint32_t n = g->table.swim_n;
    uint32_t wanted = g->o.no_lifeguard ? 0 : gossip_suspicion_wanted(t->suspicion_mult, n);
    int64_t min = gossip_suspicion_min_ms(t->suspicion_mult, n, t->probe_interval);
    struct gossip_suspicion *s = mem_new(struct gossip_suspicion);

    gossip_suspicion_init(s, now, gossip_member_hash(&g->table, accuser), wanted, min,
                          min * t->suspicion_max_mult);
    s->gossip = g;
    s->member = m;
    s->timer.fire = on_time_up;
    m->suspicion = s;
    timers_set(g->o.timers, &s->timer, gossip_suspicion_deadline(s));
}

/* A claim about a member of the layer that is not outdated; NULL otherwise. */
static struct gossip_member *claimed(struct gossip *g, const struct gossip_claim *c)
{
    struct gossip_member *m = gossip_member_find(&g->table, c->node);

    if (!m || !gossip_member_in_swim(&g->table, m) || c->incarnation < m->incarnation)
        return NULL;
    if (is_leap(g, m, c->incarnation)) {
        g->stats.messages_bad++;
        return NULL;
    }
    return m;
}

void gossip_swim_suspect(struct gossip *g, struct instant now, const struct gossip_claim *c)
{
    struct gossip_member *m = claimed(g, c);

    if (!m)
        return;
    if (m->suspicion) {
        if (gossip_suspicion_confirm(m->suspicion, gossip_member_hash(&g->table, c->from))) {
            timers_set(g->o.timers, &m->suspicion->timer, gossip_suspicion_deadline(m->suspicion));
            queue_claim(g, m, GOSSIP_SUSPECT, c);
        }
        return;
    }
    if (m->state != GOSSIP_STATE_ALIVE)
        return;
    if (gossip_is_self(g, m)) {
        gossip_trace(g, LOG_WARN, "memberlist: Refuting a suspect message (from: %.*s)",
                     STR_ARG(c->from));
        refute(g, c->incarnation);
        return;
    }
    g->stats.suspicions++;
    queue_claim(g, m, GOSSIP_SUSPECT, c);
    m->incarnation = c->incarnation;
    gossip_member_set_state(&g->table, m, GOSSIP_STATE_SUSPECT, now);
    start_suspicion(g, now, m, c->from);
}

/* ---- dead ---- */

void gossip_swim_dead(struct gossip *g, struct instant now, const struct gossip_claim *c)
{
    struct gossip_member *m = claimed(g, c);

    if (!m)
        return;
    end_suspicion(g, m);
    if (!gossip_is_up(m))
        return;
    if (gossip_is_self(g, m) && !g->is_parting) {
        gossip_trace(g, LOG_WARN, "memberlist: Refuting a dead message (from: %.*s)",
                     STR_ARG(c->from));
        refute(g, c->incarnation);
        return;
    }
    queue_claim(g, m, GOSSIP_DEAD, c);
    m->incarnation = c->incarnation;
    gossip_member_set_state(&g->table, m,
                            str_eq(c->node, c->from) ? GOSSIP_STATE_LEFT : GOSSIP_STATE_DEAD, now);
    gossip_serf_parted(g, now, m);
}
