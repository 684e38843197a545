/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pools of many nodes on virtual time.
 *
 *     sim_gossip                        the checks: small pools, every fault, invariants
 *     sim_gossip --seed 7               the same with another seed
 *     sim_gossip --nodes 1000 ...       measures one pool and prints what it costs:
 *         --loss P  --duplicate P       percent of datagrams
 *         --delay MS                    at most; at least a tenth of it (default 1 ms)
 *         --pause P                     percent of nodes that stop for 5 to 15 s again and again
 *         --no-lifeguard                without health score, confirmations and buddies
 *         --no-resend                   a ping goes out once
 *         --seconds S                   of the quiet phase (default 60)
 *         --rounds R                    of joins, events and kills (default 5)
 *         --crowd MS                    all join the first, one each MS; else all know all at once
 *         --wan --local --dev           another profile
 *
 * The checks' invariants: without faults no live node is ever seen dead; with them never for
 * longer than a bound, and when they end, all agree within another; incarnations only grow; what
 * was said once arrives once at each; and a quiet pool is quiet (nothing amplifies itself).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/sim_gossip_measure.h"

#define NODES_MAX 128

static int test_n;
static uint64_t seed = 1;

/* ---- what is watched all the time ---- */

struct watch {
    struct gossip_world w;
    int64_t dead_since[NODES_MAX][NODES_MAX]; /* [observer][subject], of live ones; 0: is not */
    uint32_t incarnation[NODES_MAX][NODES_MAX];
    uint32_t life[NODES_MAX][NODES_MAX];
    int64_t dead_longest;
    uint64_t backwards, left, reaped, events, questions;
};

static void on_news(void *data, const struct world_news *news)
{
    struct watch *x = data;
    struct world_node *subject = &x->w.nodes[news->subject];
    uint32_t *known = &x->incarnation[news->observer][news->subject];
    int64_t *since = &x->dead_since[news->observer][news->subject];
    struct gossip_info info;

    if (news->news == GOSSIP_NEWS_FAILED && subject->g)
        *since = news->at;
    if (news->news == GOSSIP_NEWS_JOIN && *since) {
        if (news->at - *since > x->dead_longest)
            x->dead_longest = news->at - *since;
        *since = 0;
    }
    x->left += news->news == GOSSIP_NEWS_LEAVE;
    x->reaped += news->news == GOSSIP_NEWS_REAP;
    if (news->observer == news->subject || !x->w.nodes[news->observer].g)
        return;
    gossip_get_info(x->w.nodes[news->observer].g,
                    world_member(&x->w, news->observer, news->subject), &info);
    if (x->life[news->observer][news->subject] != x->w.nodes[news->observer].life)
        *known = 0;
    x->life[news->observer][news->subject] = x->w.nodes[news->observer].life;
    x->backwards += info.incarnation < *known;
    *known = info.incarnation;
}

static void on_event(void *data, uint32_t observer, const struct gossip_event *e)
{
    (void)observer;
    (void)e;
    ((struct watch *)data)->events++;
}

static void on_question(void *data, uint32_t observer, const struct gossip_question *q)
{
    struct watch *x = data;

    x->questions++;
    (void)(gossip_respond(x->w.nodes[observer].g, world_now(&x->w), q->handle, STR_LIT("pong")) !=
           0);
}

static struct watch *open_watch(uint32_t nodes)
{
    struct watch *x = mem_new(struct watch);

    ASSERT(nodes <= NODES_MAX);
    x->w = (struct gossip_world){.seed = seed,
                                 .node_max = nodes,
                                 .delay_min = WORLD_MS / 10,
                                 .delay_max = WORLD_MS,
                                 .on_news = on_news,
                                 .on_event = on_event,
                                 .on_question = on_question,
                                 .data = x};
    world_open(&x->w);
    return x;
}

static void close_watch(struct watch *x)
{
    world_close(&x->w);
    mem_free(x);
}

static void expect(bool is_so, const char *what, int64_t got)
{
    if (is_so)
        return;
    printf("not ok %d - %s: %" PRId64 " (sim_gossip --seed %" PRIu64 ")\n", test_n + 1, what, got,
           seed);
    exit(1);
}

static void ok(const char *what)
{
    printf("ok %d - %s\n", ++test_n, what);
    fflush(stdout);
}

/* How many of the live ones see `subject` so. */
static uint32_t count_status(struct gossip_world *w, uint32_t subject, enum gossip_status status)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < w->node_max; i++)
        n += i != subject && w->nodes[i].g && world_status(w, i, subject) == status;
    return n;
}

static double packets_each_second(struct gossip_world *w, int64_t seconds)
{
    uint64_t before = 0, after = 0;

    for (uint32_t i = 0; i < w->node_max; i++)
        before += w->nodes[i].packets;
    world_wait(w, seconds * WORLD_S);
    for (uint32_t i = 0; i < w->node_max; i++)
        after += w->nodes[i].packets;
    return (double)(after - before) / (double)seconds / w->running;
}

static void expect_sane(struct watch *x)
{
    expect(x->backwards == 0, "an incarnation went back", (int64_t)x->backwards);
    for (uint32_t i = 0; i < x->w.node_max; i++) {
        for (uint32_t k = 0; k < x->w.node_max && x->w.nodes[i].g; k++)
            expect(!x->w.nodes[k].g || world_status(&x->w, i, k) == GOSSIP_STATUS_ALIVE,
                   "a live node is not seen alive at the end", i * 1000 + k);
    }
}

/* ---- the checks ---- */

/* All join the first; then nothing happens, and nothing is said about it. */
static void check_quiet(void)
{
    struct watch *x = open_watch(60);
    struct gossip_world *w = &x->w;
    int64_t took;
    double packets;

    for (uint32_t i = 0; i < w->node_max; i++) {
        world_start(w, i);
        if (i)
            world_join(w, i, 0);
        world_wait(w, 20 * WORLD_MS);
    }
    took = world_until(w, 20 * WORLD_S, world_all_know_all);
    expect(took >= 0, "60 nodes do not know each other", took);
    world_wait(w, 60 * WORLD_S);
    packets = packets_each_second(w, 120);
    expect(packets < 2.1, "a quiet pool is not quiet: packets a node in 10 s",
           (int64_t)(packets * 10));
    expect(w->failed_news == 0, "somebody was seen dead", (int64_t)w->failed_news);
    expect_sane(x);
    close_watch(x);
    ok("60 nodes join one; none is seen dead; two packets a node and second");
}

/* A crowd, each joining somebody who came before, all at once. */
static void check_crowd(void)
{
    struct watch *x = open_watch(100);
    struct gossip_world *w = &x->w;
    int64_t took;

    for (uint32_t i = 0; i < w->node_max; i++) {
        world_start(w, i);
        if (i)
            world_join(w, i, (uint32_t)rng_below(&w->rng, i));
        world_wait(w, 2 * WORLD_MS);
    }
    took = world_until(w, 60 * WORLD_S, world_all_know_all);
    expect(took >= 0 && took < 30 * WORLD_S, "100 that join at once have no complete tables",
           took / WORLD_MS);
    expect(w->failed_news == 0, "somebody was seen dead", (int64_t)w->failed_news);
    close_watch(x);
    ok("100 nodes join a random one each within 0.2 s; tables complete within 30 s");
}

/* Killed: all notice, in time. Back under its name: all believe it. */
static void check_kill(void)
{
    struct watch *x = open_watch(60);
    struct gossip_world *w = &x->w;

    world_fill(w);
    world_wait(w, 20 * WORLD_S);
    world_kill(w, 7);
    world_kill(w, 8);
    world_wait(w, 5 * WORLD_S);
    expect(w->failed_news == 0, "a death was seen too early", (int64_t)w->failed_news);
    world_wait(w, 20 * WORLD_S);
    expect(count_status(w, 7, GOSSIP_STATUS_FAILED) == 58, "see one as failed",
           count_status(w, 7, GOSSIP_STATUS_FAILED));
    expect(w->failed_news == 2 * 58, "deaths seen", (int64_t)w->failed_news);
    world_start(w, 7);
    world_join(w, 7, 30);
    world_wait(w, 10 * WORLD_S);
    expect(count_status(w, 7, GOSSIP_STATUS_ALIVE) == 58, "see the restarted one alive",
           count_status(w, 7, GOSSIP_STATUS_ALIVE));
    ASSERT(gossip_force_leave(w->nodes[1].g, world_now(w), STR_LIT("node-8"), true) == 0);
    world_wait(w, 10 * WORLD_S);
    expect(count_status(w, 8, GOSSIP_STATUS_NONE) == 59, "have forgotten the pruned one",
           count_status(w, 8, GOSSIP_STATUS_NONE));
    expect_sane(x);
    close_watch(x);
    ok("two of 60 die: all see it within 25 s; one comes back, one is pruned");
}

/* Good-byes are left, never failed; tags change everywhere. */
static void check_leave(void)
{
    struct watch *x = open_watch(60);
    struct gossip_world *w = &x->w;
    uint32_t same = 0;

    world_fill(w);
    world_wait(w, 10 * WORLD_S);
    for (uint32_t i = 10; i < 15; i++)
        world_leave(w, i);
    ASSERT(gossip_set_meta(w->nodes[20].g, world_now(w), STR_LIT("\xff\x81\xa1k\xa1v")) == 0);
    world_wait(w, 15 * WORLD_S);
    for (uint32_t i = 10; i < 15; i++)
        world_kill(w, i);
    world_wait(w, 30 * WORLD_S);
    for (uint32_t i = 10; i < 15; i++)
        expect(count_status(w, i, GOSSIP_STATUS_LEFT) == 55, "see one that left as left",
               count_status(w, i, GOSSIP_STATUS_LEFT));
    expect(w->failed_news == 0, "somebody was seen dead", (int64_t)w->failed_news);
    for (uint32_t i = 0; i < w->node_max; i++) {
        struct gossip_info info;

        if (!w->nodes[i].g)
            continue;
        gossip_get_info(w->nodes[i].g, world_member(w, i, 20), &info);
        same += str_eq(gossip_tags_find(info.tags, STR_LIT("k")), STR_LIT("v"));
    }
    expect(same == 55, "see the new tag", same);
    close_watch(x);
    ok("five of 60 leave and are seen as left; a tag changes everywhere");
}

/* Two halves: each sees the other dead; after it heals all are back, without anybody's help. */
static void check_partition(void)
{
    struct watch *x = open_watch(40);
    struct gossip_world *w = &x->w;
    int64_t took;

    world_fill(w);
    world_wait(w, 10 * WORLD_S);
    for (uint32_t i = 0; i < 20; i++)
        w->nodes[i].side = 1;
    world_wait(w, 90 * WORLD_S);
    expect(w->failed_news == 2 * 20 * 20, "deaths seen over the partition",
           (int64_t)w->failed_news);
    for (uint32_t i = 0; i < 20; i++)
        w->nodes[i].side = 0;
    took = world_until(w, 120 * WORLD_S, world_all_know_all);
    expect(took >= 0, "halves that healed do not find each other", took);
    expect_sane(x);
    close_watch(x);
    ok("a partition of 90 s: both halves see the other dead, and after it all are back");
}

/* 5 % lost, doubled and delayed: nobody is seen dead. 30 %: not for long; then all agree. */
static void check_loss(void)
{
    struct watch *x = open_watch(50);
    struct gossip_world *w = &x->w;
    int64_t took;

    w->loss = 0.05;
    w->duplicate = 0.05;
    w->delay_max = 50 * WORLD_MS;
    world_fill(w);
    world_wait(w, 300 * WORLD_S);
    expect(w->failed_news == 0, "seen dead with 5 % loss", (int64_t)w->failed_news);
    w->loss = 0.3;
    world_wait(w, 300 * WORLD_S);
    expect(x->dead_longest < 60 * WORLD_S, "seen dead for long with 30 % loss: s",
           x->dead_longest / WORLD_S);
    w->loss = w->duplicate = 0;
    took = world_until(w, 90 * WORLD_S, world_all_know_all);
    expect(took >= 0, "no agreement after the loss", took);
    expect_sane(x);
    close_watch(x);
    ok("five minutes of 5 % loss without a false death; of 30 %, none for long");
}

/* Processes that stop for ten seconds and go on: their own troubles are not the others'. */
static void check_pause(void)
{
    struct watch *x = open_watch(50);
    struct gossip_world *w = &x->w;
    int64_t took;

    world_fill(w);
    world_wait(w, 10 * WORLD_S);
    for (int round = 0; round < 10; round++) {
        uint32_t a = (uint32_t)rng_below(&w->rng, 5);

        world_pause(w, a, true);
        world_wait(w, 10 * WORLD_S);
        world_pause(w, a, false);
        world_wait(w, 5 * WORLD_S);
    }
    for (uint32_t i = 5; i < 50; i++) {
        for (uint32_t k = 5; k < 50; k++)
            expect(x->dead_since[i][k] == 0, "a healthy one is seen dead", i * 1000 + k);
    }
    took = world_until(w, 60 * WORLD_S, world_all_know_all);
    expect(took >= 0, "no agreement after the pauses", took);
    expect_sane(x);
    close_watch(x);
    ok("five processes that stop again and again make no healthy one look dead");
}

static void count_reply(void *data, enum gossip_reply_kind kind, struct str from,
                        struct str payload)
{
    (void)from;
    (void)payload;
    ((uint32_t *)data)[kind]++;
}

/* A user event reaches each once, a query is answered once by each, also when packets double. */
static void check_events(void)
{
    struct watch *x = open_watch(50);
    struct gossip_world *w = &x->w;
    uint32_t replies[3] = {0};
    struct gossip_query q = {
        .name = STR_LIT("ping"), .ack = true, .reply = count_reply, .data = replies};
    double packets;

    w->duplicate = 0.2;
    world_fill(w);
    world_wait(w, 10 * WORLD_S);
    for (uint32_t i = 0; i < 5; i++) {
        ASSERT(gossip_event(w->nodes[i].g, world_now(w), STR_LIT("deploy"), STR_LIT("1.2.3"),
                            false) == 0);
        world_wait(w, 10 * WORLD_S);
    }
    /* By chance gossip may pass somebody by (e^-8 each): the next state exchange tells him. */
    while (x->events < 5 * 50 && w->now < 300 * WORLD_S)
        world_wait(w, WORLD_S);
    expect(x->events == 5 * 50, "events delivered", (int64_t)x->events);
    ASSERT(gossip_query(w->nodes[3].g, world_now(w), &q, NULL) == 0);
    world_rearm(&w->nodes[3]);
    world_wait(w, 10 * WORLD_S);
    expect(x->questions >= 48 && x->questions <= 50, "questions asked", (int64_t)x->questions);
    expect(replies[GOSSIP_REPLY_ACK] == x->questions &&
               replies[GOSSIP_REPLY_PAYLOAD] == x->questions && replies[GOSSIP_REPLY_END] == 1,
           "answers", replies[GOSSIP_REPLY_PAYLOAD]);
    w->duplicate = 0;
    world_wait(w, 30 * WORLD_S);
    packets = packets_each_second(w, 30);
    expect(packets < 2.2, "echoes do not end: packets a node in 10 s", (int64_t)(packets * 10));
    close_watch(x);
    ok("events reach each once, a query is answered once by each, and echoes end");
}

static void check_all(void)
{
    printf("1..9\n");
    check_quiet();
    check_crowd();
    check_kill();
    check_leave();
    check_partition();
    check_loss();
    check_pause();
    check_events();
    expect(mem_outstanding() == 0, "memory is not freed", mem_outstanding());
    ok("all memory is freed");
}

int main(int argc, char **argv)
{
    struct measure_options o;
    bool is_measure = measure_parse(argc, argv, &o);

    seed = o.seed;
    if (is_measure)
        measure(&o);
    else
        check_all();
    return 0;
}
