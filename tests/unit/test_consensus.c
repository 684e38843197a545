/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "consensus/consensus.h"
#include "tests/lib/engine_sim.h"
#include "tests/lib/state_stub.h"
#include "tests/lib/unit.h"

/* A server that can be stopped, killed and started again on the same disk. */
struct server {
    struct consensus *c;
    struct store *store;
    struct state *state;
    struct published published;
    struct rng rng;
    char dir[64];
    uint64_t applied_to;
    int leads, storage, storage_news;
    bool closed, other_address;
    struct consensus_config conf;
};
static struct server server;

static void on_applied(void *data, const struct change_batch *changes)
{
    ((struct server *)data)->applied_to = changes->index;
}

static void on_leadership(void *data, bool is_leader)
{
    ((struct server *)data)->leads += is_leader ? 1 : 0;
}

static void on_storage(void *data, int status)
{
    ((struct server *)data)->storage = status;
    ((struct server *)data)->storage_news++;
}

static void start(struct server *s, const char *dir)
{
    struct consensus_hooks hooks = {
        .data = s, .applied = on_applied, .leadership = on_leadership, .storage = on_storage};
    struct error err = {0};

    log_set_level(LOG_OFF);
    s->conf.dir = dir;
    s->conf.bootstrap = true;
    s->closed = false;
    snprintf(s->conf.server_id, sizeof s->conf.server_id, "server-1");
    snprintf(s->conf.server_address, sizeof s->conf.server_address, "127.0.0.1:%d",
             s->other_address ? 9300 : 8300);
    snprintf(s->dir, sizeof s->dir, "/tmp/test_consensus.XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    assert_int_equal(
        store_open(s->dir, state_table_names, STATE_TABLE_N, (size_t)64 << 20, &s->store, &err), 0);
    s->state = state_new(s->store);
    s->published = (struct published){{0}};
    if (consensus_open(&s->conf, s->state, s->store, NULL, &engine_sim.timers, &s->rng,
                       &s->published, &hooks, &s->c, &err) < 0)
        fail_msg("%s", err.text);
}

static void on_closed(void *data)
{
    ((struct server *)data)->closed = true;
}

static void drop_state(struct server *s)
{
    char command[128];

    state_free(s->state);
    store_close(s->store);
    snprintf(command, sizeof command, "rm -rf %s", s->dir);
    assert_int_equal(system(command), 0);
}

static void stop(struct server *s)
{
    consensus_close(s->c, on_closed, s);
    for (int i = 0; i < 100 && !s->closed; i++)
        engine_sim_settle();
    assert_true(s->closed);
    drop_state(s);
}

static int set_up(void **state)
{
    (void)state;
    engine_sim = (struct engine_sim){.disk = disk_sim_new(42), .now = {1000000000}};
    timers_init(&engine_sim.timers);
    server = (struct server){0};
    rng_init(&server.rng, 7);
    return 0;
}

static int tear_down(void **state)
{
    disk_sim_free(engine_sim.disk);
    timers_fini(&engine_sim.timers);
    return unit_no_leak(state);
}

struct wish {
    struct consensus_submit submit;
    char command[600];
    int done;
    int result;
};

static void on_done(struct consensus_submit *s)
{
    struct wish *w = (struct wish *)s;

    w->done++;
    w->result = s->result ? s->result->status : 1;
    if (s->status == 0)
        assert_true(server.applied_to >= s->index); /* subscribers heard of it before */
}

static void submit(struct server *s, struct wish *w, const char *text)
{
    *w = (struct wish){0};
    w->command[0] = COMMAND_VERSION;
    w->command[1] = COMMAND_KV;
    snprintf(w->command + 2, sizeof w->command - 2, "%s", text);
    w->submit.command = (struct str){w->command, 2 + strlen(text)};
    w->submit.done = on_done;
    consensus_submit(s->c, &w->submit);
    assert_int_equal(w->done, 0);
}

static void assert_row(struct server *s, const char *key, const char *value)
{
    struct buf b;

    buf_init(&b, 0);
    bool found = state_stub_get(s->state, key, &b);
    assert_int_equal(found, value != NULL);
    if (value)
        assert_str(buf_str(&b), str_z(value));
    buf_fini(&b);
}

static void lead(struct server *s)
{
    engine_sim_sleep(DURATION_MS(100));
    assert_true(consensus_is_leader(s->c));
    assert_int_equal(published_get(&s->published, PUBLISHED_IS_LEADER), 1);
}

/* A sole voter leads soon after its start, in term 2, and applies what it is told; its answer
 * carries the command's result. */
static void test_lead_and_apply(void **state)
{
    struct consensus_stats stats;
    struct wish a, b;

    (void)state;
    start(&server, "raft");
    submit(&server, &a, "early=1");
    engine_sim_settle();
    assert_int_equal(a.done, 0); /* it waits for a leader */
    lead(&server);
    assert_int_equal(a.done, 1);
    assert_int_equal(a.submit.status, 0);
    consensus_get_stats(server.c, &stats);
    assert_string_equal(stats.state, "Leader");
    assert_int_equal(stats.term, 2);
    assert_string_equal(consensus_leader_address(server.c), "127.0.0.1:8300");
    submit(&server, &a, "k=v");
    submit(&server, &b, "fail");
    engine_sim_settle();
    assert_int_equal(a.done, 1);
    assert_int_equal(a.submit.status, 0);
    assert_int_equal(a.submit.index, 4); /* after configuration, the term's own, the early one */
    assert_int_equal(a.result, 0);
    assert_int_equal(b.submit.status, 0);
    assert_int_equal(b.result, ERR_INVALID);
    assert_row(&server, "k", "v");
    assert_int_equal(published_get(&server.published, PUBLISHED_APPLIED_INDEX), 5);
    assert_int_equal(server.leads, 1);
    stop(&server);
}

/* Without a write there is nothing to do: no timer is set for ever. */
static void test_idle(void **state)
{
    (void)state;
    start(&server, "raft");
    lead(&server);
    engine_sim_sleep(DURATION_S(5));
    assert_int_equal(timers_deadline(&engine_sim.timers).ns, INSTANT_NEVER.ns);
    stop(&server);
}

static void test_restart(void **state)
{
    struct consensus_stats stats;
    struct wish w;

    (void)state;
    for (int i = 0; i < 5; i++) {
        char text[32];
        start(&server, "raft");
        if (i > 0) {
            engine_sim_settle();
            assert_row(&server, "k0", NULL); /* not yet known to be committed */
        }
        lead(&server);
        consensus_get_stats(server.c, &stats);
        assert_int_equal(stats.term, 2 + i); /* a new term at every start */
        for (int k = 0; k < i; k++) {
            snprintf(text, sizeof text, "k%d", k);
            assert_row(&server, text, "v");
        }
        snprintf(text, sizeof text, "k%d=v", i);
        submit(&server, &w, text);
        engine_sim_settle();
        assert_int_equal(w.submit.status, 0);
        stop(&server);
        disk_sim_crash(engine_sim.disk);
    }
}

static void note_address(void *data, const char *id, const char *address, bool voter)
{
    (void)id;
    assert_true(voter);
    snprintf(data, 64, "%s", address);
}

/* A server that comes back under another address says so in the log; an answer may wish again. */
static void test_new_address(void **state)
{
    struct consensus_stats stats;
    char address[64];

    (void)state;
    start(&server, "raft");
    lead(&server);
    stop(&server);
    start(&server, "raft");
    lead(&server);
    consensus_get_stats(server.c, &stats);
    assert_int_equal(stats.last_log_index, 3); /* nothing to say */
    stop(&server);
    server.other_address = true;
    start(&server, "raft");
    lead(&server);
    consensus_get_stats(server.c, &stats);
    assert_int_equal(stats.last_log_index, 5);
    consensus_servers(server.c, note_address, address);
    assert_string_equal(address, "127.0.0.1:9300");
    stop(&server);
}

struct chain {
    struct wish wish;
    int left;
};

static void on_link(struct consensus_submit *s)
{
    struct chain *c = (struct chain *)s;

    assert_int_equal(s->status, 0);
    if (c->left-- > 0)
        consensus_submit(server.c, s);
}

/* A wish made from an answer is not forgotten. */
static void test_wish_from_answer(void **state)
{
    struct chain c = {.left = 5};

    (void)state;
    start(&server, "raft");
    lead(&server);
    submit(&server, &c.wish, "k=v");
    c.wish.submit.done = on_link;
    engine_sim_settle();
    assert_int_equal(c.left, -1);
    stop(&server);
}

/* In memory mode all works but the memory of it. */
static void test_in_memory(void **state)
{
    struct wish w;

    (void)state;
    server.conf.snapshot_threshold = 50;
    server.conf.trailing_logs = 10;
    start(&server, NULL);
    lead(&server);
    for (int i = 0; i < 500; i++) {
        submit(&server, &w, "k=v");
        engine_sim_settle();
        assert_int_equal(w.submit.status, 0);
    }
    assert_row(&server, "k", "v");
    struct consensus_stats stats;
    consensus_get_stats(server.c, &stats);
    assert_true(stats.last_snapshot_index > 400);
    stop(&server);
}

/* Snapshots are taken while writes go on, the disk stays bounded, and a restart loads them. */
static void test_snapshots(void **state)
{
    struct consensus_stats stats;
    static struct wish wishes[200];

    (void)state;
    server.conf.snapshot_threshold = 1000;
    server.conf.trailing_logs = 100;
    start(&server, "raft");
    lead(&server);
    for (int round = 0; round < 30; round++) {
        for (int i = 0; i < 200; i++) {
            char text[600];
            snprintf(text, sizeof text, "key%d=%d-%0500d", i, round, i);
            submit(&server, &wishes[i], text);
        }
        engine_sim.work_stalls = round % 3 == 0; /* a slow dump */
        engine_sim_settle();
        for (int i = 0; i < 200; i++)
            assert_int_equal(wishes[i].submit.status, 0);
    }
    engine_sim.work_stalls = false;
    engine_sim_settle();
    consensus_get_stats(server.c, &stats);
    assert_true(stats.last_snapshot_index > 4000);
    uint64_t size = 0;
    for (int i = 0; i < DISK_SIM_FILES; i++)
        size += engine_sim.disk->files[i].name[0] ? engine_sim.disk->files[i].size : 0;
    assert_true(size < (uint64_t)60 << 20);
    stop(&server);
    disk_sim_crash(engine_sim.disk);
    start(&server, "raft");
    assert_true(state_applied_index(server.state) >= stats.last_snapshot_index);
    lead(&server);
    char text[600];
    snprintf(text, sizeof text, "29-%0500d", 7);
    assert_row(&server, "key7", text);
    stop(&server);
}

struct reading {
    struct consensus_read read;
    int done;
};

static void on_read(struct consensus_read *r)
{
    ((struct reading *)r)->done++;
}

/* A read is confirmed by the leader alone, and waits until the state has come so far. */
static void test_read(void **state)
{
    struct reading r = {.read = {.done = on_read}};
    struct wish w;

    (void)state;
    start(&server, "raft");
    consensus_read(server.c, &r.read);
    assert_int_equal(r.done, 0);
    engine_sim_settle();
    assert_int_equal(r.done, 0);
    lead(&server);
    assert_int_equal(r.done, 1);
    assert_int_equal(r.read.status, 0);
    submit(&server, &w, "a=b");
    engine_sim_settle();
    r = (struct reading){.read = {.done = on_read}};
    consensus_read(server.c, &r.read);
    assert_int_equal(r.done, 0);
    engine_sim_settle();
    assert_int_equal(r.done, 1);
    assert_int_equal(r.read.status, 0);
    assert_true(r.read.index >= w.submit.index);
    stop(&server);
}

/* The disk fails: wishes fail with its error and none is acknowledged, reads go on; when it works
 * again, writes do, in a new term, without a restart. */
static void test_disk_fails(void **state)
{
    struct reading r = {.read = {.done = on_read}};
    struct consensus_stats stats;
    struct wish a, b, c;

    (void)state;
    start(&server, "raft");
    lead(&server);
    submit(&server, &a, "k=old");
    engine_sim_settle();
    engine_sim.disk->fail_write = -ENOSPC;
    submit(&server, &b, "k=new");
    engine_sim_settle();
    assert_int_equal(b.done, 1);
    assert_int_equal(b.submit.status, -ENOSPC);
    assert_int_equal(server.storage, -ENOSPC);
    assert_int_equal(published_get(&server.published, PUBLISHED_STORAGE_ERROR), ENOSPC);
    submit(&server, &c, "k=newer");
    consensus_read(server.c, &r.read);
    engine_sim_sleep(DURATION_S(3));
    assert_int_equal(c.submit.status, -ENOSPC);
    assert_int_equal(r.done, 1);
    assert_int_equal(r.read.status, 0);
    assert_row(&server, "k", "old");
    assert_true(consensus_is_leader(server.c));
    engine_sim.disk->fail_write = 0;
    engine_sim_sleep(DURATION_S(2));
    assert_int_equal(server.storage, 0);
    assert_int_equal(server.storage_news, 2);
    assert_true(consensus_is_leader(server.c));
    consensus_get_stats(server.c, &stats);
    assert_int_equal(stats.term, 3);
    submit(&server, &c, "k=newest");
    engine_sim_settle();
    assert_int_equal(c.submit.status, 0);
    stop(&server);
    disk_sim_crash(engine_sim.disk);
    start(&server, "raft");
    lead(&server);
    assert_row(&server, "k", "newest");
    stop(&server);
}

/* Too much in flight is refused at once; closing answers everybody. */
static void test_busy_and_close(void **state)
{
    static struct wish wishes[40];
    int busy = 0, closed = 0;

    (void)state;
    server.conf.inflight_max = 30;
    start(&server, "raft");
    lead(&server);
    engine_sim.log_stalls = true;
    for (int i = 0; i < 40; i++)
        submit(&server, &wishes[i], "k=v");
    engine_sim_settle();
    for (int i = 0; i < 40; i++)
        busy += wishes[i].done && wishes[i].submit.status == ERR_BUSY;
    assert_int_equal(busy, 10);
    consensus_close(server.c, on_closed, &server);
    engine_sim_settle();
    for (int i = 0; i < 40; i++)
        closed += wishes[i].done == 1 && wishes[i].submit.status == ERR_CLOSED;
    assert_int_equal(closed, 30);
    assert_false(server.closed);
    engine_sim.log_stalls = false;
    engine_sim_settle();
    assert_true(server.closed);
    drop_state(&server);
}

/* A disk that takes long is told, and that it no longer does; nothing fails for it. */
static void test_disk_is_slow(void **state)
{
    struct wish a, b;

    (void)state;
    start(&server, "raft");
    lead(&server);
    engine_sim.log_stalls = true;
    submit(&server, &a, "k=1");
    engine_sim_sleep(DURATION_MS(900));
    assert_int_equal(published_get(&server.published, PUBLISHED_STORAGE_SLOW), 0);
    submit(&server, &b, "k=2");
    engine_sim_sleep(DURATION_MS(200));
    assert_int_equal(published_get(&server.published, PUBLISHED_STORAGE_SLOW), 1);
    engine_sim_sleep(DURATION_S(30));
    assert_int_equal(a.done + b.done, 0);
    assert_int_equal(published_get(&server.published, PUBLISHED_STORAGE_ERROR), 0);
    engine_sim.log_stalls = false;
    engine_sim_settle();
    assert_int_equal(a.submit.status, 0);
    assert_int_equal(b.submit.status, 0);
    assert_int_equal(published_get(&server.published, PUBLISHED_STORAGE_SLOW), 0);
    for (int i = 0; i < 50; i++) { /* a quick one after the other for longer than that */
        submit(&server, &a, "k=3");
        engine_sim_sleep(DURATION_MS(50));
        assert_int_equal(a.submit.status, 0);
        assert_int_equal(published_get(&server.published, PUBLISHED_STORAGE_SLOW), 0);
    }
    stop(&server);
}

/* Power fails at a random moment under load, again and again: nothing acknowledged is lost. */
static void test_power_loss(void **state)
{
    static struct wish wishes[8];
    uint64_t acked[8] = {0}, next = 1;

    (void)state;
    server.conf.snapshot_threshold = 40;
    server.conf.trailing_logs = 10;
    for (int life = 0; life < 40; life++) {
        start(&server, "raft");
        lead(&server);
        for (int k = 0; k < 8; k++) {
            struct buf b;
            char key[16];
            buf_init(&b, 0);
            snprintf(key, sizeof key, "k%d", k);
            uint64_t have = 0;
            if (state_stub_get(server.state, key, &b))
                have = strtoull(buf_z(&b), NULL, 10);
            buf_fini(&b);
            assert_true(have >= acked[k]);
            acked[k] = have;
        }
        engine_sim.disk->ops_left = (int64_t)rng_below(&server.rng, 80);
        for (int round = 0; round < 60; round++) {
            uint64_t values[8];
            for (int k = 0; k < 8; k++) {
                char text[64];
                values[k] = next++;
                snprintf(text, sizeof text, "k%d=%llu", k, (unsigned long long)values[k]);
                submit(&server, &wishes[k], text);
            }
            engine_sim_settle();
            bool down = false;
            for (int k = 0; k < 8; k++) {
                assert_int_equal(wishes[k].done, 1);
                if (wishes[k].submit.status == 0)
                    acked[k] = values[k];
                else
                    down = true;
            }
            if (down)
                break;
        }
        stop(&server);
        disk_sim_crash(engine_sim.disk);
    }
}

#define CONSENSUS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CONSENSUS(test_lead_and_apply),   CONSENSUS(test_idle),
        CONSENSUS(test_restart),          CONSENSUS(test_new_address),
        CONSENSUS(test_wish_from_answer), CONSENSUS(test_in_memory),
        CONSENSUS(test_snapshots),        CONSENSUS(test_read),
        CONSENSUS(test_disk_fails),       CONSENSUS(test_busy_and_close),
        CONSENSUS(test_power_loss),       CONSENSUS(test_disk_is_slow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
