/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Queries: a question that is spread like an event, and answers that come straight back. Each
 * member answers once (and acknowledges once, if asked to); who asked gathers until the time is
 * up.
 */
#include "config.h"

#include "base/mem.h"
#include "gossip/gossip_core.h"

#define TIMEOUT_MULT    16 /* serf: QueryTimeoutMult */
#define TIMEOUT_MAX     DURATION_S(3600)
#define PROTO_RELAY_MIN 5
#define RELAYS_MAX      16

struct open_query {
    struct list link;
    uint64_t handle, ltime;
    uint32_t id;
    struct instant deadline;
    struct map acked, answered; /* names */
    void (*reply)(void *data, enum gossip_reply_kind kind, struct str from, struct str payload);
    void *data;
};

static void set_timer(struct gossip *g);

static struct duration default_timeout(const struct gossip *g)
{
    uint32_t n = g->table.status_n[GOSSIP_STATUS_ALIVE] + g->table.status_n[GOSSIP_STATUS_LEAVING];

    return (struct duration){g->o.timing.gossip_interval.ns * TIMEOUT_MULT *
                             (int64_t)gossip_suspicion_transmits(1, n)};
}

/* ---- ours ---- */

static void open_free(struct gossip *g, struct open_query *q)
{
    list_remove(&q->link);
    g->open_n--;
    map_fini(&q->acked);
    map_fini(&q->answered);
    mem_free(q);
}

static struct open_query *open_new(struct gossip *g, const struct gossip_query *q,
                                   const struct gossip_serf_query *sent, struct instant now)
{
    struct open_query *o = mem_new(struct open_query);

    o->handle = ++g->question;
    o->ltime = sent->ltime;
    o->id = sent->id;
    o->deadline = instant_add(now, (struct duration){sent->timeout_ns});
    o->reply = q->reply;
    o->data = q->data;
    map_init(&o->acked, rng_u64(g->o.rng));
    map_init(&o->answered, rng_u64(g->o.rng));
    list_push(&g->open, &o->link);
    g->open_n++;
    return o;
}

int gossip_query(struct gossip *g, struct instant now, const struct gossip_query *q,
                 uint64_t *ret_id)
{
    uint8_t ip[16];
    int64_t timeout = q->timeout.ns > 0 ? q->timeout.ns : default_timeout(g).ns;
    struct gossip_serf_message m = {.kind = GOSSIP_SERF_QUERY};
    struct gossip_serf_query *s = &m.u.query;
    struct open_query *o;
    struct buf bytes;
    int r = ERR_TOO_LARGE;

    if (!g->is_started || g->leave_phase > GOSSIP_LEAVE_INTENT)
        return ERR_CLOSED;
    if (g->open_n >= GOSSIP_QUERIES_MAX)
        return ERR_BUSY;
    *s = (struct gossip_serf_query){
        .ltime = g->query_ring.clock,
        .id = (uint32_t)rng_below(g->o.rng, UINT64_C(1) << 31),
        .flags =
            (q->ack ? GOSSIP_QUERY_ACK : 0) | (q->no_broadcast ? GOSSIP_QUERY_NO_BROADCAST : 0),
        .addr = gossip_message_ip(&g->o.addr, ip),
        .port = addr_port(&g->o.addr),
        .relay_factor = q->relay_factor,
        .timeout_ns = timeout > TIMEOUT_MAX.ns ? TIMEOUT_MAX.ns : timeout,
        .source_node = gossip_member_name(g->self),
        .name = q->name,
        .payload = q->payload,
        .filters = q->filters,
    };
    buf_init(&bytes, 0);
    gossip_serf_encode(&m, &bytes);
    if (bytes.n <= GOSSIP_QUERY_SIZE_MAX) {
        o = open_new(g, q, s, now);
        if (ret_id)
            *ret_id = o->handle;
        gossip_spread_user(g, &g->queries, buf_str(&bytes), NULL);
        set_timer(g);
        gossip_query_receive(g, now, s);
        r = 0;
    }
    buf_fini(&bytes);
    return r;
}

void gossip_query_stop(struct gossip *g, uint64_t id)
{
    LIST_FOREACH (&g->open, l) {
        struct open_query *o = LIST_ITEM(l, struct open_query, link);

        if (o->handle == id) {
            open_free(g, o);
            return;
        }
    }
}

void gossip_query_end_all(struct gossip *g)
{
    struct list *l;

    while ((l = list_first(&g->open))) {
        struct open_query *o = LIST_ITEM(l, struct open_query, link), ended = *o;

        open_free(g, o);
        ended.reply(ended.data, GOSSIP_REPLY_END, STR_NONE, STR_NONE);
    }
}

void gossip_query_stop_all(struct gossip *g)
{
    struct list *l;

    gossip_query_end_all(g);
    timers_cancel(g->o.timers, &g->query_timer);
    while ((l = list_pop(&g->asked)))
        mem_free(LIST_ITEM(l, struct gossip_asked, link));
}

void gossip_query_on_response(struct gossip *g, struct instant now,
                              const struct gossip_serf_response *r)
{
    bool is_ack = r->flags & GOSSIP_QUERY_ACK;

    LIST_FOREACH (&g->open, l) {
        struct open_query *o = LIST_ITEM(l, struct open_query, link);
        struct map *seen = is_ack ? &o->acked : &o->answered;

        if (o->ltime != r->ltime || o->id != r->id)
            continue;
        /* A liar may invent names, but not more than there could be. */
        if (instant_before(o->deadline, now) || r->from.n == 0 ||
            r->from.n > GOSSIP_NODE_SIZE_MAX || map_get(seen, r->from) ||
            seen->n > 2 * (size_t)g->table.n + 64)
            return;
        map_set(seen, r->from, o);
        o->reply(o->data, is_ack ? GOSSIP_REPLY_ACK : GOSSIP_REPLY_PAYLOAD, r->from, r->payload);
        return;
    }
}

/* ---- others' ---- */

static bool is_in_list(struct gossip_list nodes, struct str name)
{
    struct str node;

    while (gossip_list_next_text(&nodes, &node)) {
        if (str_eq(node, name))
            return true;
    }
    return false;
}

/* Are we meant? All filters must say so. */
static bool is_meant(const struct gossip *g, const struct gossip_serf_query *q)
{
    struct gossip_list filters = q->filters, tags;
    struct gossip_filter f;

    while (gossip_list_next_filter(&filters, &f)) {
        switch (f.kind) {
        case GOSSIP_FILTER_NODES:
            if (!is_in_list(f.nodes, gossip_member_name(g->self)))
                return false;
            break;
        case GOSSIP_FILTER_TAG:
            if (!g->o.hooks.match || gossip_tags_decode(gossip_member_meta(g->self), &tags) != 0 ||
                !g->o.hooks.match(g->o.hooks.data, f.expr, gossip_tags_find(tags, f.tag)))
                return false;
            break;
        case GOSSIP_FILTER_UNKNOWN:
        default:
            return false;
        }
    }
    return true;
}

static void ask_hook(struct gossip *g, const struct gossip_asked *a, struct str name,
                     struct str payload)
{
    struct gossip_asked *kept;
    struct gossip_question q = {a->handle,  a->ltime, name, payload, {a->from, a->from_n},
                                a->deadline};

    if (!g->o.hooks.question || g->asked_n >= GOSSIP_QUERIES_ASKED_MAX)
        return;
    kept = mem_dup(a, sizeof(*a));
    list_init(&kept->link);
    list_push(&g->asked, &kept->link);
    g->asked_n++;
    q.from.p = kept->from;
    set_timer(g);
    g->o.hooks.question(g->o.hooks.data, &q);
}

bool gossip_query_receive(struct gossip *g, struct instant now, const struct gossip_serf_query *q)
{
    struct gossip_asked a = {.ltime = q->ltime, .id = q->id, .relay_factor = q->relay_factor};
    uint64_t before = g->query_ring.clock;
    int64_t timeout = q->timeout_ns;
    bool again = !(q->flags & GOSSIP_QUERY_NO_BROADCAST);

    if (q->name.n > GOSSIP_QUERY_SIZE_MAX || q->source_node.n > GOSSIP_NODE_SIZE_MAX ||
        timeout < 0 || q->port == 0 || gossip_message_addr(q->addr, q->port, &a.addr) != 0 ||
        !gossip_serf_witness(&g->query_ring.clock, q->ltime)) {
        g->stats.messages_bad++;
        return false;
    }
    if (!gossip_event_ring_add(&g->query_ring, q->ltime, q->id, STR_NONE, STR_NONE))
        return false;
    if (g->query_ring.clock != before)
        gossip_snapshot_clock(g, now, "query-clock", q->ltime);
    if (!is_meant(g, q))
        return again;
    a.handle = ++g->question;
    a.deadline =
        instant_add(now, (struct duration){timeout > TIMEOUT_MAX.ns ? TIMEOUT_MAX.ns : timeout});
    a.from_n = (uint8_t)q->source_node.n;
    if (a.from_n)
        memcpy(a.from, q->source_node.p, a.from_n);
    if (q->flags & GOSSIP_QUERY_ACK)
        (void)(gossip_query_reply(g, &a, GOSSIP_QUERY_ACK, STR_NONE) != 0);
    if (str_has_prefix(q->name, STR_LIT("_serf_")))
        gossip_answer_internal(g, &a, q->name, q->payload);
    else
        ask_hook(g, &a, q->name, q->payload);
    return again;
}

/* Through others too, if the question wants it: the straight way may lose it. */
static void relay_reply(struct gossip *g, const struct gossip_asked *a, struct str response)
{
    uint8_t ip[16];
    struct gossip_serf_message m = {
        .kind = GOSSIP_SERF_RELAY,
        .u.relay = {.ip = gossip_message_ip(&a->addr, ip),
                    .node = {a->from, a->from_n},
                    .port = addr_port(&a->addr),
                    .message = response},
    };
    struct gossip_member *others[RELAYS_MAX];
    uint32_t n = a->relay_factor < RELAYS_MAX ? a->relay_factor : RELAYS_MAX;
    struct buf bytes;

    if (n == 0 || g->table.n < n + 1U)
        return;
    buf_init(&bytes, 0);
    buf_put_u8(&bytes, GOSSIP_USER);
    gossip_serf_encode(&m, &bytes);
    if (bytes.n <= GOSSIP_QUERY_SIZE_MAX) {
        n = gossip_spread_choose(g, n, NULL, PROTO_RELAY_MIN, true, (struct instant){0}, others);
        for (uint32_t i = 0; i < n; i++)
            gossip_spread_bare(g, buf_str(&bytes), &others[i]->identity->addr, false);
    }
    buf_fini(&bytes);
}

int gossip_query_reply(struct gossip *g, const struct gossip_asked *a, uint32_t flags,
                       struct str payload)
{
    struct gossip_serf_message m = {.kind = GOSSIP_SERF_RESPONSE,
                                    .u.response = {.ltime = a->ltime,
                                                   .id = a->id,
                                                   .flags = flags,
                                                   .from = gossip_member_name(g->self),
                                                   .payload = payload}};
    struct buf bytes;
    int r = ERR_TOO_LARGE;

    buf_init(&bytes, 0);
    buf_put_u8(&bytes, GOSSIP_USER);
    gossip_serf_encode(&m, &bytes);
    if (bytes.n - 1 <= GOSSIP_QUERY_SIZE_MAX) {
        gossip_spread_bare(g, buf_str(&bytes), &a->addr, false);
        relay_reply(g, a, str_drop(buf_str(&bytes), 1));
        r = 0;
    }
    buf_fini(&bytes);
    return r;
}

int gossip_respond(struct gossip *g, struct instant now, uint64_t handle, struct str payload)
{
    LIST_FOREACH (&g->asked, l) {
        struct gossip_asked *a = LIST_ITEM(l, struct gossip_asked, link);
        int r;

        if (a->handle != handle)
            continue;
        if (instant_before(a->deadline, now))
            return ERR_NOT_FOUND;
        r = gossip_query_reply(g, a, 0, payload);
        if (r == 0) {
            list_remove(&a->link);
            g->asked_n--;
            mem_free(a);
        }
        return r;
    }
    return ERR_NOT_FOUND;
}

/* ---- time ---- */

static void on_due(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, query_timer);
    bool is_more = true;

    LIST_FOREACH (&g->asked, l) {
        struct gossip_asked *a = LIST_ITEM(l, struct gossip_asked, link);

        if (!instant_before(now, a->deadline)) {
            list_remove(&a->link);
            g->asked_n--;
            mem_free(a);
        }
    }
    /* A callback may open or stop others: start over after each. */
    while (is_more) {
        is_more = false;
        LIST_FOREACH (&g->open, l) {
            struct open_query *o = LIST_ITEM(l, struct open_query, link), ended;

            if (instant_before(now, o->deadline))
                continue;
            ended = *o;
            open_free(g, o);
            ended.reply(ended.data, GOSSIP_REPLY_END, STR_NONE, STR_NONE);
            is_more = true;
            break;
        }
    }
    set_timer(g);
}

static void set_timer(struct gossip *g)
{
    struct instant at = INSTANT_NEVER;

    LIST_FOREACH (&g->asked, l) {
        const struct gossip_asked *a = LIST_ITEM(l, struct gossip_asked, link);

        if (instant_before(a->deadline, at))
            at = a->deadline;
    }
    LIST_FOREACH (&g->open, l) {
        const struct open_query *o = LIST_ITEM(l, struct open_query, link);

        if (instant_before(o->deadline, at))
            at = o->deadline;
    }
    g->query_timer.fire = on_due;
    if (at.ns == INSTANT_NEVER.ns)
        timers_cancel(g->o.timers, &g->query_timer);
    else
        timers_set(g->o.timers, &g->query_timer, at);
}
