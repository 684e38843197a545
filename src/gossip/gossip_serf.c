/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Serf's view of members. The membership layer knows who answers; whether somebody who does not
 * has failed or has left is decided by intents: messages of good-bye, ordered by a Lamport clock,
 * since they may overtake the membership layer's news or arrive long after.
 *
 *                      leave intent              parted
 *              ALIVE ----------------> LEAVING ---------> LEFT
 *               |  ^ <---------------     |                ^
 *        parted |  |    join intent       | joined         | leave intent (force-leave)
 *               v  | joined               v                |
 *              FAILED --------------------+----------------+
 *
 * A member that joins is ALIVE wherever it was.
 */
#include "config.h"

#include "base/mem.h"
#include "gossip/gossip_core.h"

bool gossip_serf_witness(uint64_t *clock, uint64_t ltime)
{
    if (ltime > *clock && ltime - *clock > GOSSIP_LTIME_JUMP_MAX)
        return false;
    if (ltime >= *clock)
        *clock = ltime + 1;
    return true;
}

void gossip_serf_start(struct gossip *g, struct instant now)
{
    gossip_serf_joined(g, now, g->self);
    gossip_leave_start(g, now);
}

/* ---- what the membership layer tells ---- */

/* The intent that came before the member itself, if there was one; the caller's to free. */
static struct gossip_intent *take_recent(struct gossip *g, struct str name)
{
    return g->recent.n ? map_del(&g->recent, name) : NULL;
}

void gossip_serf_joined(struct gossip *g, struct instant now, struct gossip_member *m)
{
    enum gossip_status status = GOSSIP_STATUS_ALIVE;

    if (m->status == GOSSIP_STATUS_NONE) {
        struct gossip_intent *i = take_recent(g, gossip_member_name(m));

        m->status_ltime = i ? i->ltime : 0;
        if (i && i->is_leave)
            status = GOSSIP_STATUS_LEAVING;
        mem_free(i);
    }
    gossip_member_set_status(&g->table, m, status);
    m->is_pruned = false;
    m->parted = 0;
    gossip_news_member(g, now, GOSSIP_NEWS_JOIN, m);
}

void gossip_serf_parted(struct gossip *g, struct instant now, struct gossip_member *m)
{
    enum gossip_news news = GOSSIP_NEWS_FAILED;

    if (m->status == GOSSIP_STATUS_LEAVING)
        news = GOSSIP_NEWS_LEAVE;
    else if (m->status != GOSSIP_STATUS_ALIVE)
        return;
    m->parted = now.ns;
    gossip_member_set_status(&g->table, m,
                             news == GOSSIP_NEWS_LEAVE ? GOSSIP_STATUS_LEFT : GOSSIP_STATUS_FAILED);
    gossip_news_member(g, now, news, m);
}

void gossip_serf_updated(struct gossip *g, struct instant now, struct gossip_member *m)
{
    gossip_news_member(g, now, GOSSIP_NEWS_UPDATE, m);
}

/* ---- intents ---- */

/* About a name nobody told us of yet: kept for when it comes. True: it was news. */
static bool keep_recent(struct gossip *g, struct instant now, const struct gossip_serf_intent *i,
                        bool is_leave)
{
    struct gossip_intent *kept = map_get(&g->recent, i->node);

    if (kept ? kept->ltime >= i->ltime : g->recent.n >= GOSSIP_INTENTS_MAX)
        return false;
    if (!kept) {
        kept = mem_new(struct gossip_intent);
        map_set(&g->recent, i->node, kept);
    }
    *kept = (struct gossip_intent){.ltime = i->ltime, .at = now.ns, .is_leave = is_leave};
    return true;
}

/* Somebody says that we leave, and we do not. */
static void contradict(struct gossip *g)
{
    struct gossip_serf_message m = {
        .kind = GOSSIP_SERF_JOIN,
        .u.intent = {.ltime = g->clock, .node = gossip_member_name(g->self)}};

    gossip_trace(g, LOG_DEBUG, "serf: Refuting an older leave intent");
    buf_clear(&g->list);
    gossip_serf_encode(&m, &g->list);
    gossip_spread_user(g, &g->intents, buf_str(&g->list), NULL);
}

bool gossip_serf_on_leave(struct gossip *g, struct instant now, const struct gossip_serf_intent *i)
{
    struct gossip_member *m;
    bool was_leaving;

    if (!gossip_serf_witness(&g->clock, i->ltime) || i->node.n == 0 ||
        i->node.n > GOSSIP_NODE_SIZE_MAX) {
        g->stats.messages_bad++;
        return false;
    }
    m = gossip_member_find(&g->table, i->node);
    if (!m)
        return keep_recent(g, now, i, true);
    if (i->ltime <= m->status_ltime)
        return false;
    if (gossip_is_self(g, m) && g->leave_phase == GOSSIP_STAY) {
        contradict(g);
        return false;
    }
    m->status_ltime = i->ltime;
    was_leaving = m->status == GOSSIP_STATUS_LEAVING || m->status == GOSSIP_STATUS_ALIVE;
    m->is_pruned = i->prune && !gossip_is_self(g, m);
    if (m->status == GOSSIP_STATUS_ALIVE) {
        gossip_member_set_status(&g->table, m, GOSSIP_STATUS_LEAVING);
    } else if (m->status == GOSSIP_STATUS_FAILED) {
        gossip_member_set_status(&g->table, m, GOSSIP_STATUS_LEFT);
        gossip_news_member(g, now, GOSSIP_NEWS_LEAVE, m);
    }
    /* One that is still going is erased after it has gone (gossip_leave.c). The news' hook may have
     * erased it. */
    if (i->prune && !was_leaving && gossip_member_find(&g->table, i->node) == m)
        gossip_leave_erase(g, now, m);
    return true;
}

bool gossip_serf_on_join(struct gossip *g, struct instant now, const struct gossip_serf_intent *i)
{
    struct gossip_member *m;

    if (!gossip_serf_witness(&g->clock, i->ltime) || i->node.n == 0 ||
        i->node.n > GOSSIP_NODE_SIZE_MAX) {
        g->stats.messages_bad++;
        return false;
    }
    m = gossip_member_find(&g->table, i->node);
    if (!m)
        return keep_recent(g, now, i, false);
    if (i->ltime <= m->status_ltime)
        return false;
    m->status_ltime = i->ltime;
    if (m->status == GOSSIP_STATUS_LEAVING && g->leave_phase == GOSSIP_STAY) {
        gossip_member_set_status(&g->table, m, GOSSIP_STATUS_ALIVE);
        m->is_pruned = false;
    }
    return true;
}

void gossip_serf_announce(struct gossip *g, struct instant now)
{
    struct gossip_serf_message m = {
        .kind = GOSSIP_SERF_JOIN,
        .u.intent = {.ltime = g->clock, .node = gossip_member_name(g->self)}};

    buf_clear(&g->list);
    gossip_serf_encode(&m, &g->list);
    gossip_spread_user(g, &g->intents, buf_str(&g->list), NULL);
    gossip_serf_on_join(g, now, &m.u.intent);
}

/* ---- messages ---- */

/* Wrapped for somebody else: unwrapped and sent on (Serf: relay factor). */
static void relay(struct gossip *g, const struct gossip_serf_relay *r)
{
    struct addr to;

    if (gossip_message_addr(r->ip, r->port, &to) != 0 || addr_is_any(&to) || r->port == 0 ||
        r->message.n == 0 || r->message.n > GOSSIP_QUERY_SIZE_MAX) {
        g->stats.messages_bad++;
        return;
    }
    buf_clear(&g->message);
    buf_put_u8(&g->message, GOSSIP_USER);
    buf_put_str(&g->message, r->message);
    gossip_spread_bare(g, buf_str(&g->message), &to, false);
}

void gossip_serf_receive(struct gossip *g, struct instant now, struct str bytes)
{
    struct gossip_serf_message m;
    struct gossip_event e;

    if (gossip_serf_decode(bytes, &m) != 0) {
        g->stats.messages_bad++;
        return;
    }
    /* What is said on is said in the very same bytes; but nobody may make us send more than fits.
     */
    switch (m.kind) {
    case GOSSIP_SERF_LEAVE:
        if (gossip_serf_on_leave(g, now, &m.u.intent) && bytes.n <= GOSSIP_EVENT_SIZE_MAX)
            gossip_spread_user(g, &g->intents, bytes, NULL);
        break;
    case GOSSIP_SERF_JOIN:
        if (gossip_serf_on_join(g, now, &m.u.intent) && bytes.n <= GOSSIP_EVENT_SIZE_MAX)
            gossip_spread_user(g, &g->intents, bytes, NULL);
        break;
    case GOSSIP_SERF_EVENT:
        e = (struct gossip_event){m.u.event.ltime, m.u.event.name, m.u.event.payload, m.u.event.cc};
        if (gossip_event_receive(g, now, &e) && bytes.n <= GOSSIP_QUERY_SIZE_MAX)
            gossip_spread_user(g, &g->events, bytes, NULL);
        break;
    case GOSSIP_SERF_QUERY:
        if (gossip_query_receive(g, now, &m.u.query) && bytes.n <= GOSSIP_QUERY_SIZE_MAX)
            gossip_spread_user(g, &g->queries, bytes, NULL);
        break;
    case GOSSIP_SERF_RESPONSE:
        gossip_query_on_response(g, now, &m.u.response);
        break;
    case GOSSIP_SERF_RELAY:
        relay(g, &m.u.relay);
        break;
    default:
        g->stats.messages_bad++;
    }
}

/* ---- state exchange ---- */

void gossip_serf_put_state(struct gossip *g, struct buf *out)
{
    struct gossip_serf_message m = {.kind = GOSSIP_SERF_PUSH_PULL};
    struct gossip_serf_state *s = &m.u.state;
    struct buf left, events;

    *s = (struct gossip_serf_state){
        .ltime = g->clock, .event_ltime = g->event_ring.clock, .query_ltime = g->query_ring.clock};
    buf_init(&left, GOSSIP_USER_STATE_SIZE_MAX);
    buf_init(&events, GOSSIP_USER_STATE_SIZE_MAX);
    buf_clear(&g->list);
    for (uint32_t i = 0; i < g->table.n; i++) {
        const struct gossip_member *member = g->table.all[i];

        /* Ours: one who is leaving is told as one who left. By his status time alone (the
         * reference) it would read as a join with the time of his intent, which when it comes
         * after would be old: he would be seen to fail. */
        bool is_leaving = member->status == GOSSIP_STATUS_LEAVING && member->status_ltime > 0;

        gossip_list_put_number(&g->list, gossip_member_name(member),
                               member->status_ltime - is_leaving);
        if (member->status == GOSSIP_STATUS_LEFT || is_leaving) {
            gossip_list_put_text(&left, gossip_member_name(member));
            s->left.n++;
        }
    }
    gossip_event_put_state(g, s, &events);
    s->status = (struct gossip_list){g->table.n, buf_str(&g->list)};
    s->left.items = buf_str(&left);
    s->events.items = buf_str(&events);
    gossip_serf_encode(&m, out);
    buf_fini(&left);
    buf_fini(&events);
}

/* Others' clocks count up to what they have seen, one below what comes next. */
static bool witness_all(struct gossip *g, const struct gossip_serf_state *s)
{
    return (s->ltime == 0 || gossip_serf_witness(&g->clock, s->ltime - 1)) &&
           (s->event_ltime == 0 || gossip_serf_witness(&g->event_ring.clock, s->event_ltime - 1)) &&
           (s->query_ltime == 0 || gossip_serf_witness(&g->query_ring.clock, s->query_ltime - 1));
}

void gossip_serf_merge(struct gossip *g, struct instant now, struct str user_state,
                       bool is_our_join)
{
    struct gossip_serf_message m;
    struct gossip_serf_state *s = &m.u.state;
    struct gossip_serf_intent i = {0};
    struct map left;
    struct str name;

    if (user_state.n == 0)
        return;
    if (gossip_serf_decode(user_state, &m) != 0 || m.kind != GOSSIP_SERF_PUSH_PULL ||
        !witness_all(g, s)) {
        g->stats.messages_bad++;
        return;
    }
    map_init(&left, rng_u64(g->o.rng));
    while (gossip_list_next_text(&s->left, &name))
        map_set(&left, name, &left);
    while (gossip_list_next_number(&s->status, &i.node, &i.ltime)) {
        if (left.n && map_get(&left, i.node)) {
            i.ltime++;
            gossip_serf_on_leave(g, now, &i);
        } else {
            gossip_serf_on_join(g, now, &i);
        }
    }
    map_fini(&left);
    gossip_event_merge(g, now, s, is_our_join && g->o.no_events);
}
