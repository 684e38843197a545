/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What goes out. News are not sent by themselves: they ride in what room the packets of the
 * failure detector leave (SWIM 4.1), and besides, every gossip interval, a packet of news goes to
 * a few members chosen at random.
 */
#include "config.h"

#include "gossip/gossip_core.h"

#define NODES_MAX     16
#define ROOM_MIN      3 /* less is not worth a look */
#define PROTO_CRC_MIN 5
#define SMALL_POOL    100

static void on_spread_due(struct timer *t, struct instant now);

uint32_t gossip_queue_limit(const struct gossip *g)
{
    uint32_t twice = 2 * g->table.n;

    return twice > GOSSIP_INTENTS_MAX ? twice : GOSSIP_INTENTS_MAX;
}

void gossip_spread_start(struct gossip *g, struct instant now)
{
    int64_t interval = g->o.timing.gossip_interval.ns;

    g->spread_timer.fire = on_spread_due;
    timers_set(g->o.timers, &g->spread_timer,
               (struct instant){now.ns + (int64_t)rng_below(g->o.rng, (uint64_t)interval)});
}

bool gossip_spread_is_crc(const struct gossip_member *m)
{
    return m->identity->vsn[GOSSIP_VSN_PROTO_MAX] >= PROTO_CRC_MIN;
}

void gossip_spread_bare(struct gossip *g, struct str message, const struct addr *to, bool crc)
{
    buf_clear(&g->packet);
    gossip_packet_seal(g->o.packet, message, crc, &g->packet);
    g->stats.packets_sent++;
    g->stats.bytes_sent += g->packet.n;
    g->o.out.send(g->o.out.data, to, buf_str(&g->packet));
}

/* ---- picking ---- */

enum { QUEUES = 4 };
struct load {
    struct gossip_queue_pick picks[QUEUES];
    struct str parts[GOSSIP_COMPOUND_MAX];
    size_t n;
};

static struct gossip_queue *queue_at(struct gossip *g, int i)
{
    struct gossip_queue *queues[QUEUES] = {&g->membership, &g->intents, &g->queries, &g->events};

    return queues[i];
}

/* Membership first, then Serf's intents, queries and events. */
static void fill(struct gossip *g, struct load *l, size_t room)
{
    for (int i = 0; i < QUEUES; i++) {
        struct gossip_queue *q = queue_at(g, i);
        struct gossip_broadcast *b;

        l->picks[i] = (struct gossip_queue_pick){0};
        if (q->n == 0)
            continue;
        while (l->n < GOSSIP_COMPOUND_MAX && room > ROOM_MIN &&
               (b = gossip_queue_take(q, &l->picks[i], room - 2))) {
            l->parts[l->n++] = (struct str){b->bytes, b->size};
            room -= b->size + 2U;
        }
    }
}

/* Each member hears of a broadcast as often, on average, as it may be sent: r times; so e^-r of
 * them never do. memberlist's r of 4 below ten and 8 below a hundred members passes somebody by in
 * one of fifty broadcasts, which only the next state exchange mends. Ours: one step more there. */
static uint32_t limit_of(const struct gossip *g, uint32_t n)
{
    uint32_t steps = n < SMALL_POOL ? 1 : 0;

    return gossip_suspicion_transmits(g->o.timing.retransmit_mult, n) +
           steps * (uint32_t)g->o.timing.retransmit_mult;
}

static void settle(struct gossip *g, struct load *l)
{
    uint32_t serf_n = g->table.n - g->table.status_n[GOSSIP_STATUS_NONE];

    for (int i = 0; i < QUEUES; i++) {
        if (l->picks[i].taken)
            gossip_queue_taken(queue_at(g, i), &l->picks[i],
                               limit_of(g, i ? serf_n : g->table.swim_n));
    }
}

static bool is_news(const struct gossip *g)
{
    return g->membership.n || g->intents.n || g->queries.n || g->events.n;
}

void gossip_spread_message(struct gossip *g, const struct gossip_message *m, const struct addr *to)
{
    struct load l;
    size_t used;

    buf_clear(&g->message);
    gossip_message_encode(m, &g->message);
    if (!is_news(g)) {
        gossip_spread_bare(g, buf_str(&g->message), to, false);
        return;
    }
    used = g->message.n + GOSSIP_COMPOUND_SIZE + gossip_packet_overhead(g->o.packet);
    l.n = 1;
    l.parts[0] = buf_str(&g->message);
    fill(g, &l, g->o.timing.packet_size > used ? g->o.timing.packet_size - used : 0);
    buf_clear(&g->body);
    gossip_packet_compound(l.parts, l.n, &g->body);
    settle(g, &l);
    gossip_spread_bare(g, buf_str(&g->body), to, false);
}

void gossip_spread_user(struct gossip *g, struct gossip_queue *q, struct str serf_message,
                        struct gossip_broadcast **owner)
{
    buf_clear(&g->message);
    buf_put_u8(&g->message, GOSSIP_USER);
    buf_put_str(&g->message, serf_message);
    gossip_queue_add(q, buf_str(&g->message), owner, gossip_queue_limit(g));
}

/* ---- to whom ---- */

static bool is_among(struct gossip_member *const *list, uint32_t n, const struct gossip_member *m)
{
    for (uint32_t i = 0; i < n; i++) {
        if (list[i] == m)
            return true;
    }
    return false;
}

/* Tries at random, as memberlist does: three times the members, which a few draws end early. */
uint32_t gossip_spread_choose(struct gossip *g, uint32_t n, const struct gossip_member *but,
                              uint8_t min_proto, bool only_alive, struct instant now,
                              struct gossip_member **ret)
{
    const struct gossip_table *t = &g->table;
    uint32_t found = 0;

    for (uint32_t tries = 3 * t->swim_n; tries > 0 && found < n; tries--) {
        struct gossip_member *m = t->all[rng_below(g->o.rng, t->swim_n)];
        bool is_fit = m->state == GOSSIP_STATE_ALIVE;

        /* News go to suspects too, and for a while to the dead: perhaps they are not. */
        if (!only_alive)
            is_fit = gossip_is_up(m) || (m->state == GOSSIP_STATE_DEAD &&
                                         now.ns - m->changed <= g->o.timing.dead_gossip.ns);
        if (is_fit && m != but && !gossip_is_self(g, m) &&
            m->identity->vsn[GOSSIP_VSN_PROTO_MAX] >= min_proto && !is_among(ret, found, m))
            ret[found++] = m;
    }
    return found;
}

static void on_spread_due(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, spread_timer);
    size_t used = GOSSIP_COMPOUND_SIZE + gossip_packet_overhead(g->o.packet);
    struct gossip_member *targets[NODES_MAX];
    uint32_t n = (uint32_t)g->o.timing.gossip_nodes;

    timers_set(g->o.timers, t, instant_add(now, g->o.timing.gossip_interval));
    if (!is_news(g))
        return;
    n = gossip_spread_choose(g, n < NODES_MAX ? n : NODES_MAX, NULL, 0, false, now, targets);
    for (uint32_t i = 0; i < n && is_news(g); i++) {
        struct load l;

        l.n = 0;
        fill(g, &l, g->o.timing.packet_size - used);
        if (l.n > 0) {
            buf_clear(&g->body);
            gossip_packet_compound(l.parts, l.n, &g->body);
            settle(g, &l);
            gossip_spread_bare(g, buf_str(&g->body), &targets[i]->identity->addr,
                               gossip_spread_is_crc(targets[i]));
        }
    }
}
