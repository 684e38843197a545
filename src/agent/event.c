/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "agent/event.h"

#include "base/mem.h"
#include "base/pattern.h"
#include "gossip/gossip_message_event.h"

/* ---- encoding ---- */

void event_encode(const struct event *e, struct buf *out)
{
    struct gossip_message_event m = {.id = e->id,
                                     .name = e->name,
                                     .payload = e->payload,
                                     .node_filter = e->node_filter,
                                     .service_filter = e->service_filter,
                                     .tag_filter = e->tag_filter,
                                     .version = (int64_t)e->version};

    gossip_message_event_encode(&m, out);
}

int event_decode(struct str bytes, struct event *ret)
{
    struct gossip_message_event m;

    if (gossip_message_event_decode(bytes, &m) || m.id.n != 36 || m.name.n == 0 || m.version < 0)
        return ERR_INVALID;
    *ret = (struct event){.id = m.id,
                          .name = m.name,
                          .payload = m.payload,
                          .node_filter = m.node_filter,
                          .service_filter = m.service_filter,
                          .tag_filter = m.tag_filter,
                          .version = (uint64_t)m.version};
    return 0;
}

/* ---- filters ---- */

static int check_filter(struct str filter, const char *what, struct error *err)
{
    struct error why;
    regex_t pattern;

    if (pattern_compile(filter, &pattern, &why) < 0)
        return error_set(err, ERR_INVALID, "Invalid %s filter: %s", what, why.text);
    regfree(&pattern);
    return 0;
}

int event_check(const struct event *e, struct error *err)
{
    int rc;

    if (e->name.n == 0)
        return error_set(err, ERR_INVALID, "User event missing name");
    if (e->tag_filter.n && !e->service_filter.n)
        return error_set(err, ERR_INVALID, "Cannot provide tag filter without service filter");
    rc = check_filter(e->node_filter, "node", err);
    if (rc == 0)
        rc = check_filter(e->service_filter, "service", err);
    if (rc == 0)
        rc = check_filter(e->tag_filter, "tag", err);
    return rc;
}

bool event_filter_fits(struct str filter, struct str text)
{
    struct error err;
    regex_t pattern;
    bool fits;

    if (filter.n == 0)
        return true;
    if (pattern_compile(filter, &pattern, &err) < 0)
        return false;
    fits = pattern_fits(&pattern, text);
    regfree(&pattern);
    return fits;
}

static uint64_t hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? (uint64_t)(c - '0')
           : c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a' + 10)
           : c >= 'A' && c <= 'F' ? (uint64_t)(c - 'A' + 10)
                                  : 0;
}

/* The id's two halves, exclusively ored. */
uint64_t event_index(struct str id)
{
    uint64_t halves[2] = {0, 0};
    size_t digit = 0;

    for (size_t i = 0; i < id.n && digit < 32; i++)
        if (id.p[i] != '-') {
            halves[digit / 16] = halves[digit / 16] << 4 | hex_digit(id.p[i]);
            digit++;
        }
    return halves[0] ^ halves[1];
}

/* ---- the ring ---- */

struct kept {
    struct event event;
    struct arena arena;
};

struct event_ring {
    struct kept items[EVENT_RING_SIZE];
    size_t first, n;
};

struct event_ring *event_ring_new(void)
{
    return mem_new(struct event_ring);
}

void event_ring_free(struct event_ring *r)
{
    for (size_t i = 0; r && i < EVENT_RING_SIZE; i++)
        arena_fini(&r->items[i].arena);
    mem_free(r);
}

static struct str copy(struct arena *a, struct str s)
{
    return s.p ? str_make(arena_dup(a, s.p, s.n), s.n) : s;
}

void event_ring_push(struct event_ring *r, const struct event *e)
{
    struct kept *k = &r->items[(r->first + r->n) % EVENT_RING_SIZE];

    if (r->n == EVENT_RING_SIZE)
        r->first = (r->first + 1) % EVENT_RING_SIZE;
    else
        r->n++;
    arena_fini(&k->arena);
    k->event = (struct event){.id = copy(&k->arena, e->id),
                              .name = copy(&k->arena, e->name),
                              .payload = copy(&k->arena, e->payload),
                              .node_filter = copy(&k->arena, e->node_filter),
                              .service_filter = copy(&k->arena, e->service_filter),
                              .tag_filter = copy(&k->arena, e->tag_filter),
                              .version = e->version,
                              .ltime = e->ltime};
}

const struct event *event_ring_at(const struct event_ring *r, size_t i)
{
    return r && i < r->n ? &r->items[(r->first + i) % EVENT_RING_SIZE].event : NULL;
}
