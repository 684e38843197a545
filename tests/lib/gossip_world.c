/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/gossip_world.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "gossip/gossip_core.h"

#define PORT       8301
#define TAGS_BYTES 190 /* of a Consul client agent */

struct flight { /* a datagram under way, or waiting in a stopped process's socket */
    struct timer timer;
    struct list link;
    struct gossip_world *world;
    uint32_t from, to;
    size_t n;
    char bytes[];
};
struct stream {
    struct timer timer;
    struct list link; /* of the dialer */
    struct world_node *from;
    uint32_t to, from_life;
    uint64_t id;
    bool is_answered; /* the answer is on its way */
    int status;
    int64_t deadline;
    struct buf bytes;
};

struct instant world_now(const struct gossip_world *w)
{
    return (struct instant){w->now};
}

static bool chance(struct gossip_world *w, double p)
{
    return p > 0 && rng_unit(&w->rng) < p;
}

static int64_t delay(struct gossip_world *w)
{
    return w->delay_min + (int64_t)rng_below(&w->rng, (uint64_t)(w->delay_max - w->delay_min) + 1);
}

/* ---- names and addresses say which node it is ---- */

static void address(uint32_t i, struct addr *ret)
{
    char text[32];

    snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
    ASSERT(addr_parse(str_z(text), PORT, ret) == 0);
}

static uint32_t index_of(const struct addr *a)
{
    return ntohl(a->u.v4.sin_addr.s_addr) & 0xffffff;
}

uint32_t world_index(struct str name)
{
    uint64_t i = UINT32_MAX;

    ASSERT(str_to_u64(str_drop(name, 5), &i) == 0);
    return (uint32_t)i;
}

static struct str name_of(uint32_t i, char text[32])
{
    return str_make(text, (size_t)snprintf(text, 32, "node-%u", i));
}

const struct gossip_member *world_member(struct gossip_world *w, uint32_t observer,
                                         uint32_t subject)
{
    char text[32];

    return gossip_find(w->nodes[observer].g, name_of(subject, text));
}

enum gossip_status world_status(struct gossip_world *w, uint32_t observer, uint32_t subject)
{
    const struct gossip_member *m = world_member(w, observer, subject);

    return m ? (enum gossip_status)m->status : GOSSIP_STATUS_NONE;
}

/* ---- a node's turn ---- */

static void on_wake(struct timer *t, struct instant now)
{
    struct world_node *n = LIST_ITEM(t, struct world_node, wake);

    timers_expire(&n->timers, now);
    world_rearm(n);
}

void world_rearm(struct world_node *n)
{
    struct instant at = timers_deadline(&n->timers);

    n->wake.fire = on_wake;
    if (!n->g || n->is_paused || at.ns == INSTANT_NEVER.ns)
        timers_cancel(&n->world->timers, &n->wake);
    else
        timers_set(&n->world->timers, &n->wake, at.ns < n->world->now ? world_now(n->world) : at);
}

static bool can_hear(const struct gossip_world *w, uint32_t from, uint32_t to)
{
    return to < w->node_max && w->nodes[to].g && w->nodes[from].side == w->nodes[to].side;
}

/* ---- datagrams ---- */

static void deliver(struct gossip_world *w, struct flight *f)
{
    struct world_node *n = &w->nodes[f->to];

    if (!can_hear(w, f->from, f->to)) {
        w->lost++;
        mem_free(f);
        return;
    }
    if (n->is_paused) {
        if (n->backlog_n >= WORLD_BACKLOG) {
            mem_free(f);
            return;
        }
        n->backlog_n++;
        list_push(&n->backlog, &f->link);
        return;
    }
    gossip_receive(n->g, world_now(w), &w->nodes[f->from].addr, (struct str){f->bytes, f->n});
    mem_free(f);
    world_rearm(n);
}

static void on_arrival(struct timer *t, struct instant now)
{
    struct flight *f = LIST_ITEM(t, struct flight, timer);

    (void)now;
    deliver(f->world, f);
}

static void fly(struct world_node *n, uint32_t to, struct str bytes)
{
    struct gossip_world *w = n->world;
    struct flight *f = mem_alloc(sizeof(*f) + bytes.n);

    f->timer.fire = on_arrival;
    f->world = w;
    f->from = n->index;
    f->to = to;
    f->n = bytes.n;
    memcpy(f->bytes, bytes.p, bytes.n);
    list_init(&f->link);
    timers_set(&w->timers, &f->timer, (struct instant){w->now + delay(w)});
}

static void send_datagram(void *data, const struct addr *to, struct str datagram)
{
    struct world_node *n = data;
    struct gossip_world *w = n->world;
    uint32_t i = index_of(to);

    n->packets++;
    n->bytes += datagram.n;
    if (i >= w->node_max || chance(w, w->loss)) {
        w->lost++;
        return;
    }
    fly(n, i, datagram);
    if (chance(w, w->duplicate))
        fly(n, i, datagram);
}

/* ---- streams ---- */

static void stream_free(struct stream *s)
{
    timers_cancel(&s->from->world->timers, &s->timer);
    list_remove(&s->link);
    buf_fini(&s->bytes);
    mem_free(s);
}

/* One way, with retransmissions: 1 s for what opens, 200 ms for the rest, doubling. */
static int64_t leg(struct gossip_world *w, int64_t again)
{
    int64_t ns = delay(w);

    for (; chance(w, w->loss) && again < 20 * WORLD_S; again *= 2)
        ns += again;
    return ns;
}

static void stream_at(struct stream *s, int64_t at, int status)
{
    s->status = status;
    timers_set(&s->from->world->timers, &s->timer,
               (struct instant){at < s->deadline ? at : s->deadline});
    if (at >= s->deadline)
        s->status = ERR_TIMEOUT;
}

static void on_stream(struct timer *t, struct instant now)
{
    struct stream *s = LIST_ITEM(t, struct stream, timer);
    struct world_node *from = s->from;
    struct gossip_world *w = from->world;
    struct world_node *to = &w->nodes[s->to];

    if (from->is_paused) {
        timers_set(&w->timers, t, instant_add(now, DURATION_MS(100)));
        return;
    }
    if (!s->is_answered && s->status == 0) {
        struct buf answer;

        if (!can_hear(w, from->index, s->to)) {
            s->is_answered = true;
            /* A machine refuses what no process wants; over a partition nothing comes back. */
            stream_at(s, from->side == to->side ? w->now + delay(w) : INT64_MAX, -ECONNREFUSED);
            return;
        }
        if (to->is_paused) {
            stream_at(s, w->now + 100 * WORLD_MS, 0);
            return;
        }
        buf_init(&answer, GOSSIP_STREAM_INFLATED_MAX);
        s->is_answered = true;
        if (gossip_answer(to->g, now, &from->addr, buf_str(&s->bytes), &answer) == 0)
            stream_at(s, w->now + leg(w, 200 * WORLD_MS), 0);
        else
            stream_at(s, w->now + leg(w, 200 * WORLD_MS), -ECONNRESET);
        to->stream_bytes += answer.n;
        buf_fini(&s->bytes);
        s->bytes = answer;
        world_rearm(to);
        return;
    }
    list_remove(&s->link);
    if (from->g)
        gossip_dialed(from->g, now, s->id, s->status, s->status ? STR_NONE : buf_str(&s->bytes));
    stream_free(s);
    world_rearm(from);
}

static void dial(void *data, uint64_t id, const struct addr *to, struct str message, bool answered,
                 struct instant deadline)
{
    struct world_node *n = data;
    struct gossip_world *w = n->world;
    struct stream *s = mem_new(struct stream);

    ASSERT(answered);
    s->timer.fire = on_stream;
    s->from = n;
    s->to = index_of(to);
    s->id = id;
    s->deadline = deadline.ns;
    buf_init(&s->bytes, 0);
    buf_put_str(&s->bytes, message);
    list_push(&n->streams, &s->link);
    n->stream_bytes += message.n;
    stream_at(s, w->now + leg(w, WORLD_S) + leg(w, WORLD_S) + leg(w, 200 * WORLD_MS), 0);
}

static void hang_up(void *data, uint64_t id)
{
    struct world_node *n = data;

    LIST_FOREACH (&n->streams, l) {
        if (LIST_ITEM(l, struct stream, link)->id == id)
            stream_free(LIST_ITEM(l, struct stream, link));
    }
}

/* ---- hooks ---- */

static void on_news(void *data, enum gossip_news news, const struct gossip_member *m)
{
    struct world_node *n = data;
    struct gossip_world *w = n->world;
    struct world_news what = {n->index, world_index(gossip_member_name(m)), news, w->now};
    const struct world_node *subject = &w->nodes[what.subject];

    if (news == GOSSIP_NEWS_JOIN)
        n->alive++;
    else if (news == GOSSIP_NEWS_FAILED ||
             (news == GOSSIP_NEWS_LEAVE && m->state != GOSSIP_STATE_DEAD))
        n->alive--;
    if (news == GOSSIP_NEWS_FAILED) {
        w->failed_news++;
        w->false_failed += subject->g && !subject->is_paused && subject->side == n->side;
    }
    if (w->on_news)
        w->on_news(w->data, &what);
}

static void on_event(void *data, const struct gossip_event *e)
{
    struct world_node *n = data;

    n->events++;
    if (n->world->on_event)
        n->world->on_event(n->world->data, n->index, e);
}

static void on_question(void *data, const struct gossip_question *q)
{
    struct world_node *n = data;

    n->questions++;
    if (n->world->on_question)
        n->world->on_question(n->world->data, n->index, q);
}

/* ---- the world ---- */

static void no_chance(void *dst, size_t n)
{
    memset(dst, 0x5a, n); /* nonces here hide nothing, and runs must be alike */
}

void world_open(struct gossip_world *w)
{
    rng_init(&w->rng, w->seed);
    timers_init(&w->timers);
    gossip_packet_init(&w->packet);
    w->packet.no_compression = !w->compress;
    w->packet.random = no_chance;
    w->packet.keyring = w->keyring;
    gossip_timing_init(&w->timing, w->profile);
    w->identities = gossip_member_identities_new(rng_u64(&w->rng));
    w->nodes = mem_alloc(w->node_max * sizeof(*w->nodes));
    w->now = WORLD_S;
    for (uint32_t i = 0; i < w->node_max; i++) {
        struct world_node *n = &w->nodes[i];

        n->world = w;
        n->index = i;
        address(i, &n->addr);
        timers_init(&n->timers);
        list_init(&n->streams);
        list_init(&n->backlog);
        rng_init(&n->rng, rng_u64(&w->rng));
    }
}

void world_close(struct gossip_world *w)
{
    for (uint32_t i = 0; i < w->node_max; i++) {
        world_kill(w, i);
        timers_fini(&w->nodes[i].timers);
    }
    while (w->timers.n > 0) { /* datagrams under way */
        struct flight *f = LIST_ITEM(w->timers.heap[0], struct flight, timer);

        timers_cancel(&w->timers, &f->timer);
        mem_free(f);
    }
    timers_fini(&w->timers);
    gossip_packet_fini(&w->packet);
    gossip_member_identities_free(w->identities);
    mem_free(w->nodes);
}

void world_run(struct gossip_world *w, int64_t until)
{
    for (;;) {
        struct instant at = timers_deadline(&w->timers);

        if (at.ns > until)
            break;
        if (at.ns > w->now)
            w->now = at.ns;
        timers_expire(&w->timers, world_now(w));
    }
    w->now = until;
}

int64_t world_until(struct gossip_world *w, int64_t ns, bool (*is)(struct gossip_world *w))
{
    int64_t begin = w->now;

    while (!is(w)) {
        if (w->now - begin > ns)
            return -1;
        world_wait(w, 10 * WORLD_MS);
    }
    return w->now - begin;
}

bool world_all_know_all(struct gossip_world *w)
{
    for (uint32_t i = 0; i < w->node_max; i++) {
        if (w->nodes[i].g && w->nodes[i].alive != w->running)
            return false;
    }
    return true;
}

/* As long as a client agent's, and as little to be compressed as identifiers are. */
static void fill_tags(uint32_t i, char meta[TAGS_BYTES])
{
    struct rng rng;

    rng_init(&rng, i);
    for (size_t k = 0; k < TAGS_BYTES; k++)
        meta[k] = "0123456789abcdef"[rng_below(&rng, 16)];
}

struct world_node *world_start(struct gossip_world *w, uint32_t i)
{
    struct world_node *n = &w->nodes[i];
    struct gossip_options o;
    struct error err;
    char name[32], meta[TAGS_BYTES];

    ASSERT(!n->g);
    gossip_options_init(&o, w->profile);
    o.timing = w->timing;
    o.name = name_of(i, name);
    fill_tags(i, meta);
    o.meta = str_make(meta, sizeof(meta));
    o.addr = n->addr;
    o.no_lifeguard = w->no_lifeguard;
    o.no_resend = w->no_resend;
    o.packet = &w->packet;
    o.timers = &n->timers;
    o.rng = &n->rng;
    o.identities = w->identities;
    o.out = (struct gossip_outputs){n, send_datagram, dial, hang_up, NULL};
    o.hooks.data = n;
    o.hooks.news = on_news;
    o.hooks.event = on_event;
    o.hooks.question = on_question;
    n->alive = 0;
    n->life++;
    w->running++;
    ASSERT(gossip_new(&o, &n->g, &err) == 0);
    gossip_start(n->g, world_now(w));
    world_rearm(n);
    return n;
}

void world_kill(struct gossip_world *w, uint32_t i)
{
    struct world_node *n = &w->nodes[i];
    struct list *l;

    if (!n->g)
        return;
    gossip_free(n->g);
    n->g = NULL;
    n->is_paused = false;
    w->running--;
    while ((l = list_pop(&n->backlog)))
        mem_free(LIST_ITEM(l, struct flight, link));
    n->backlog_n = 0;
    world_rearm(n);
}

void world_join(struct gossip_world *w, uint32_t i, uint32_t to)
{
    struct world_node *n = &w->nodes[i];

    ASSERT(gossip_join(n->g, world_now(w), &w->nodes[to].addr, 1, NULL, NULL) == 0);
    world_rearm(n);
}

void world_leave(struct gossip_world *w, uint32_t i)
{
    struct world_node *n = &w->nodes[i];

    ASSERT(gossip_leave(n->g, world_now(w), NULL, NULL) == 0);
    world_rearm(n);
}

void world_pause(struct gossip_world *w, uint32_t i, bool is_paused)
{
    struct world_node *n = &w->nodes[i];
    struct list *l;

    if (!n->g || n->is_paused == is_paused)
        return;
    n->is_paused = is_paused;
    if (!is_paused) { /* as a loop does that wakes up: timers first, then what came meanwhile */
        timers_expire(&n->timers, world_now(w));
        while ((l = list_pop(&n->backlog)))
            deliver(w, LIST_ITEM(l, struct flight, link));
        n->backlog_n = 0;
    }
    world_rearm(n);
}

void world_fill(struct gossip_world *w)
{
    for (uint32_t i = 0; i < w->node_max; i++)
        world_start(w, i);
    for (uint32_t i = 0; i < w->node_max; i++) {
        struct gossip *g = w->nodes[i].g;

        for (uint32_t k = 0; k < w->node_max; k++) {
            const struct gossip_member *m = w->nodes[k].g->self;
            uint8_t ip[16];
            struct gossip_node node = {
                .node = gossip_member_name(m),
                .addr = gossip_message_ip(&m->identity->addr, ip),
                .port = PORT,
                .incarnation = m->incarnation,
                .meta = gossip_member_meta(m),
                .vsn = str_make(m->identity->vsn, GOSSIP_VSN_SIZE),
            };

            if (k != i)
                gossip_swim_alive(g, world_now(w), &node);
            while (g->membership.root)
                gossip_queue_drop(&g->membership, g->membership.root);
        }
        gossip_member_shuffle(&g->table, &w->nodes[i].rng);
    }
}
