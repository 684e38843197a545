/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/sim_gossip_measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gossip/gossip_member.h"

#define ROUNDS_MAX 100

/* ---- options ---- */

static double number(int argc, char **argv, int *i)
{
    char *end;
    double v;

    if (*i + 1 >= argc) {
        fprintf(stderr, "%s needs a value\n", argv[*i]);
        exit(2);
    }
    v = strtod(argv[*i + 1], &end);
    if (*end || v < 0 || v > 1e9) {
        fprintf(stderr, "%s: not a number: %s\n", argv[*i], argv[*i + 1]);
        exit(2);
    }
    ++*i;
    return v;
}

bool measure_parse(int argc, char **argv, struct measure_options *o)
{
    *o = (struct measure_options){.seed = 1, .rounds = 5, .delay_ns = WORLD_MS, .seconds = 60};
    for (int i = 1; i < argc; i++) {
        struct str a = str_z(argv[i]);

        if (str_eq_z(a, "--seed"))
            o->seed = (uint64_t)number(argc, argv, &i);
        else if (str_eq_z(a, "--nodes"))
            o->nodes = (uint32_t)number(argc, argv, &i);
        else if (str_eq_z(a, "--rounds"))
            o->rounds = (uint32_t)number(argc, argv, &i);
        else if (str_eq_z(a, "--loss"))
            o->loss = number(argc, argv, &i) / 100;
        else if (str_eq_z(a, "--duplicate"))
            o->duplicate = number(argc, argv, &i) / 100;
        else if (str_eq_z(a, "--pause"))
            o->pause = number(argc, argv, &i) / 100;
        else if (str_eq_z(a, "--delay"))
            o->delay_ns = (int64_t)(number(argc, argv, &i) * (double)WORLD_MS);
        else if (str_eq_z(a, "--crowd"))
            o->crowd_ns = (int64_t)(number(argc, argv, &i) * (double)WORLD_MS) + 1;
        else if (str_eq_z(a, "--seconds"))
            o->seconds = (int64_t)number(argc, argv, &i);
        else if (str_eq_z(a, "--no-lifeguard"))
            o->no_lifeguard = true;
        else if (str_eq_z(a, "--no-resend"))
            o->no_resend = true;
        else if (str_eq_z(a, "--wan"))
            o->profile = GOSSIP_WAN;
        else if (str_eq_z(a, "--local"))
            o->profile = GOSSIP_LOCAL;
        else if (str_eq_z(a, "--dev"))
            o->profile = GOSSIP_DEV_LAN;
        else {
            fprintf(stderr, "sim_gossip: unknown option %s (its source begins with a list)\n",
                    argv[i]);
            exit(2);
        }
    }
    if (o->rounds > ROUNDS_MAX || (o->nodes && (o->nodes < 10 || o->nodes > 50000))) {
        fprintf(stderr, "sim_gossip: 10 to 50000 nodes, at most %d rounds\n", ROUNDS_MAX);
        exit(2);
    }
    return o->nodes > 0;
}

/* ---- watching ---- */

struct meter {
    struct gossip_world w;
    const struct measure_options *o;
    uint32_t subject; /* whose news are timed */
    enum gossip_news wanted;
    bool times_events;
    int64_t *seen; /* of each observer; 0: not yet */
    uint32_t seen_n;
    uint32_t *believers; /* of a death, each subject */
    uint64_t deaths_false, deaths_false_seen;
    bool is_counting;
    uint32_t pausing; /* the first nodes stop now and then: their deaths are not false */
};

static void see(struct meter *m, uint32_t observer)
{
    if (m->seen[observer])
        return;
    m->seen[observer] = m->w.now;
    m->seen_n++;
}

static void on_news(void *data, const struct world_news *news)
{
    struct meter *m = data;
    const struct world_node *s = &m->w.nodes[news->subject];

    if (!m->times_events && news->subject == m->subject && news->news == m->wanted)
        see(m, news->observer);
    if (news->news == GOSSIP_NEWS_FAILED && s->g) {
        if (m->is_counting && news->subject >= m->pausing) {
            m->deaths_false += m->believers[news->subject] == 0;
            m->deaths_false_seen++;
        }
        m->believers[news->subject]++;
    } else if (news->news == GOSSIP_NEWS_JOIN && m->believers[news->subject] > 0) {
        m->believers[news->subject]--;
    }
}

static void on_event(void *data, uint32_t observer, const struct gossip_event *e)
{
    struct meter *m = data;

    (void)e;
    if (m->times_events)
        see(m, observer);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

struct spread {
    double first, p50, p99, max;
    uint32_t n, of;
};

/* When `of` observers have seen it, or the time is over. */
static struct spread wait_seen(struct meter *m, int64_t begin, uint32_t of, int64_t longest)
{
    struct spread r = {.of = of};
    int64_t *times = mem_alloc((m->w.node_max + 1) * sizeof(*times));

    while (m->seen_n < of && m->w.now - begin < longest)
        world_wait(&m->w, 10 * WORLD_MS);
    for (uint32_t i = 0; i < m->w.node_max; i++) {
        if (m->seen[i])
            times[r.n++] = m->seen[i] - begin;
    }
    if (r.n) {
        qsort(times, r.n, sizeof(*times), compare);
        r.first = (double)times[0] / 1e9;
        r.p50 = (double)times[r.n / 2] / 1e9;
        r.p99 = (double)times[r.n - 1 - r.n / 100] / 1e9;
        r.max = (double)times[r.n - 1] / 1e9;
    }
    mem_free(times);
    return r;
}

static void forget_seen(struct meter *m)
{
    memset(m->seen, 0, m->w.node_max * sizeof(*m->seen));
    m->seen_n = 0;
}

static void print_rounds(const char *what, const struct spread *r, uint32_t n)
{
    struct spread low = r[0], high = r[0];
    uint32_t missed = 0;

    for (uint32_t i = 0; i < n; i++) {
        low.first = r[i].first < low.first ? r[i].first : low.first;
        low.p50 = r[i].p50 < low.p50 ? r[i].p50 : low.p50;
        low.p99 = r[i].p99 < low.p99 ? r[i].p99 : low.p99;
        low.max = r[i].max < low.max ? r[i].max : low.max;
        high.first = r[i].first > high.first ? r[i].first : high.first;
        high.p50 = r[i].p50 > high.p50 ? r[i].p50 : high.p50;
        high.p99 = r[i].p99 > high.p99 ? r[i].p99 : high.p99;
        high.max = r[i].max > high.max ? r[i].max : high.max;
        missed += r[i].of - r[i].n;
    }
    printf("  %-11s first %.2f-%.2f  p50 %.2f-%.2f  p99 %.2f-%.2f  last %.2f-%.2f s", what,
           low.first, high.first, low.p50, high.p50, low.p99, high.p99, low.max, high.max);
    if (missed)
        printf("  (%u never)", missed);
    printf("\n");
    fflush(stdout);
}

/* ---- phases ---- */

static void start(struct meter *m)
{
    struct gossip_world *w = &m->w;
    const struct measure_options *o = m->o;
    int64_t took;

    w->node_max = o->nodes;
    if (!o->crowd_ns) {
        world_fill(w);
        w->node_max += o->rounds;
        world_wait(w, 10 * WORLD_S);
        return;
    }
    for (uint32_t i = 0; i < o->nodes; i++) {
        world_start(w, i);
        if (i)
            world_join(w, i, 0);
        world_wait(w, o->crowd_ns - 1);
    }
    took = world_until(w, 600 * WORLD_S, world_all_know_all);
    printf("  %-11s complete tables %.2f s after the last one's start\n", "crowd",
           (double)took / 1e9);
    w->node_max += o->rounds;
    world_wait(w, 60 * WORLD_S);
}

static void totals(const struct meter *m, double ret[3])
{
    ret[0] = ret[1] = ret[2] = 0;
    for (uint32_t i = 0; i < m->w.node_max; i++) {
        ret[0] += (double)m->w.nodes[i].packets;
        ret[1] += (double)m->w.nodes[i].bytes;
        ret[2] += (double)m->w.nodes[i].stream_bytes;
    }
}

/* Nodes that stop for 5 to 15 s, go on for 2, and stop again. */
static void wait_with_pauses(struct meter *m, int64_t ns)
{
    struct gossip_world *w = &m->w;
    uint32_t n = m->pausing;
    int64_t *next = mem_alloc((n + 1) * sizeof(*next)), until = w->now + ns;

    for (uint32_t i = 0; i < n; i++)
        next[i] = w->now + (int64_t)rng_below(&w->rng, 10 * (uint64_t)WORLD_S);
    while (w->now < until) {
        for (uint32_t i = 0; i < n; i++) {
            bool is_paused = w->nodes[i].is_paused;

            if (w->now < next[i])
                continue;
            world_pause(w, i, !is_paused);
            next[i] =
                w->now + (is_paused
                              ? 2 * WORLD_S
                              : 5 * WORLD_S + (int64_t)rng_below(&w->rng, 10 * (uint64_t)WORLD_S));
        }
        world_wait(w, n ? 100 * WORLD_MS : until - w->now);
    }
    for (uint32_t i = 0; i < n; i++)
        world_pause(w, i, false);
    mem_free(next);
}

static void quiet(struct meter *m)
{
    double before[3], after[3], node_s = (double)m->o->seconds * m->w.running;
    uint64_t suspicions = 0;

    if (node_s <= 0)
        return;
    totals(m, before);
    for (uint32_t i = 0; i < m->w.node_max; i++) {
        struct gossip_stats s = {0};

        if (m->w.nodes[i].g)
            gossip_get_stats(m->w.nodes[i].g, &s);
        suspicions -= s.probes_failed;
    }
    m->is_counting = true;
    wait_with_pauses(m, m->o->seconds * WORLD_S);
    m->is_counting = false;
    totals(m, after);
    for (uint32_t i = 0; i < m->w.node_max; i++) {
        struct gossip_stats s = {0};

        if (m->w.nodes[i].g)
            gossip_get_stats(m->w.nodes[i].g, &s);
        suspicions += s.probes_failed;
    }
    printf("  %-11s %.3f packets, %.0f B a node and second; streams %.0f B\n", "quiet",
           (after[0] - before[0]) / node_s, (after[1] - before[1]) / node_s,
           (after[2] - before[2]) / node_s);
    printf("  %-11s false deaths %" PRIu64 " (%.4f a node-hour), seen %" PRIu64
           " times (%.3f a node-hour); probes failed %" PRIu64 "\n",
           "", m->deaths_false, (double)m->deaths_false * 3600 / node_s, m->deaths_false_seen,
           (double)m->deaths_false_seen * 3600 / node_s, suspicions);
    fflush(stdout);
}

static void joins(struct meter *m)
{
    struct spread r[ROUNDS_MAX];
    struct gossip_world *w = &m->w;

    for (uint32_t k = 0; k < m->o->rounds; k++) {
        uint32_t i = m->o->nodes + k;
        int64_t begin = w->now;

        forget_seen(m);
        m->subject = i;
        m->wanted = GOSSIP_NEWS_JOIN;
        world_start(w, i);
        world_join(w, i, (uint32_t)rng_below(&w->rng, m->o->nodes));
        r[k] = wait_seen(m, begin, w->running, 120 * WORLD_S);
        world_wait(w, 10 * WORLD_S);
    }
    if (m->o->rounds)
        print_rounds("join", r, m->o->rounds);
}

static void events(struct meter *m)
{
    struct spread r[ROUNDS_MAX];
    struct gossip_world *w = &m->w;

    m->times_events = true;
    for (uint32_t k = 0; k < m->o->rounds; k++) {
        int64_t begin = w->now;
        struct world_node *n = &w->nodes[rng_below(&w->rng, m->o->nodes)];

        forget_seen(m);
        if (gossip_event(n->g, world_now(w), STR_LIT("deploy"), STR_LIT("v1"), false) != 0)
            abort();
        world_rearm(n);
        r[k] = wait_seen(m, begin, w->running, 60 * WORLD_S);
        world_wait(w, 10 * WORLD_S);
    }
    m->times_events = false;
    if (m->o->rounds)
        print_rounds("user event", r, m->o->rounds);
}

static void kills(struct meter *m)
{
    struct spread r[ROUNDS_MAX];
    struct gossip_world *w = &m->w;

    for (uint32_t k = 0; k < m->o->rounds; k++) {
        int64_t begin = w->now;

        forget_seen(m);
        m->subject = m->o->nodes + k;
        m->wanted = GOSSIP_NEWS_FAILED;
        world_kill(w, m->subject);
        r[k] = wait_seen(m, begin, w->running, 180 * WORLD_S);
        world_wait(w, 10 * WORLD_S);
    }
    if (m->o->rounds)
        print_rounds("kill", r, m->o->rounds);
}

static void memory(const struct meter *m)
{
    size_t bytes = 0;
    const struct gossip *g = m->w.nodes[0].g;

    for (uint32_t i = 0; i < gossip_count(g); i++) {
        const struct gossip_member *x = gossip_at(g, i);

        bytes += sizeof(*x) + sizeof(*x->identity) + x->identity->name_n + x->identity->meta_n +
                 (x->trip ? sizeof(*x->trip) : 0) + 3 * sizeof(void *);
    }
    printf("  %-11s %zu B a member known\n", "memory", bytes / gossip_count(g));
}

void measure(const struct measure_options *o)
{
    struct meter m = {.o = o};
    struct gossip_world *w = &m.w;
    uint32_t all = o->nodes + o->rounds;

    *w = (struct gossip_world){.seed = o->seed,
                               .node_max = all,
                               .profile = o->profile,
                               .delay_min = o->delay_ns / 10,
                               .delay_max = o->delay_ns,
                               .no_lifeguard = o->no_lifeguard,
                               .no_resend = o->no_resend,
                               .compress = true,
                               .loss = o->loss,
                               .duplicate = o->duplicate,
                               .on_news = on_news,
                               .on_event = on_event,
                               .data = &m};
    m.seen = mem_alloc(all * sizeof(*m.seen));
    m.believers = mem_alloc(all * sizeof(*m.believers));
    m.subject = UINT32_MAX;
    m.pausing = (uint32_t)(o->pause * o->nodes);
    printf("%u nodes, loss %g %%, pausing %g %%, delay %g ms%s%s, seed %" PRIu64 "\n", o->nodes,
           o->loss * 100, o->pause * 100, (double)o->delay_ns / 1e6,
           o->no_lifeguard ? ", no Lifeguard" : "", o->no_resend ? ", pings once" : "", o->seed);
    fflush(stdout);
    world_open(w);
    start(&m);
    quiet(&m);
    joins(&m);
    events(&m);
    kills(&m);
    memory(&m);
    world_close(w);
    mem_free(m.seen);
    mem_free(m.believers);
}
