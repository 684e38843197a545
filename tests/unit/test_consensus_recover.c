/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a log begins: from peers.json, after a vote, and after crashes in between. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "consensus/consensus_core.h"
#include "tests/lib/engine_sim.h"
#include "tests/lib/state_stub.h"
#include "tests/lib/unit.h"

#define SELF "server-1"
static const char peers[] = "[{\"id\":\"" SELF "\",\"address\":\"127.0.0.1:8300\"}]";

static struct {
    struct consensus *c;
    struct store *store;
    struct state *state;
    struct published published;
    struct rng rng;
    char dir[64];
    bool closed;
} t;

static void put_file(const char *name, const void *bytes, size_t n)
{
    struct wal_disk *d = &engine_sim.disk->disk;
    int file;

    assert_int_equal(d->open(d, name, true, &file), 0);
    assert_int_equal(d->write(d, file, 0, bytes, n), 0);
    assert_int_equal(d->sync(d, file), 0);
    d->close(d, file);
    assert_int_equal(d->sync_dir(d), 0);
}

static bool has_file(const char *name)
{
    return disk_sim_find(engine_sim.disk, name) != NULL;
}

static int try_open(bool bootstrap)
{
    struct consensus_config conf = {.dir = "raft", .bootstrap = bootstrap};
    struct consensus_hooks hooks = {0};
    struct error err = {0};

    snprintf(conf.server_id, sizeof conf.server_id, SELF);
    snprintf(conf.server_address, sizeof conf.server_address, "127.0.0.1:8300");
    snprintf(t.dir, sizeof t.dir, "/tmp/test_recover.XXXXXX");
    assert_non_null(mkdtemp(t.dir));
    assert_int_equal(
        store_open(t.dir, state_table_names, STATE_TABLE_N, (size_t)64 << 20, &t.store, &err), 0);
    t.state = state_new(t.store);
    t.published = (struct published){{0}};
    t.closed = false;
    t.c = NULL;
    return consensus_open(&conf, t.state, t.store, NULL, &engine_sim.timers, &t.rng, &t.published,
                          &hooks, &t.c, &err);
}

static void on_closed(void *data)
{
    (void)data;
    t.closed = true;
}

static void stop(void)
{
    char command[128];

    if (t.c) {
        consensus_close(t.c, on_closed, NULL);
        for (int i = 0; i < 100 && !t.closed; i++)
            engine_sim_settle();
        assert_true(t.closed);
    }
    state_free(t.state);
    store_close(t.store);
    snprintf(command, sizeof command, "rm -rf %s", t.dir);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_OFF);
    engine_sim = (struct engine_sim){.disk = disk_sim_new(42), .now = {1000000000}};
    timers_init(&engine_sim.timers);
    rng_init(&t.rng, 7);
    return 0;
}

static int tear_down(void **state)
{
    disk_sim_free(engine_sim.disk);
    timers_fini(&engine_sim.timers);
    return unit_no_leak(state);
}

static bool leads(void)
{
    engine_sim_sleep(DURATION_S(10));
    return consensus_is_leader(t.c);
}

/* A server with an empty log and a peers.json begins a cluster, once. */
static void begins_with_peers(void **state)
{
    (void)state;
    put_file("peers.json", peers, sizeof peers - 1);
    assert_int_equal(try_open(false), 0);
    assert_true(leads());
    assert_false(has_file("peers.json"));
    stop();
    disk_sim_crash(engine_sim.disk);
    assert_int_equal(try_open(false), 0);
    assert_true(leads());
    stop();
}

/* Wherever the power goes: at the next start there is the file still, or what it said. */
static void crashes_while_beginning(void **state)
{
    int failures = 0;

    (void)state;
    for (int64_t ops = 0; ops < 60; ops++) {
        disk_sim_free(engine_sim.disk);
        engine_sim.disk = disk_sim_new(100 + (uint64_t)ops);
        put_file("peers.json", peers, sizeof peers - 1);
        engine_sim.disk->ops_left = ops;
        int rc = try_open(false);
        failures += rc < 0;
        stop();
        disk_sim_crash(engine_sim.disk);
        engine_sim.disk->ops_left = -1;
        assert_int_equal(try_open(false), 0);
        assert_true(leads());
        stop();
    }
    assert_true(failures > 3 && failures < 60); /* some before, some after it was done */
}

/* With -bootstrap a server that has voted in a cluster begins none of its own. */
static void a_vote_is_kept(void **state)
{
    struct wal_config conf = {.server = SELF};
    struct wal_visitor visitor = {0};
    struct wal_found found;
    struct error err = {0};
    struct wal *w;

    (void)state;
    assert_int_equal(wal_open(&engine_sim.disk->disk, &conf, &visitor, &found, &w, &err), 0);
    wal_put_state(w, 2, 77);
    assert_int_equal(wal_commit(w), 0);
    wal_close(w);
    assert_int_equal(try_open(true), 0);
    assert_false(leads());
    stop();
    put_file("peers.json", peers, sizeof peers - 1); /* the operator's word counts for more */
    assert_int_equal(try_open(false), 0);
    assert_true(leads());
    stop();
}

/* The name of a cluster without any log binds nobody. */
static void a_name_alone_is_forgotten(void **state)
{
    static const uint8_t none[16];
    uint8_t id[16];

    (void)state;
    memset(id, 0xAA, sizeof id);
    put_file("cluster", id, sizeof id);
    assert_int_equal(try_open(false), 0);
    assert_memory_equal(t.c->cluster, none, sizeof none);
    stop();
}

/* What cannot be read is refused, and stays. */
static void nonsense_is_refused(void **state)
{
    static const char *const bad[] = {" ", "[]", "{}", "[{\"id\":\"a\"}]",
                                      "[{\"id\":\"a\",\"address\":\"b:1\",\"non_voter\":true}]"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        disk_sim_free(engine_sim.disk);
        engine_sim.disk = disk_sim_new(9);
        put_file("peers.json", bad[i], strlen(bad[i]));
        assert_true(try_open(false) < 0);
        assert_true(has_file("peers.json"));
        stop();
    }
}

#define RECOVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {RECOVER(begins_with_peers), RECOVER(crashes_while_beginning),
                                       RECOVER(a_vote_is_kept), RECOVER(a_name_alone_is_forgotten),
                                       RECOVER(nonsense_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
