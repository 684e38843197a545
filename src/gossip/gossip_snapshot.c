/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The snapshot file: who was there and how far the clocks were, in Serf's text lines, so that a
 * restarted agent finds its pool again and hears no old event twice. Lines are gathered and handed
 * out every half second; when they have grown past a bound, the whole is written anew.
 */
#include "config.h"

#include "base/mem.h"
#include "gossip/gossip_core.h"

#define FLUSH_MS      500
#define COMPACT_MIN   (UINT64_C(128) << 10)
#define COMPACT_EACH  256 /* bytes a member */
#define RESTORE_MAX   ((size_t)64 << 20)
#define RESTORE_NODES GOSSIP_MEMBERS_MAX

static bool is_kept(const struct gossip *g)
{
    return g->o.out.snapshot != NULL;
}

/* ---- writing ---- */

static void put_member(struct buf *out, const struct gossip_member *m)
{
    char addr[ADDR_TEXT_MAX];

    addr_format(&m->identity->addr, addr);
    buf_putf(out, "alive: %.*s %s\n", STR_ARG(gossip_member_name(m)), addr);
}

static void put_clock(struct buf *out, const char *word, uint64_t v)
{
    buf_putf(out, "%s: %llu\n", word, (unsigned long long)v);
}

/* A name with a line break would forge lines: it is left out. */
static bool is_plain(struct str name)
{
    return str_find(name, '\n', 0) == name.n;
}

static void on_flush_due(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, snapshot_timer);

    timers_set(g->o.timers, t, instant_add(now, DURATION_MS(FLUSH_MS)));
    gossip_snapshot_flush(g, false);
}

void gossip_snapshot_start(struct gossip *g)
{
    g->snapshot_timer.fire = on_flush_due;
    if (is_kept(g))
        timers_set(g->o.timers, &g->snapshot_timer, (struct instant){0});
}

void gossip_snapshot_member(struct gossip *g, struct instant now, const struct gossip_member *m)
{
    (void)now;
    if (!is_kept(g) || !is_plain(gossip_member_name(m)))
        return;
    if (m->status == GOSSIP_STATUS_ALIVE || m->status == GOSSIP_STATUS_LEAVING)
        put_member(&g->snapshot, m);
    else
        buf_putf(&g->snapshot, "not-alive: %.*s\n", STR_ARG(gossip_member_name(m)));
}

void gossip_snapshot_clock(struct gossip *g, struct instant now, const char *word, uint64_t ltime)
{
    (void)now;
    if (is_kept(g))
        put_clock(&g->snapshot, word, ltime);
}

void gossip_snapshot_leave(struct gossip *g, struct instant now)
{
    (void)now;
    if (!is_kept(g))
        return;
    buf_put_z(&g->snapshot, "leave\n");
    gossip_snapshot_flush(g, true);
}

static void put_all(struct gossip *g)
{
    buf_clear(&g->snapshot);
    for (uint32_t i = 0; i < g->table.n; i++) {
        const struct gossip_member *m = g->table.all[i];

        if ((m->status == GOSSIP_STATUS_ALIVE || m->status == GOSSIP_STATUS_LEAVING) &&
            is_plain(gossip_member_name(m)))
            put_member(&g->snapshot, m);
    }
    put_clock(&g->snapshot, "clock", g->clock - 1);
    put_clock(&g->snapshot, "event-clock", g->event_ring.clock - 1);
    put_clock(&g->snapshot, "query-clock", g->query_ring.clock - 1);
    if (g->leave_phase != GOSSIP_STAY)
        buf_put_z(&g->snapshot, "leave\n");
}

void gossip_snapshot_flush(struct gossip *g, bool sync)
{
    uint64_t limit = (uint64_t)g->table.n * COMPACT_EACH;
    bool whole;

    if (!is_kept(g))
        return;
    if (g->snapshot_clock != g->clock) {
        g->snapshot_clock = g->clock;
        put_clock(&g->snapshot, "clock", g->clock - 1);
    }
    if (g->snapshot.n == 0 && !sync)
        return;
    g->snapshot_bytes += g->snapshot.n;
    whole = g->snapshot.failed || g->snapshot_bytes > (limit > COMPACT_MIN ? limit : COMPACT_MIN);
    if (whole) {
        buf_fini(&g->snapshot);
        put_all(g);
        g->snapshot_bytes = g->snapshot.n;
    }
    g->o.out.snapshot(g->o.out.data, buf_str(&g->snapshot), whole, sync);
    buf_clear(&g->snapshot);
}

/* ---- reading ---- */

struct restore {
    struct map nodes; /* name -> struct addr */
    uint64_t clock, event, query;
};

static void restore_clear(struct restore *r)
{
    MAP_FOREACH (&r->nodes, e)
        mem_free(e->value);
    map_fini(&r->nodes);
    map_init(&r->nodes, 0);
    r->clock = r->event = r->query = 0;
}

static void restore_alive(struct restore *r, struct str rest)
{
    size_t space = rest.n;
    struct addr addr, *kept;

    while (space > 0 && rest.p[space - 1] != ' ')
        space--;
    if (space < 2 || addr_parse_port(str_drop(rest, space), 0, &addr) != 0 ||
        r->nodes.n >= RESTORE_NODES)
        return;
    kept = mem_dup(&addr, sizeof(addr));
    mem_free(map_set(&r->nodes, str_take(rest, space - 1), kept));
}

static void restore_clock(uint64_t *clock, struct str rest)
{
    uint64_t v;

    if (str_to_u64(rest, &v) == 0 && v > *clock && v < UINT64_MAX / 2)
        *clock = v;
}

static void restore_line(struct restore *r, struct str line, bool after_leave)
{
    static const char *const words[] = {
        "alive: ", "not-alive: ", "clock: ", "event-clock: ", "query-clock: "};

    if (str_eq_z(line, "leave")) {
        if (!after_leave)
            restore_clear(r);
        return;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct str rest;

        if (!str_has_prefix(line, str_z(words[i])))
            continue;
        rest = str_drop(line, strlen(words[i]));
        if (i == 0)
            restore_alive(r, rest);
        else if (i == 1)
            mem_free(map_del(&r->nodes, rest));
        else
            restore_clock(i == 2 ? &r->clock : i == 3 ? &r->event : &r->query, rest);
        return;
    }
}

void gossip_restore(struct gossip *g, struct str text, bool after_leave)
{
    struct restore r = {0};
    struct str rest = str_take(text, RESTORE_MAX);
    size_t n = 0;

    ASSERT(!g->is_started);
    map_init(&r.nodes, 0);
    while (rest.p)
        restore_line(&r, str_split(&rest, '\n'), after_leave);
    mem_free(map_del(&r.nodes, gossip_member_name(g->self)));
    mem_free(g->rejoin);
    g->rejoin = mem_alloc((r.nodes.n + 1) * sizeof(*g->rejoin));
    MAP_FOREACH (&r.nodes, e) {
        size_t at = (size_t)rng_below(g->o.rng, n + 1); /* shuffled, as they are tried in order */

        g->rejoin[n++] = g->rejoin[at];
        g->rejoin[at] = *(struct addr *)e->value;
    }
    g->rejoin_n = n;
    /* A file of ours may be ahead by more than a peer may be. */
    if (r.clock >= g->clock)
        g->clock = r.clock + 1;
    if (r.event > 0) {
        g->event_ring.clock = r.event + 1;
        g->event_ring.min = r.event + 1;
    }
    if (r.query > 0) {
        g->query_ring.clock = r.query + 1;
        g->query_ring.min = r.query + 1;
    }
    restore_clear(&r);
    map_fini(&r.nodes);
}
