/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/servers.h"

#include <stdlib.h>
#include <string.h>

void servers_init(struct servers *s, struct rng *rng)
{
    memset(s, 0, sizeof *s);
    s->rng = rng;
}

static struct server *find(struct servers *s, const struct member *m)
{
    for (size_t i = 0; i < s->n; i++) {
        if (str_eq_z(m->short_name, s->items[i].name) && str_eq_z(m->dc, s->items[i].dc))
            return &s->items[i];
    }
    return NULL;
}

void servers_update(struct servers *s, const struct member *m)
{
    struct server *e = find(s, m);
    if (m->role != MEMBER_SERVER || m->status == MEMBER_LEFT || m->status == MEMBER_REAPED) {
        if (e)
            memmove(e, e + 1, (size_t)(&s->items[--s->n] - e) * sizeof *e);
        return;
    }
    if (!e) {
        if (s->n == SERVERS_MAX || m->short_name.n >= sizeof e->name || m->dc.n >= sizeof e->dc)
            return;
        /* Somewhere among those that are there: so agents that hear of the same servers choose
         * different ones. */
        size_t at = (size_t)rng_below(s->rng, s->n + 1);
        e = &s->items[at];
        memmove(e + 1, e, (s->n++ - at) * sizeof *e);
        *e = (struct server){.failed = {0}};
        str_copy_z(m->short_name, e->name, sizeof e->name);
        str_copy_z(m->dc, e->dc, sizeof e->dc);
    }
    if (m->status == MEMBER_ALIVE && !e->alive)
        e->failed = (struct instant){0};
    e->addr = m->rpc;
    e->alive = m->status == MEMBER_ALIVE;
}

static void shuffle(struct servers *s, struct instant now)
{
    s->rebalance = instant_add(now, SERVERS_REBALANCE);
    s->rebalance.ns += (int64_t)rng_below(s->rng, (uint64_t)SERVERS_REBALANCE.ns / 2);
    for (size_t i = s->n; i > 1; i--) {
        size_t k = (size_t)rng_below(s->rng, i);
        struct server swap = s->items[i - 1];
        s->items[i - 1] = s->items[k];
        s->items[k] = swap;
    }
}

/* Lower is better. */
static int badness(const struct server *e, struct instant now, const struct addr *tried, size_t n)
{
    int bad = e->alive ? 0 : 2;
    if (e->failed.ns && instant_since(now, e->failed).ns < SERVERS_PENALTY.ns)
        bad += 1;
    for (size_t i = 0; i < n; i++) {
        if (addr_eq(&tried[i], &e->addr))
            bad += 4;
    }
    return bad;
}

bool servers_pick(struct servers *s, struct str dc, struct instant now, const struct addr *tried,
                  size_t tried_n, struct addr *ret)
{
    const struct server *best = NULL;
    if (s->rebalance.ns == 0 || !instant_before(now, s->rebalance))
        shuffle(s, now);
    for (size_t i = 0; i < s->n; i++) {
        const struct server *e = &s->items[i];
        if (str_eq_z(dc, e->dc) &&
            (!best || badness(e, now, tried, tried_n) < badness(best, now, tried, tried_n)))
            best = e;
    }
    if (best)
        *ret = best->addr;
    return best != NULL;
}

static void set_failed(struct servers *s, const struct addr *a, struct instant at)
{
    for (size_t i = 0; i < s->n; i++) {
        if (addr_eq(&s->items[i].addr, a))
            s->items[i].failed = at;
    }
}

void servers_failed(struct servers *s, const struct addr *a, struct instant now)
{
    set_failed(s, a, now);
}

void servers_worked(struct servers *s, const struct addr *a)
{
    set_failed(s, a, (struct instant){0});
}

bool servers_has_dc(const struct servers *s, struct str dc)
{
    for (size_t i = 0; i < s->n; i++) {
        if (str_eq_z(dc, s->items[i].dc))
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t servers_datacenters(const struct servers *s, const char **ret, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        size_t k = 0;
        while (k < n && strcmp(ret[k], s->items[i].dc) != 0)
            k++;
        if (k == n && n < max)
            ret[n++] = s->items[i].dc;
    }
    qsort(ret, n, sizeof *ret, by_name);
    return n;
}
