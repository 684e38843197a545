/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * News towards the hooks: each at once, or (Serf's agent) held until nothing new has come for a
 * while: of a member then only the last counts, of a user event that may be coalesced those of the
 * newest time of its name.
 */
#include "config.h"

#include "base/mem.h"
#include "gossip/gossip_core.h"

#define HELD_EVENTS_MAX 4096

struct held_member {
    enum gossip_news news, delivered;
    bool is_new, was_delivered;
};
struct held_event {
    struct list link;
    struct gossip_event event;
    char bytes[];
};

static void on_due(struct timer *t, struct instant now);

const char *gossip_news_text(enum gossip_news news)
{
    static const char *const texts[] = {"member-join", "member-update", "member-leave",
                                        "member-failed", "member-reap"};

    return texts[news];
}

static bool is_held(const struct gossip *g)
{
    return g->o.timing.coalesce.ns > 0;
}

/* Delivered after the quiet time, or when the period since the first is over. */
static void set_timer(struct gossip *g, struct instant now)
{
    struct instant at = instant_add(now, g->o.timing.coalesce_quiet);

    g->news_timer.fire = on_due;
    if (!timers_is_set(&g->news_timer))
        g->news_until = instant_add(now, g->o.timing.coalesce);
    timers_set(g->o.timers, &g->news_timer, instant_before(g->news_until, at) ? g->news_until : at);
}

static void tell(struct gossip *g, enum gossip_news news, const struct gossip_member *m)
{
    if (g->o.hooks.news)
        g->o.hooks.news(g->o.hooks.data, news, m);
}

/* As `serf` words it: people search logs for it. */
static void trace_member(struct gossip *g, enum gossip_news news, const struct gossip_member *m)
{
    static const char *const words[] = {"EventMemberJoin", "EventMemberUpdate", "EventMemberLeave",
                                        "EventMemberFailed", "EventMemberReap"};
    char ip[ADDR_TEXT_MAX];

    addr_format_ip(&m->identity->addr, ip);
    gossip_trace(g, LOG_INFO, "serf: %s: %.*s %s", words[news], STR_ARG(gossip_member_name(m)), ip);
}

void gossip_news_member(struct gossip *g, struct instant now, enum gossip_news news,
                        const struct gossip_member *m)
{
    struct held_member *h;

    trace_member(g, news, m);
    gossip_snapshot_member(g, now, m);
    if (!is_held(g)) {
        tell(g, news, m);
        return;
    }
    if (news == GOSSIP_NEWS_REAP) { /* the member ends now */
        mem_free(map_del(&g->held_news, gossip_member_name(m)));
        tell(g, news, m);
        return;
    }
    h = map_get(&g->held_news, gossip_member_name(m));
    if (!h) {
        h = mem_new(struct held_member);
        map_set(&g->held_news, gossip_member_name(m), h);
    }
    h->news = news;
    h->is_new = true;
    set_timer(g, now);
}

static void deliver_event(struct gossip *g, const struct gossip_event *e)
{
    if (g->o.hooks.event)
        g->o.hooks.event(g->o.hooks.data, e);
}

static void hold_event(struct gossip *g, const struct gossip_event *e)
{
    struct held_event *h;

    LIST_FOREACH (&g->held_events, l) {
        h = LIST_ITEM(l, struct held_event, link);
        if (!str_eq(h->event.name, e->name))
            continue;
        if (h->event.ltime > e->ltime)
            return;
        if (h->event.ltime < e->ltime) {
            list_remove(&h->link);
            mem_free(h);
            g->held_event_n--;
        }
    }
    if (g->held_event_n >= HELD_EVENTS_MAX)
        return;
    h = mem_alloc(sizeof(*h) + e->name.n + e->payload.n);
    h->event = *e;
    memcpy(h->bytes, e->name.p, e->name.n);
    if (e->payload.n)
        memcpy(h->bytes + e->name.n, e->payload.p, e->payload.n);
    h->event.name.p = h->bytes;
    h->event.payload.p = h->bytes + e->name.n;
    list_push(&g->held_events, &h->link);
    g->held_event_n++;
}

void gossip_news_event(struct gossip *g, struct instant now, const struct gossip_event *e)
{
    if (!is_held(g) || !e->coalesce) {
        deliver_event(g, e);
        return;
    }
    hold_event(g, e);
    set_timer(g, now);
}

static void on_due(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, news_timer);
    struct list *l;

    (void)now;
    for (uint32_t i = 0; i < g->table.n; i++) {
        struct gossip_member *m = g->table.all[i];
        struct held_member *h = map_get(&g->held_news, gossip_member_name(m));

        if (!h || !h->is_new)
            continue;
        h->is_new = false;
        if (h->was_delivered && h->delivered == h->news && h->news != GOSSIP_NEWS_UPDATE)
            continue;
        h->was_delivered = true;
        h->delivered = h->news;
        tell(g, h->news, m);
    }
    while ((l = list_pop(&g->held_events))) {
        struct held_event *h = LIST_ITEM(l, struct held_event, link);

        g->held_event_n--;
        deliver_event(g, &h->event);
        mem_free(h);
    }
}

void gossip_news_stop(struct gossip *g)
{
    struct list *l;

    timers_cancel(g->o.timers, &g->news_timer);
    MAP_FOREACH (&g->held_news, e)
        mem_free(e->value);
    map_fini(&g->held_news);
    while ((l = list_pop(&g->held_events)))
        mem_free(LIST_ITEM(l, struct held_event, link));
}
