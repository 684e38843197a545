/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * User events, and the ring of times by which events and queries are told from their echoes: as
 * many times as the ring has slots are remembered; what is older is dropped.
 */
#include "config.h"

#include "base/mem.h"
#include "gossip/gossip_core.h"

/* ---- the ring ---- */

static void slot_clear(struct gossip_ring_slot *s)
{
    while (s->items) {
        struct gossip_ring_item *item = s->items;

        s->items = item->next;
        mem_free(item);
    }
    s->n = 0;
}

void gossip_event_ring_fini(struct gossip_ring *r)
{
    for (size_t i = 0; r->slots && i < GOSSIP_RING; i++)
        slot_clear(&r->slots[i]);
    mem_free(r->slots);
    r->slots = NULL;
}

static bool item_is(const struct gossip_ring_item *item, uint64_t id, struct str name,
                    struct str payload)
{
    return item->id == id && str_eq((struct str){item->bytes, item->name_n}, name) &&
           str_eq((struct str){item->bytes + item->name_n, item->payload_n}, payload);
}

bool gossip_event_ring_add(struct gossip_ring *r, uint64_t ltime, uint64_t id, struct str name,
                           struct str payload)
{
    struct gossip_ring_slot *s;
    struct gossip_ring_item *item, **end;

    if (ltime < r->min || (r->clock > GOSSIP_RING && ltime < r->clock - GOSSIP_RING))
        return false;
    if (!r->slots)
        r->slots = mem_alloc(GOSSIP_RING * sizeof(*r->slots));
    s = &r->slots[ltime % GOSSIP_RING];
    if (s->ltime != ltime)
        slot_clear(s);
    for (end = &s->items; *end; end = &(*end)->next) {
        if (item_is(*end, id, name, payload))
            return false;
    }
    if (s->n >= GOSSIP_RING_WIDTH)
        return false;
    s->ltime = ltime;
    item = mem_alloc(sizeof(*item) + name.n + payload.n);
    item->id = id;
    item->name_n = (uint16_t)name.n;
    item->payload_n = (uint16_t)payload.n;
    if (name.n)
        memcpy(item->bytes, name.p, name.n);
    if (payload.n)
        memcpy(item->bytes + name.n, payload.p, payload.n);
    *end = item;
    s->n++;
    return true;
}

/* ---- user events ---- */

bool gossip_event_receive(struct gossip *g, struct instant now, const struct gossip_event *e)
{
    uint64_t before = g->event_ring.clock;

    if (e->name.n + e->payload.n > GOSSIP_EVENT_HARD_MAX ||
        !gossip_serf_witness(&g->event_ring.clock, e->ltime)) {
        g->stats.messages_bad++;
        return false;
    }
    if (!gossip_event_ring_add(&g->event_ring, e->ltime, 0, e->name, e->payload))
        return false;
    if (g->event_ring.clock != before)
        gossip_snapshot_clock(g, now, "event-clock", e->ltime);
    gossip_trace(g, LOG_DEBUG, "serf: messageUserEventType: %.*s", STR_ARG(e->name));
    gossip_news_event(g, now, e);
    return true;
}

int gossip_event(struct gossip *g, struct instant now, struct str name, struct str payload,
                 bool coalesce)
{
    struct gossip_event e = {g->event_ring.clock, name, payload, coalesce};
    struct gossip_serf_message m = {.kind = GOSSIP_SERF_EVENT,
                                    .u.event = {e.ltime, name, payload, coalesce}};
    struct buf bytes;
    int r = 0;

    if (!g->is_started || g->leave_phase != GOSSIP_STAY)
        return ERR_CLOSED;
    if (name.n + payload.n > GOSSIP_EVENT_SIZE_MAX)
        return ERR_TOO_LARGE;
    buf_init(&bytes, 0);
    gossip_serf_encode(&m, &bytes);
    if (bytes.n > GOSSIP_EVENT_SIZE_MAX) {
        r = ERR_TOO_LARGE;
    } else {
        gossip_spread_user(g, &g->events, buf_str(&bytes), NULL);
        gossip_event_receive(g, now, &e);
    }
    buf_fini(&bytes);
    return r;
}

/* ---- in the state exchange ---- */

static void put_slot(const struct gossip_ring_slot *s, struct buf *list)
{
    gossip_list_put_slot(list, s->n);
    for (const struct gossip_ring_item *item = s->items; item; item = item->next)
        gossip_list_put_event(list, (struct str){item->bytes, item->name_n},
                              (struct str){item->bytes + item->name_n, item->payload_n});
    gossip_list_end_slot(list, s->ltime);
}

/* All slots, empty ones too, in the ring's order. Ours: none at all while there was no event;
 * readers only walk them. */
void gossip_event_put_state(struct gossip *g, struct gossip_serf_state *s, struct buf *list)
{
    const struct gossip_ring *r = &g->event_ring;

    if (!r->slots)
        return;
    for (size_t i = 0; i < GOSSIP_RING; i++) {
        if (r->slots[i].n)
            put_slot(&r->slots[i], list);
        else
            gossip_list_put_empty_slot(list);
    }
    s->events.n = GOSSIP_RING;
}

void gossip_event_merge(struct gossip *g, struct instant now, const struct gossip_serf_state *s,
                        bool skip)
{
    struct gossip_list slots = s->events, events;
    struct gossip_event e = {0};

    if (skip) {
        if (s->event_ltime > g->event_ring.min)
            g->event_ring.min = s->event_ltime;
        return;
    }
    while (gossip_list_next_slot(&slots, &e.ltime, &events)) {
        while (gossip_list_next_event(&events, &e.name, &e.payload))
            gossip_event_receive(g, now, &e);
    }
}
