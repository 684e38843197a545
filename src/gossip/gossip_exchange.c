/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * State exchanged as a whole over a stream ("push/pull"): when joining, with a random member now
 * and then, and with one that failed to see whether it is back. Each side sends its table and what
 * Serf has to say, then merges what it got; what the other believes to be dead is only suspected
 * here, so that it can defend itself.
 *
 * Ours: after a join the next exchanges come soon, and the gap doubles while they still teach
 * something. News that were spread while the pool believed to be small reach too few, and without
 * this a crowd that joins at once would have complete tables only after the regular interval.
 */
#include "config.h"

#include "base/mem.h"
#include "gossip/gossip_core.h"

#define EARLY_MS      2000
#define SERF_VERSIONS GOSSIP_VSN_SERF_MIN

static void on_sync_due(struct timer *t, struct instant now);
static void on_early_due(struct timer *t, struct instant now);
static void join_go_on(struct gossip *g, struct instant now, struct gossip_join *j);

void gossip_exchange_start(struct gossip *g, struct instant now)
{
    int64_t interval = g->o.timing.push_pull_interval.ns;

    g->sync_timer.fire = on_sync_due;
    g->early_timer.fire = on_early_due;
    if (interval > 0)
        timers_set(
            g->o.timers, &g->sync_timer,
            (struct instant){now.ns + interval + (int64_t)rng_below(g->o.rng, (uint64_t)interval)});
}

static void dial_free(struct gossip_dial *d)
{
    list_remove(&d->link);
    mem_free(d);
}

static void join_free(struct gossip_join *j)
{
    list_remove(&j->link);
    mem_free(j->addrs);
    mem_free(j);
}

void gossip_exchange_stop(struct gossip *g)
{
    timers_cancel(g->o.timers, &g->sync_timer);
    timers_cancel(g->o.timers, &g->early_timer);
    LIST_FOREACH (&g->dials, l) {
        struct gossip_dial *d = LIST_ITEM(l, struct gossip_dial, link);

        g->o.out.hang_up(g->o.out.data, d->id);
        dial_free(d);
    }
    LIST_FOREACH (&g->joins, l)
        join_free(LIST_ITEM(l, struct gossip_join, link));
}

/* ---- the state ---- */

static struct gossip_node node_of(const struct gossip_member *m, uint8_t ip[16])
{
    return (struct gossip_node){.node = gossip_member_name(m),
                                .addr = gossip_message_ip(&m->identity->addr, ip),
                                .port = addr_port(&m->identity->addr),
                                .incarnation = m->incarnation,
                                .meta = gossip_member_meta(m),
                                .vsn = str_make(m->identity->vsn, GOSSIP_VSN_SIZE),
                                .state = m->state};
}

void gossip_exchange_put_state(struct gossip *g, bool join, struct buf *out)
{
    buf_clear(&g->state);
    gossip_serf_put_state(g, &g->state);
    gossip_message_put_push_pull(out, join, g->table.swim_n, g->state.n);
    for (uint32_t i = 0; i < g->table.swim_n; i++) {
        uint8_t ip[16];
        struct gossip_node n = node_of(g->table.all[i], ip);

        gossip_message_put_node(out, &n);
    }
    buf_put_str(out, buf_str(&g->state));
}

struct range {
    uint8_t min, max;
};

static void narrow(struct range *r, const uint8_t *v)
{
    if (v[0] > r->min)
        r->min = v[0];
    if (v[1] < r->max)
        r->max = v[1];
}

static bool is_within(struct range r, uint8_t current)
{
    return current >= r.min && current <= r.max;
}

/* Of entries without all versions, those missing are 0. */
static void versions(struct str vsn, uint8_t ret[GOSSIP_VSN_SIZE])
{
    memset(ret, 0, GOSSIP_VSN_SIZE);
    if (vsn.n >= GOSSIP_VSN_SIZE)
        memcpy(ret, vsn.p, GOSSIP_VSN_SIZE);
}

/* Does everybody, here and there, speak what everybody understands? (memberlist: verifyProtocol) */
static bool is_compatible(const struct gossip *g, struct str nodes)
{
    struct range proto = {0, 255}, serf = {0, 255};
    struct gossip_node n;
    struct str rest = nodes;
    uint8_t v[GOSSIP_VSN_SIZE];

    while (gossip_message_next_node(&rest, &n)) {
        if (n.state != GOSSIP_STATE_ALIVE)
            continue;
        versions(n.vsn, v);
        narrow(&proto, v);
        narrow(&serf, v + SERF_VERSIONS);
    }
    for (uint32_t i = 0; i < g->table.swim_n; i++) {
        if (g->table.all[i]->state == GOSSIP_STATE_ALIVE) {
            narrow(&proto, g->table.all[i]->identity->vsn);
            narrow(&serf, g->table.all[i]->identity->vsn + SERF_VERSIONS);
        }
    }
    for (rest = nodes; gossip_message_next_node(&rest, &n);) {
        versions(n.vsn, v);
        if (!is_within(proto, v[GOSSIP_VSN_PROTO_CURRENT]) ||
            !is_within(serf, v[GOSSIP_VSN_SERF_CURRENT]))
            return false;
    }
    for (uint32_t i = 0; i < g->table.swim_n; i++) {
        const uint8_t *own = g->table.all[i]->identity->vsn;

        if (!is_within(proto, own[GOSSIP_VSN_PROTO_CURRENT]) ||
            !is_within(serf, own[GOSSIP_VSN_SERF_CURRENT]))
            return false;
    }
    return true;
}

static void merge_node(struct gossip *g, struct instant now, const struct gossip_node *n)
{
    struct gossip_claim c = {.incarnation = n->incarnation, .node = n->node};

    switch (n->state) {
    case GOSSIP_STATE_ALIVE:
        gossip_swim_alive(g, now, n);
        break;
    case GOSSIP_STATE_LEFT:
        c.from = n->node;
        gossip_swim_dead(g, now, &c);
        break;
    case GOSSIP_STATE_DEAD:
    case GOSSIP_STATE_SUSPECT:
        c.from = gossip_member_name(g->self);
        gossip_swim_suspect(g, now, &c);
        break;
    default:
        g->stats.messages_bad++;
    }
}

static int check(struct gossip *g, const struct gossip_push_pull *p)
{
    struct error err = {0};

    if (!is_compatible(g, p->nodes))
        error_set(&err, ERR_UNSUPPORTED, "protocol versions do not fit");
    else if (p->join && g->o.hooks.accept_merge)
        (void)(g->o.hooks.accept_merge(g->o.hooks.data, p, &err) < 0 && !err.code &&
               error_set(&err, ERR_DENIED, "refused"));
    if (err.code) {
        g->stats.refused++;
        gossip_trace(g, LOG_WARN, "memberlist: Failed push/pull merge: %s", err.text);
    }
    return err.code;
}

int gossip_exchange_merge(struct gossip *g, struct instant now, struct str message,
                          bool *ret_is_join, bool is_ours)
{
    struct gossip_push_pull p;
    struct gossip_node n;
    int r = gossip_message_decode_push_pull(message, &p);

    if (r != 0) {
        g->stats.messages_bad++;
        return r;
    }
    *ret_is_join = p.join;
    r = check(g, &p);
    if (r != 0)
        return r;
    while (gossip_message_next_node(&p.nodes, &n))
        merge_node(g, now, &n);
    gossip_serf_merge(g, now, p.user_state, p.join && is_ours);
    g->stats.exchanges++;
    return 0;
}

int gossip_answer(struct gossip *g, struct instant now, const struct addr *from, struct str message,
                  struct buf *answer)
{
    int kind = message.n ? (uint8_t)message.p[0] : -1, r;
    struct gossip_push_pull p;
    struct gossip_message m;
    struct str user;
    bool join;

    (void)from;
    switch (kind) {
    case GOSSIP_PUSH_PULL:
        r = gossip_message_decode_push_pull(message, &p);
        if (r == 0) {
            gossip_exchange_put_state(g, p.join, answer);
            /* A refusal is ours to know: the answer goes all the same (memberlist). */
            (void)(gossip_exchange_merge(g, now, message, &join, false) != 0);
        }
        return r;
    case GOSSIP_PING:
        r = gossip_message_decode(message, &m);
        if (r == 0 && m.u.ping.node.n > 0 && !str_eq(m.u.ping.node, gossip_member_name(g->self)))
            return ERR_INVALID;
        if (r == 0) {
            uint32_t seq = m.u.ping.seq;

            m = (struct gossip_message){.kind = GOSSIP_ACK, .u.ack = {.seq = seq}};
            gossip_message_encode(&m, answer);
        }
        return r;
    case GOSSIP_USER:
        r = gossip_message_decode_stream_user(message, &user);
        if (r == 0)
            gossip_serf_receive(g, now, user);
        return r;
    default:
        g->stats.messages_bad++;
        return ERR_UNSUPPORTED;
    }
}

/* ---- dialing ---- */

int gossip_exchange_dial(struct gossip *g, struct instant now, enum gossip_dial_kind kind,
                         const struct addr *to, struct gossip_join *join, uint64_t *ret_id)
{
    struct gossip_dial *d;
    struct instant deadline = instant_add(now, g->o.timing.stream_timeout);
    struct buf message;
    size_t open = 0;

    LIST_FOREACH (&g->dials, l)
        open++;
    if (open >= GOSSIP_DIALS_MAX)
        return ERR_BUSY;
    d = mem_new(struct gossip_dial);
    d->id = ++g->dial_id;
    d->kind = kind;
    d->addr = *to;
    d->join = join;
    list_push(&g->dials, &d->link);
    buf_init(&message, GOSSIP_STREAM_INFLATED_MAX);
    if (kind == GOSSIP_DIAL_PING) {
        uint8_t ip[16];
        struct gossip_message m = {
            .kind = GOSSIP_PING,
            .u.ping = {.seq = g->probe.seq,
                       .node = gossip_member_name(g->probe.member),
                       .source_addr = gossip_message_ip(&g->o.addr, ip),
                       .source_port = addr_port(&g->o.addr),
                       .source_node = gossip_member_name(g->self)},
        };

        deadline = g->probe.until;
        gossip_message_encode(&m, &message);
    } else {
        gossip_exchange_put_state(g, kind == GOSSIP_DIAL_JOIN, &message);
    }
    if (ret_id)
        *ret_id = d->id;
    g->o.out.dial(g->o.out.data, d->id, to, buf_str(&message), true, deadline);
    buf_fini(&message);
    return 0;
}

static void sync_with_one(struct gossip *g, struct instant now)
{
    struct gossip_member *m;

    LIST_FOREACH (&g->dials, l) {
        if (LIST_ITEM(l, struct gossip_dial, link)->kind == GOSSIP_DIAL_SYNC)
            return;
    }
    if (gossip_spread_choose(g, 1, NULL, 0, true, now, &m) == 1)
        (void)(gossip_exchange_dial(g, now, GOSSIP_DIAL_SYNC, &m->identity->addr, NULL, NULL) != 0);
}

static void on_sync_due(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, sync_timer);
    struct duration d = gossip_suspicion_push_pull(g->o.timing.push_pull_interval, g->table.swim_n);

    timers_set(g->o.timers, t, instant_add(now, d));
    sync_with_one(g, now);
}

/* ---- soon after a join ---- */

static void set_early(struct gossip *g, struct instant now, int64_t ns)
{
    g->early.ns = ns;
    timers_set(g->o.timers, &g->early_timer,
               (struct instant){now.ns + ns + (int64_t)rng_below(g->o.rng, (uint64_t)ns)});
}

static void on_early_due(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, early_timer);

    sync_with_one(g, now);
}

static void after_sync(struct gossip *g, struct instant now, bool has_taught)
{
    if (g->early.ns == 0)
        return;
    if (has_taught && 2 * g->early.ns < g->o.timing.push_pull_interval.ns)
        set_early(g, now, 2 * g->early.ns);
    else
        g->early.ns = 0;
}

/* ---- how it ended ---- */

void gossip_dialed(struct gossip *g, struct instant now, uint64_t id, int status, struct str answer)
{
    struct gossip_dial *found = NULL, d;
    uint32_t before = g->table.status_n[GOSSIP_STATUS_ALIVE];
    bool join = false;

    LIST_FOREACH (&g->dials, l) {
        if (LIST_ITEM(l, struct gossip_dial, link)->id == id)
            found = LIST_ITEM(l, struct gossip_dial, link);
    }
    if (!found)
        return;
    d = *found;
    dial_free(found);
    if (d.kind == GOSSIP_DIAL_PING) {
        gossip_probe_on_stream(g, id, status, answer);
        return;
    }
    if (status == 0 && (answer.n == 0 || (uint8_t)answer.p[0] != GOSSIP_PUSH_PULL))
        status = ERR_DENIED;
    if (status == 0)
        status = gossip_exchange_merge(g, now, answer, &join, d.kind == GOSSIP_DIAL_JOIN);
    if (status != 0)
        g->stats.exchanges_failed++;
    if (d.kind == GOSSIP_DIAL_SYNC)
        after_sync(g, now, g->table.status_n[GOSSIP_STATUS_ALIVE] != before);
    if (!d.join)
        return;
    d.join->flying--;
    if (status == 0) {
        d.join->joined++;
    } else {
        d.join->status = status;
        d.join->failed = d.addr;
    }
    join_go_on(g, now, d.join);
}

/* ---- joining ---- */

static void join_end(struct gossip *g, struct instant now, struct gossip_join *j)
{
    gossip_join_fn done = j->done;
    void *data = j->data;
    size_t joined = j->joined;
    struct addr failed = j->failed;
    int status = j->status;

    join_free(j);
    if (joined > 0) {
        gossip_serf_announce(g, now);
        set_early(g, now, INT64_C(1000000) * EARLY_MS);
        status = 0;
    }
    if (done)
        done(data, joined, status, status ? &failed : NULL);
}

static void join_go_on(struct gossip *g, struct instant now, struct gossip_join *j)
{
    size_t at_once = j->one_is_enough ? 1 : GOSSIP_JOIN_AT_ONCE;

    if (j->one_is_enough && j->joined > 0)
        j->next = j->n;
    while (j->next < j->n && j->flying < at_once) {
        const struct addr *a = &j->addrs[j->next];

        if (gossip_exchange_dial(g, now, GOSSIP_DIAL_JOIN, a, j, NULL) != 0) {
            if (j->flying > 0)
                break;
            j->status = ERR_BUSY;
            j->failed = *a;
        } else {
            j->flying++;
        }
        j->next++;
    }
    if (j->flying == 0)
        join_end(g, now, j);
}

static int start_join(struct gossip *g, struct instant now, const struct addr *addrs, size_t n,
                      bool one_is_enough, gossip_join_fn done, void *data)
{
    struct gossip_join *j;
    size_t open = 0;

    if (g->leave_phase != GOSSIP_STAY || !g->is_started)
        return ERR_CLOSED;
    if (n > GOSSIP_JOIN_MAX && !one_is_enough)
        return ERR_TOO_LARGE;
    LIST_FOREACH (&g->dials, l)
        open++;
    if (n == 0)
        return ERR_INVALID;
    if (open >= GOSSIP_DIALS_MAX)
        return ERR_BUSY;
    j = mem_new(struct gossip_join);
    j->addrs = mem_dup(addrs, n * sizeof(*addrs));
    for (size_t i = 0; i < n; i++) {
        if (addr_port(&j->addrs[i]) == 0)
            addr_set_port(&j->addrs[i], addr_port(&g->o.addr));
    }
    j->n = n;
    j->one_is_enough = one_is_enough;
    j->done = done;
    j->data = data;
    list_init(&j->link);
    list_push(&g->joins, &j->link);
    join_go_on(g, now, j); /* at least one is flying now: the callback comes later */
    return 0;
}

int gossip_join(struct gossip *g, struct instant now, const struct addr *addrs, size_t n,
                gossip_join_fn done, void *data)
{
    return start_join(g, now, addrs, n, false, done, data);
}

int gossip_rejoin(struct gossip *g, struct instant now, gossip_join_fn done, void *data)
{
    if (g->rejoin_n == 0)
        return ERR_NOT_FOUND;
    return start_join(g, now, g->rejoin, g->rejoin_n, true, done, data);
}
