/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The leader's duties on virtual time, over a real state and a log that commits when told. */
#include "agent/leader.h"
#include "state/acl.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

#define ID      "11111111-2222-3333-4444-555555555555"
#define SESSION "aaaaaaaa-2222-3333-4444-555555555555"

static struct {
    struct world world;
    struct config *config;
    struct timers timers;
    struct rng rng;
    struct leader *leader;
    struct store_reader *reader; /* the world's has a view open */
    struct instant now;
    struct consensus_submit *submitted;
    int commits;
} t;

static struct instant clock_of_test(void)
{
    return t.now;
}

const struct config *agent_config(struct agent *a)
{
    return t.config;
}

const char *agent_node_id(struct agent *a)
{
    return ID;
}

struct consensus *agent_consensus(struct agent *a)
{
    return NULL;
}

void consensus_submit(struct consensus *c, struct consensus_submit *s)
{
    assert_null(t.submitted);
    t.submitted = s;
}

static void open_all(void)
{
    memset(&t, 0, sizeof t);
    log_set_level(LOG_OFF);
    world_open(&t.world);
    t.config = config_new();
    t.config->node_name = "node1";
    t.now = (struct instant){1000000000};
    timers_init(&t.timers);
    rng_init(&t.rng, 1);
    t.reader = store_reader_new(t.world.store);
    t.leader = leader_new(NULL, &t.timers, t.reader, &t.rng, clock_of_test);
}

static void close_all(void)
{
    leader_stop(t.leader);
    assert_int_equal(timers_deadline(&t.timers).ns, INSTANT_NEVER.ns);
    leader_free(t.leader);
    store_reader_free(t.reader);
    timers_fini(&t.timers);
    world_close(&t.world);
    config_free(t.config);
}

/* Applies a command from elsewhere, as the log would. */
static void applied(void)
{
    t.world.changes.index = t.world.index;
    leader_applied(t.leader, &t.world.changes);
}

/* The log answers what was submitted: committed, or refused with `status`. */
static bool commit(int status)
{
    struct consensus_submit *s = t.submitted;
    if (!s)
        return false;
    t.submitted = NULL;
    t.commits++;
    s->status = status;
    s->result = NULL;
    if (status == 0) {
        struct buf command;
        buf_init(&command, 0);
        buf_put_str(&command, s->command);
        world_apply(&t.world, &command);
        applied();
        s->result = &t.world.result;
    }
    s->done(s);
    return true;
}

static void pass(struct duration d)
{
    t.now = instant_add(t.now, d);
    timers_expire(&t.timers, t.now);
}

/* A new leader registers its node, once; then it sleeps. */
static void registers_its_node(void **state)
{
    struct catalog_node node;
    open_all();
    leader_start(t.leader);
    assert_true(commit(0));
    assert_false(commit(0));
    assert_true(catalog_node_get(world_view(&t.world), STR_LIT("node1"), &node));
    assert_int_equal(timers_deadline(&t.timers).ns, INSTANT_NEVER.ns);
    leader_stop(t.leader);
    leader_start(t.leader); /* as it should be: nothing to do */
    assert_null(t.submitted);
    close_all();
}

/* A command that was refused comes again after a second; a lost leadership ends it. */
static void tries_again(void **state)
{
    open_all();
    leader_start(t.leader);
    assert_true(commit(ERR_STORAGE));
    assert_null(t.submitted);
    pass(DURATION_MS(900));
    assert_null(t.submitted);
    pass(DURATION_MS(200));
    assert_true(commit(0));
    leader_stop(t.leader);
    leader_start(t.leader);
    world_deregister(&t.world, "node1", NULL, NULL);
    applied();
    pass(DURATION_S(59));
    assert_null(t.submitted);
    pass(DURATION_S(1)); /* somebody took it away: back after a minute */
    assert_non_null(t.submitted);
    leader_stop(t.leader);
    assert_true(commit(ERR_NOT_LEADER));
    pass(DURATION_S(10));
    assert_null(t.submitted);
    close_all();
}

static void create_session(const char *ttl)
{
    struct buf command;
    struct session s = {.id = STR_LIT(SESSION), .node = STR_LIT("node1"), .ttl = str_z(ttl)};
    struct buf none;
    buf_init(&none, 0);
    pack_array(&none, 0);
    s.node_checks = s.service_checks = buf_str(&none);
    buf_init(&command, 0);
    session_encode_create(&s, &command);
    assert_int_equal(world_apply(&t.world, &command), 0);
    buf_fini(&none);
    applied();
}

/* Sessions end at their TTL, unless renewed; those of before the election too. */
static void ends_sessions(void **state)
{
    struct session s;
    uint64_t index;
    open_all();
    leader_start(t.leader);
    assert_true(commit(0));
    create_session("10s");
    pass(DURATION_S(9));
    assert_true(leader_renew(t.leader, STR_LIT(SESSION)));
    assert_false(leader_renew(t.leader, STR_LIT(ID)));
    pass(DURATION_S(9));
    assert_null(t.submitted);
    leader_stop(t.leader);
    leader_start(t.leader); /* starts anew */
    pass(DURATION_S(9));
    assert_null(t.submitted);
    pass(DURATION_S(1));
    assert_true(commit(ERR_TIMEOUT));
    assert_null(t.submitted);
    pass(DURATION_S(2));
    assert_true(commit(0));
    assert_false(session_get(world_view(&t.world), STR_LIT(SESSION), &s, &index));
    pass(DURATION_S(30));
    assert_null(t.submitted);
    close_all();
}

/* Tombstones are forgotten a quarter of an hour after the deletion that was seen first. */
static void reaps_tombstones(void **state)
{
    open_all();
    leader_start(t.leader);
    assert_true(commit(0));
    world_put(&t.world, "k", "v");
    applied();
    assert_int_equal(timers_deadline(&t.timers).ns, INSTANT_NEVER.ns);
    world_op(&t.world, KV_DELETE, "k", "", "", 0);
    applied();
    pass(DURATION_S(15 * 60 - 1));
    assert_null(t.submitted);
    pass(DURATION_S(1));
    assert_true(commit(0));
    assert_int_equal(store_count(world_view(&t.world)->store, TABLE_TOMBSTONE), 0);
    pass(DURATION_S(3600));
    assert_null(t.submitted);
    close_all();
}

static void create_token(const char *accessor, const char *secret, int64_t expires_ns)
{
    struct acl_token token = {
        .accessor = str_z(accessor), .secret = str_z(secret), .expires_ns = expires_ns};
    struct buf command;
    buf_init(&command, 0);
    acl_encode_token(&token, ACL_PUT_NEW, &command);
    assert_int_equal(world_apply(&t.world, &command), 0);
    applied();
}

/* A leader makes what is always there, and takes tokens away once they have expired. */
static void ends_tokens(void **state)
{
    int64_t hour = (int64_t)3600 * 1000000000;
    open_all();
    t.config->acl_enabled = true;
    leader_start(t.leader);
    assert_true(commit(0)); /* the policy and the token that are always there */
    assert_true(commit(0)); /* the node */
    assert_int_equal(store_count(world_view(&t.world)->store, TABLE_ACL_TOKEN), 1);
    create_token(ID, SESSION, clock_wall_ns() + hour);
    pass(DURATION_S(3500));
    assert_null(t.submitted);
    pass(DURATION_S(200));
    assert_true(commit(ERR_TIMEOUT)); /* tried again */
    pass(DURATION_S(2));
    assert_true(commit(0));
    assert_int_equal(store_count(world_view(&t.world)->store, TABLE_ACL_TOKEN), 1);
    pass(DURATION_S(7200));
    assert_null(t.submitted);
    close_all();
}

UNIT_MAIN(UNIT(registers_its_node), UNIT(tries_again), UNIT(ends_sessions), UNIT(reaps_tombstones),
          UNIT(ends_tokens))
