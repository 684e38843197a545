/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The write path with a log that is a list of wishes; two mailboxes in one thread. */
#include "agent/agent.h"
#include "agent/replica.h"
#include "agent/write.h"
#include "tests/lib/unit.h"

static struct consensus_submit *submitted;
static int may_write_status, dones;

struct consensus *agent_consensus(struct agent *a)
{
    return NULL;
}

int agent_may_write(struct agent *a, struct str token, struct str command)
{
    return may_write_status;
}

bool agent_refuses_txn(struct agent *a, struct str token, struct str command, struct buf *ret_body)
{
    return false;
}

void agent_filter_result(struct agent *a, struct str token, struct str command, struct buf *body)
{
}

bool agent_delays_lock(struct agent *a, struct str command, struct buf *ret_body)
{
    return false;
}

/* No copy of the state. */
struct replica *agent_replica(struct agent *a)
{
    (void)a;
    return NULL;
}

void replica_hold(struct replica *r, struct replica_wait *w, uint64_t index)
{
    (void)r;
    (void)index;
    w->go(w);
}

struct shown *agent_shown(struct agent *a)
{
    return NULL;
}

void consensus_submit(struct consensus *c, struct consensus_submit *s)
{
    submitted = s;
}

static void wake(void *data)
{
}

static void on_done(struct write *w)
{
    dones++;
}

static void env_open(struct env *env)
{
    *env = (struct env){.core = mailbox_new(wake, NULL), .self = mailbox_new(wake, NULL)};
    submitted = NULL;
    may_write_status = dones = 0;
}

static void env_shut(struct env *env)
{
    assert_int_equal(env->flight_n, 0);
    mailbox_free(env->core);
    mailbox_free(env->self);
}

/* The command goes to the log, the result is copied, done comes in a later turn, once. */
static void goes_there_and_back(void **state)
{
    struct env env;
    struct write w = {.done = on_done};
    struct result result;
    env_open(&env);
    buf_put_z(&w.command, "command");
    write_submit(&env, &w);
    assert_int_equal(env.flight_n, 1);
    mailbox_drain(env.core);
    assert_str(submitted->command, STR_LIT("command"));
    result_init(&result);
    buf_put_z(&result.body, "body");
    submitted->index = 42;
    submitted->result = &result;
    submitted->done(submitted);
    result_fini(&result);
    assert_int_equal(dones, 0);
    mailbox_drain(env.self);
    assert_int_equal(dones, 1);
    assert_int_equal(w.status, 0);
    assert_int_equal(w.index, 42);
    assert_str(buf_str(&w.result.body), STR_LIT("body"));
    write_fini(&w);
    env_shut(&env);
}

/* What is refused says so, never inside submit. */
static void refusals(void **state)
{
    struct env env;
    struct write denied = {.done = on_done}, large = {.done = on_done}, lost = {.done = on_done};
    env_open(&env);
    may_write_status = ERR_DENIED;
    write_submit(&env, &denied);
    mailbox_drain(env.core);
    assert_null(submitted);
    large.command.failed = true;
    write_submit(&env, &large);
    assert_int_equal(dones, 0);
    mailbox_drain(env.self);
    assert_int_equal(denied.status, ERR_DENIED);
    assert_int_equal(large.status, ERR_TOO_LARGE);
    may_write_status = 0;
    write_submit(&env, &lost);
    mailbox_drain(env.core);
    submitted->status = ERR_NOT_LEADER;
    submitted->done(submitted);
    mailbox_drain(env.self);
    assert_int_equal(lost.status, ERR_NO_LEADER);
    assert_int_equal(dones, 3);
    write_fini(&denied);
    write_fini(&large);
    write_fini(&lost);
    env_shut(&env);
}

UNIT_MAIN(UNIT(goes_there_and_back), UNIT(refusals))
