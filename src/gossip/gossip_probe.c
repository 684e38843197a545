/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Failure detection: every interval one member is asked whether it is there, in an order that is
 * shuffled after each round, so that each is asked by each at most two rounds apart (SWIM 4.3).
 *
 *     t0            ping                                    (IDLE -> DIRECT)
 *     t0 + T        three others are asked to ping it, and
 *                   a stream tries it too                   (DIRECT -> INDIRECT)
 *     t0 + I        no answer: it is suspected              (-> IDLE)
 *
 * Ours: while it is not answered, the ping goes out again each T / 3, six times in all, with the
 * same number; and one for somebody else once more at T / 2. memberlist sends it once, so that a
 * network that loses 30 % fails every eighth probe; in a pool of a thousand the suspicions and
 * their contradictions are then more than gossip can carry, and the contradictions come too late.
 *
 * Lifeguard: I grows with our own health score, which rises when others contradict us or do not
 * even tell us that they failed too (nacks); a suspect's ping carries the suspicion with it, so
 * that it can contradict at once (buddy system).
 */
#include "config.h"

#include "base/mem.h"
#include "gossip/gossip_core.h"

#define INDIRECT_MAX     16
#define PINGS_MAX        6
#define LATE_NS          INT64_C(500000000)
#define LATE_MAX         3
#define PROTO_STREAM_MIN 3 /* answers pings on streams */
#define PROTO_NACK_MIN   4

static void on_tick(struct timer *t, struct instant now);
static void on_relay_due(struct timer *t, struct instant now);
static void on_again(struct timer *t, struct instant now);
static void set_relay_timer(struct gossip *g);
static void conclude(struct gossip *g, struct instant now);

void gossip_probe_start(struct gossip *g, struct instant now)
{
    int64_t interval = g->o.timing.probe_interval.ns;

    g->probe_timer.fire = on_tick;
    g->relay_timer.fire = on_relay_due;
    g->again_timer.fire = on_again;
    g->probe.tick.ns = now.ns + (int64_t)rng_below(g->o.rng, (uint64_t)interval);
    timers_set(g->o.timers, &g->probe_timer, g->probe.tick);
}

void gossip_probe_stop(struct gossip *g)
{
    timers_cancel(g->o.timers, &g->probe_timer);
    timers_cancel(g->o.timers, &g->relay_timer);
    timers_cancel(g->o.timers, &g->again_timer);
    mem_free(g->relays);
    g->relays = NULL;
    g->relay_n = g->relay_cap = 0;
}

void gossip_probe_health(struct gossip *g, int64_t delta)
{
    if (!g->o.no_lifeguard)
        g->health = gossip_suspicion_health(g->health, delta);
}

/* Ours: a timer that fires long after its time tells that this process slept. What it waited for
 * may lie unread in the socket, so that nothing can be concluded from its absence. But one that is
 * always late must not be blind: so often in a row, no more. */
bool gossip_probe_is_late(const struct gossip *g, const struct timer *t, struct instant now,
                          uint32_t *in_a_row)
{
    int64_t ns = g->o.timing.probe_timeout.ns > LATE_NS ? g->o.timing.probe_timeout.ns : LATE_NS;

    if (g->o.no_lifeguard || instant_since(now, t->at).ns <= ns || *in_a_row >= LATE_MAX) {
        *in_a_row = 0;
        return false;
    }
    ++*in_a_row;
    return true;
}

void gossip_probe_soon(struct gossip *g, struct gossip_member *m)
{
    if (g->probe.next < g->table.swim_n && gossip_member_in_swim(&g->table, m))
        gossip_member_swap(&g->table, m->at, g->probe.next);
}

void gossip_probe_erased(struct gossip *g, const struct gossip_member *m)
{
    if (g->probe.member == m)
        g->probe.member = NULL;
}

/* ---- whom to ask ---- */

/* At the end of a round: those that are dead for long are dropped from the layer (Serf keeps its
 * own, longer memory), and the order changes. */
static void next_round(struct gossip *g, struct instant now)
{
    for (uint32_t i = g->table.swim_n; i > 0; i--) {
        struct gossip_member *m = g->table.all[i - 1];

        if (!gossip_is_up(m) && !gossip_is_self(g, m) &&
            now.ns - m->changed > g->o.timing.dead_gossip.ns)
            gossip_swim_forget(g, m);
    }
    gossip_member_shuffle(&g->table, g->o.rng);
    g->probe.next = 0;
}

static struct gossip_member *next_member(struct gossip *g, struct instant now)
{
    for (uint32_t tries = g->table.swim_n + 1; tries > 0; tries--) {
        struct gossip_member *m;

        if (g->probe.next >= g->table.swim_n)
            next_round(g, now);
        m = g->table.all[g->probe.next++];
        if (!gossip_is_self(g, m) && gossip_is_up(m))
            return m;
    }
    return NULL;
}

/* ---- asking ---- */

static struct duration interval_now(const struct gossip *g)
{
    return (struct duration){g->o.timing.probe_interval.ns * (int64_t)(g->health + 1)};
}

static struct gossip_ping make_ping(const struct gossip *g, uint32_t seq, struct str node,
                                    uint8_t ip[16])
{
    return (struct gossip_ping){.seq = seq,
                                .node = node,
                                .source_addr = gossip_message_ip(&g->o.addr, ip),
                                .source_port = addr_port(&g->o.addr),
                                .source_node = gossip_member_name(g->self)};
}

/* The ping and the suspicion in one packet, and nothing else. */
static void send_buddy_ping(struct gossip *g, const struct gossip_message *ping,
                            const struct gossip_member *m)
{
    struct gossip_message claim = {.kind = GOSSIP_SUSPECT,
                                   .u.claim = {.incarnation = m->incarnation,
                                               .node = gossip_member_name(m),
                                               .from = gossip_member_name(g->self)}};
    struct str parts[2];

    buf_clear(&g->message);
    gossip_message_encode(ping, &g->message);
    parts[0].n = g->message.n;
    gossip_message_encode(&claim, &g->message);
    parts[0].p = g->message.p;
    parts[1] = str_drop(buf_str(&g->message), parts[0].n);
    buf_clear(&g->body);
    gossip_packet_compound(parts, 2, &g->body);
    gossip_spread_bare(g, buf_str(&g->body), &m->identity->addr, gossip_spread_is_crc(m));
}

static void send_ping(struct gossip *g, struct gossip_member *m)
{
    uint8_t ip[16];
    struct gossip_message ping = {.kind = GOSSIP_PING};

    ping.u.ping = make_ping(g, g->probe.seq, gossip_member_name(m), ip);
    if (m->state == GOSSIP_STATE_SUSPECT && !g->o.no_lifeguard)
        send_buddy_ping(g, &ping, m);
    else
        gossip_spread_message(g, &ping, &m->identity->addr);
}

static void set_again(struct gossip *g, struct instant now)
{
    struct gossip_probe *p = &g->probe;
    struct instant at = instant_add(now, (struct duration){g->o.timing.probe_timeout.ns / 3});

    if (!g->o.no_resend && ++p->pings < PINGS_MAX && instant_before(at, p->until))
        timers_set(g->o.timers, &g->again_timer, at);
}

static void on_again(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, again_timer);

    if (g->probe.phase == GOSSIP_PROBE_IDLE || !g->probe.member)
        return;
    set_again(g, now);
    send_ping(g, g->probe.member);
}

static void begin(struct gossip *g, struct instant now, struct gossip_member *m)
{
    struct gossip_probe *p = &g->probe;

    p->phase = GOSSIP_PROBE_DIRECT;
    p->member = m;
    p->seq = ++g->seq;
    p->sent = now;
    p->until = instant_add(now, interval_now(g));
    p->nacks = p->nacks_wanted = 0;
    p->dial = 0;
    p->stream_works = false;
    g->stats.probes++;
    timers_set(g->o.timers, &g->probe_timer, instant_add(now, g->o.timing.probe_timeout));
    p->pings = 0;
    set_again(g, now);
    send_ping(g, m);
}

static void ask_others(struct gossip *g, struct instant now)
{
    struct gossip_member *m = g->probe.member, *others[INDIRECT_MAX];
    uint32_t n = (uint32_t)g->o.timing.indirect_checks;
    uint8_t source[16], target[16];
    struct gossip_message ask = {.kind = GOSSIP_INDIRECT};
    struct gossip_indirect *i = &ask.u.indirect;

    *i = (struct gossip_indirect){.seq = g->probe.seq,
                                  .node = gossip_member_name(m),
                                  .target = gossip_message_ip(&m->identity->addr, target),
                                  .port = addr_port(&m->identity->addr),
                                  .source_addr = gossip_message_ip(&g->o.addr, source),
                                  .source_port = addr_port(&g->o.addr),
                                  .source_node = gossip_member_name(g->self)};
    n = gossip_spread_choose(g, n < INDIRECT_MAX ? n : INDIRECT_MAX, m, 0, true, now, others);
    for (uint32_t k = 0; k < n; k++) {
        i->nack = others[k]->identity->vsn[GOSSIP_VSN_PROTO_MAX] >= PROTO_NACK_MIN;
        if (i->nack)
            g->probe.nacks_wanted++;
        gossip_spread_message(g, &ask, &others[k]->identity->addr);
    }
}

/* t0 + T */
static void go_indirect(struct gossip *g, struct instant now)
{
    struct gossip_member *m = g->probe.member;

    g->probe.phase = GOSSIP_PROBE_INDIRECT;
    timers_set(g->o.timers, &g->probe_timer, g->probe.until);
    ask_others(g, now);
    if (m->identity->vsn[GOSSIP_VSN_PROTO_MAX] >= PROTO_STREAM_MIN &&
        gossip_exchange_dial(g, now, GOSSIP_DIAL_PING, &m->identity->addr, NULL, &g->probe.dial) !=
            0)
        g->probe.dial = 0;
}

static void finish(struct gossip *g, struct instant now)
{
    int64_t interval = g->o.timing.probe_interval.ns;
    struct gossip_probe *p = &g->probe;

    p->phase = GOSSIP_PROBE_IDLE;
    p->member = NULL;
    timers_cancel(g->o.timers, &g->again_timer);
    /* A probe that took longer swallows the ticks that passed, but the last. */
    p->tick.ns += interval;
    if (p->tick.ns + interval <= now.ns)
        p->tick.ns += (now.ns - p->tick.ns) / interval * interval;
    timers_set(g->o.timers, &g->probe_timer, instant_before(p->tick, now) ? now : p->tick);
}

static void on_tick(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, probe_timer);
    struct gossip_member *m;

    if (g->probe.phase != GOSSIP_PROBE_IDLE && gossip_probe_is_late(g, t, now, &g->probe.late)) {
        gossip_probe_health(g, 1);
        finish(g, now);
        return;
    }
    switch (g->probe.phase) {
    case GOSSIP_PROBE_IDLE:
        m = next_member(g, now);
        if (m)
            begin(g, now, m);
        else
            finish(g, now);
        break;
    case GOSSIP_PROBE_DIRECT:
        if (g->probe.member)
            go_indirect(g, now);
        else
            finish(g, now);
        break;
    case GOSSIP_PROBE_INDIRECT:
        conclude(g, now);
        break;
    }
}

/* t0 + I, and no answer */
static void conclude(struct gossip *g, struct instant now)
{
    struct gossip_probe *p = &g->probe;
    struct gossip_member *m = p->member;
    struct gossip_claim c;

    if (!m) {
        finish(g, now);
        return;
    }
    if (p->stream_works) {
        gossip_trace(g, LOG_WARN,
                     "memberlist: Was able to connect to %.*s over TCP but UDP probes failed, "
                     "network may be misconfigured",
                     STR_ARG(gossip_member_name(m)));
        finish(g, now);
        return;
    }
    g->stats.probes_failed++;
    gossip_probe_health(g, p->nacks_wanted ? (int64_t)p->nacks_wanted - (int64_t)p->nacks
                                           : INT64_C(1));
    gossip_trace(g, LOG_INFO, "memberlist: Suspect %.*s has failed, no acks received",
                 STR_ARG(gossip_member_name(m)));
    c = (struct gossip_claim){m->incarnation, gossip_member_name(m), gossip_member_name(g->self)};
    finish(g, now);
    gossip_swim_suspect(g, now, &c);
}

/* ---- answers ---- */

static void learn_distance(struct gossip *g, struct instant now, struct gossip_member *m,
                           struct str payload)
{
    struct gossip_coordinate c;

    if (g->o.no_coordinates || payload.n == 0)
        return;
    if (gossip_coordinate_decode(payload, &c) != 0) {
        g->stats.messages_bad++;
        return;
    }
    if (!m->trip)
        m->trip = mem_new(struct gossip_trip);
    if (gossip_vivaldi_update(&g->vivaldi, &m->trip->filter, &c, instant_since(now, g->probe.sent),
                              g->o.rng) != 0)
        return;
    m->trip->coordinate = c;
    m->trip->at = now.ns;
}

static void forward(struct gossip *g, uint32_t i, bool is_ack)
{
    struct gossip_relay r = g->relays[i];
    struct gossip_message m = {.kind = is_ack ? GOSSIP_ACK : GOSSIP_NACK,
                               .u.ack = {.seq = r.their_seq}};

    memmove(&g->relays[i], &g->relays[i + 1], (g->relay_n - i - 1) * sizeof(r));
    g->relay_n--;
    if (is_ack || r.nack)
        gossip_spread_message(g, &m, &r.to);
}

void gossip_probe_on_ack(struct gossip *g, struct instant now, const struct gossip_ack *a)
{
    struct gossip_probe *p = &g->probe;

    if (p->phase != GOSSIP_PROBE_IDLE && a->seq == p->seq) {
        /* Only a direct answer to the only ping measures the way (Karn). */
        if (p->phase == GOSSIP_PROBE_DIRECT && p->member && p->pings <= 1)
            learn_distance(g, now, p->member, a->payload);
        gossip_probe_health(g, -1);
        finish(g, now);
        return;
    }
    for (uint32_t i = 0; i < g->relay_n; i++) {
        if (g->relays[i].seq == a->seq) {
            forward(g, i, true);
            return;
        }
    }
}

void gossip_probe_on_nack(struct gossip *g, const struct gossip_ack *a)
{
    struct gossip_probe *p = &g->probe;

    if (p->phase == GOSSIP_PROBE_INDIRECT && a->seq == p->seq && p->nacks < p->nacks_wanted)
        p->nacks++;
}

void gossip_probe_on_stream(struct gossip *g, uint64_t dial, int status, struct str answer)
{
    struct gossip_message m;

    if (status == 0 && dial == g->probe.dial && g->probe.phase == GOSSIP_PROBE_INDIRECT &&
        gossip_message_decode(answer, &m) == 0 && m.kind == GOSSIP_ACK &&
        m.u.ack.seq == g->probe.seq)
        g->probe.stream_works = true;
}

/* ---- being asked ---- */

/* Where an answer goes: where the message says, else where it came from. */
static struct addr reply_to(const struct addr *from, struct str ip, uint16_t port)
{
    struct addr a;

    if (ip.n > 0 && port != 0 && gossip_message_addr(ip, port, &a) == 0 && !addr_is_any(&a))
        return a;
    return *from;
}

void gossip_probe_on_ping(struct gossip *g, const struct addr *from, const struct gossip_ping *p)
{
    struct gossip_message ack = {.kind = GOSSIP_ACK, .u.ack = {.seq = p->seq}};
    struct addr to = reply_to(from, p->source_addr, p->source_port);

    if (p->node.n > 0 && !str_eq(p->node, gossip_member_name(g->self))) {
        gossip_trace(g, LOG_WARN, "memberlist: Got ping for unexpected node '%.*s'",
                     STR_ARG(p->node));
        return;
    }
    if (!g->o.no_coordinates) {
        buf_clear(&g->list);
        gossip_coordinate_encode(&g->vivaldi.own, &g->list);
        ack.u.ack.payload = buf_str(&g->list);
    }
    gossip_spread_message(g, &ack, &to);
}

void gossip_probe_on_indirect(struct gossip *g, struct instant now, const struct addr *from,
                              const struct gossip_indirect *p)
{
    struct gossip_message ping = {.kind = GOSSIP_PING};
    struct gossip_relay *r;
    struct addr target;
    uint8_t ip[16];

    if (gossip_message_addr(p->target, p->port ? p->port : addr_port(&g->o.addr), &target) != 0 ||
        addr_is_any(&target)) {
        g->stats.messages_bad++;
        return;
    }
    if (g->relay_n == GOSSIP_RELAYS_MAX)
        return;
    if (g->relay_n == g->relay_cap) {
        g->relay_cap = g->relay_cap ? g->relay_cap * 2 : 4;
        g->relays = mem_realloc(g->relays, g->relay_cap * sizeof(*r));
    }
    r = &g->relays[g->relay_n++];
    *r = (struct gossip_relay){.seq = ++g->seq,
                               .their_seq = p->seq,
                               .to = reply_to(from, p->source_addr, p->source_port),
                               .target = target,
                               .nack = p->nack,
                               .deadline = instant_add(now, g->o.timing.probe_timeout)};
    if (!g->o.no_resend && str_copy_z(p->node, r->node, sizeof(r->node)))
        r->again = instant_add(now, (struct duration){g->o.timing.probe_timeout.ns / 2});
    ping.u.ping = make_ping(g, r->seq, p->node, ip);
    set_relay_timer(g);
    gossip_spread_message(g, &ping, &target);
}

static void set_relay_timer(struct gossip *g)
{
    struct instant at = INSTANT_NEVER;

    for (uint32_t i = 0; i < g->relay_n; i++) {
        const struct gossip_relay *r = &g->relays[i];

        if (r->again.ns && instant_before(r->again, at))
            at = r->again;
        if (instant_before(r->deadline, at))
            at = r->deadline;
    }
    if (g->relay_n > 0)
        timers_set(g->o.timers, &g->relay_timer, at);
    else
        timers_cancel(g->o.timers, &g->relay_timer);
}

/* The first is the oldest: all wait equally long. */
static void on_relay_due(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, relay_timer);

    for (uint32_t i = 0; i < g->relay_n; i++) {
        struct gossip_relay *r = &g->relays[i];
        struct gossip_message ping = {.kind = GOSSIP_PING};
        uint8_t ip[16];

        if (r->again.ns == 0 || instant_before(now, r->again))
            continue;
        r->again.ns = 0;
        ping.u.ping = make_ping(g, r->seq, str_z(r->node), ip);
        gossip_spread_message(g, &ping, &r->target);
    }
    while (g->relay_n > 0 && !instant_before(now, g->relays[0].deadline))
        forward(g, 0, false);
    set_relay_timer(g);
}
