/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole pool under whatever comes: datagrams, streams, answers to its own streams, and time. It
 * must not crash, nor give up its own name, address or life, nor grow without bound.
 *
 * The input is a list of records: kind, size (big-endian u16), bytes. Kinds: 0 datagram, 1 stream,
 * 2 answer to a stream of ours, 3 time passes (the size is milliseconds, times ten).
 */
#include "base/addr.h"
#include "base/mem.h"
#include "gossip/gossip.h"

#define MEMBERS_MAX 64
#define SENT_MAX    200000 /* packets; more in so short a time would be an amplifier */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct victim {
    struct gossip *g;
    struct timers timers;
    struct gossip_packet packet;
    struct rng rng;
    uint64_t dials[64];
    size_t dial_n, sent;
    int64_t now;
};

static void on_send(void *data, const struct addr *to, struct str datagram)
{
    struct victim *v = data;

    ASSERT(addr_port(to) != 0);
    ASSERT(datagram.n <= 1500);
    v->sent++;
}

static void on_dial(void *data, uint64_t id, const struct addr *to, struct str message,
                    bool answered, struct instant deadline)
{
    struct victim *v = data;

    (void)to;
    (void)message;
    (void)answered;
    (void)deadline;
    ASSERT(v->dial_n < 64);
    v->dials[v->dial_n++] = id;
}

static void on_hang_up(void *data, uint64_t id)
{
    (void)data;
    (void)id;
}

static void on_question(void *data, const struct gossip_question *q)
{
    struct victim *v = data;

    (void)(gossip_respond(v->g, (struct instant){v->now}, q->handle, q->payload) != 0);
}

static void no_chance(void *dst, size_t n)
{
    memset(dst, 0, n);
}

static void start(struct victim *v)
{
    struct gossip_options o;
    struct error err;

    rng_init(&v->rng, 1);
    timers_init(&v->timers);
    gossip_packet_init(&v->packet);
    v->packet.random = no_chance;
    v->now = 1000000000;
    gossip_options_init(&o, GOSSIP_LAN);
    o.name = STR_LIT("alpha");
    ASSERT(addr_parse(STR_LIT("10.1.2.3"), 7946, &o.addr) == 0);
    o.packet = &v->packet;
    o.timers = &v->timers;
    o.rng = &v->rng;
    o.members_max = MEMBERS_MAX;
    o.resolve_conflict = true;
    o.out = (struct gossip_outputs){v, on_send, on_dial, on_hang_up, NULL};
    o.hooks = (struct gossip_hooks){.data = v, .question = on_question};
    ASSERT(gossip_new(&o, &v->g, &err) == 0);
    gossip_start(v->g, (struct instant){v->now});
}

static void pass(struct victim *v, int64_t ns)
{
    int64_t until = v->now + ns;
    struct instant at;

    while ((at = timers_deadline(&v->timers)).ns <= until) {
        v->now = at.ns > v->now ? at.ns : v->now;
        timers_expire(&v->timers, (struct instant){v->now});
        while (v->dial_n > 32) /* those that nobody answers */
            gossip_dialed(v->g, (struct instant){v->now}, v->dials[--v->dial_n], ERR_TIMEOUT,
                          STR_NONE);
    }
    v->now = until;
}

static void record(struct victim *v, int kind, uint16_t size, struct str bytes)
{
    struct instant now = {v->now};
    struct addr from;
    struct buf answer = {0};

    ASSERT(addr_parse(STR_LIT("10.9.9.9"), 7946, &from) == 0);
    switch (kind) {
    case 0:
        gossip_receive(v->g, now, &from, bytes);
        break;
    case 1:
        (void)(gossip_answer(v->g, now, &from, bytes, &answer) != 0);
        break;
    case 2:
        if (v->dial_n)
            gossip_dialed(v->g, now, v->dials[--v->dial_n], 0, bytes);
        break;
    default:
        pass(v, (int64_t)(size % 6000) * 10000000);
    }
    buf_fini(&answer);
}

static void check(struct victim *v)
{
    struct gossip_info info;
    struct gossip_stats s;

    gossip_get_info(v->g, gossip_self(v->g), &info);
    ASSERT(str_eq_z(info.name, "alpha") && addr_port(&info.addr) == 7946);
    ASSERT(info.status == GOSSIP_STATUS_ALIVE && info.state == GOSSIP_STATE_ALIVE);
    ASSERT(gossip_count(v->g) <= MEMBERS_MAX);
    gossip_get_stats(v->g, &s);
    ASSERT(s.membership_queue <= 4096 && s.intent_queue <= 4096 && s.event_queue <= 4096 &&
           s.query_queue <= 4096 && s.health <= 7);
    ASSERT(v->sent < SENT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct victim v = {0};
    struct cursor c = cursor_make(str_make(data, size));

    start(&v);
    while (cursor_left(&c) >= 3) {
        int kind = cursor_u8(&c) & 3;
        uint16_t n = cursor_u16(&c);
        struct str bytes = STR_NONE;

        if (kind != 3)
            bytes = cursor_bytes(&c, n < cursor_left(&c) ? n : cursor_left(&c));
        record(&v, kind, n, bytes);
    }
    check(&v);
    gossip_free(v.g);
    gossip_packet_fini(&v.packet);
    timers_fini(&v.timers);
    return 0;
}
