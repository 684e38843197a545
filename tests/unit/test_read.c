/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The read path with a store that is a number: two "threads" are two mailboxes
 * in one thread, time is a variable, the linker provides the view, the agent
 * and the log.
 */
#include "agent/agent.h"
#include "agent/read.h"
#include "tests/lib/unit.h"

struct world {
    struct config config;
    struct published published;
    struct mailbox *core, *self;
    struct timers timers;
    struct rng rng;
    struct env env;
    uint64_t index; /* the "store" */
    int confirm_status, confirms, runs, dones, views;
    int run_status;
    struct consensus_read *held; /* a confirmation the core has not answered */
    bool hold;
};
static struct world *world;

struct view env_view_begin(struct env *env, struct str token, struct watch_set *watch)
{
    world->views++;
    return (struct view){.watch = watch, .token = token};
}

void env_view_end(struct view *v)
{
    world->views--;
}

struct instant env_now(struct env *env)
{
    return env->now;
}

struct consensus *agent_consensus(struct agent *a)
{
    return NULL;
}

void consensus_read(struct consensus *c, struct consensus_read *r)
{
    world->confirms++;
    if (world->hold) {
        world->held = r;
        return;
    }
    r->status = world->confirm_status;
    r->done(r);
}

static void wake(void *data)
{
}

static void world_open(struct world *w)
{
    *w = (struct world){.index = 5};
    world = w;
    w->config.default_query_time = DURATION_S(300);
    w->config.max_query_time = DURATION_S(600);
    w->config.parked_reads_max = 3;
    w->core = mailbox_new(wake, NULL);
    w->self = mailbox_new(wake, NULL);
    timers_init(&w->timers);
    rng_init(&w->rng, 1);
    published_set(&w->published, PUBLISHED_IS_LEADER, 1);
    published_set(&w->published, PUBLISHED_KNOWS_LEADER, 1);
    published_set(&w->published, PUBLISHED_APPLIED_INDEX, 5);
    w->env = (struct env){.config = &w->config,
                          .published = &w->published,
                          .core = w->core,
                          .self = w->self,
                          .timers = &w->timers,
                          .watches = watch_index_new(1),
                          .rng = &w->rng};
    list_init(&w->env.reads);
}

static void world_close(struct world *w)
{
    assert_int_equal(w->env.parked_n, 0);
    assert_int_equal(w->env.flight_n, 0);
    assert_int_equal(w->views, 0);
    assert_int_equal(timers_deadline(&w->timers).ns, INSTANT_NEVER.ns);
    watch_index_free(w->env.watches);
    timers_fini(&w->timers);
    mailbox_free(w->core);
    mailbox_free(w->self);
}

static void turn(struct world *w)
{
    while (mailbox_drain(w->core) + mailbox_drain(w->self) > 0)
        ;
}

static void change(struct world *w, const char *key, bool everything)
{
    struct change_batch b;
    change_init(&b);
    change_add(&b, WATCH_KV, str_z(key));
    b.everything = everything;
    w->env.replaced = everything;
    watch_fire(w->env.watches, &b);
    w->env.replaced = false;
    change_fini(&b);
}

static void pass(struct world *w, int64_t s)
{
    w->env.now = instant_add(w->env.now, DURATION_S(s));
    timers_expire(&w->timers, w->env.now);
}

static int run(struct read *r, struct view *v, uint64_t *ret_index)
{
    world->runs++;
    watch_key(v->watch, WATCH_KV, STR_LIT("k"));
    *ret_index = world->index;
    return world->run_status;
}

static void done(struct read *r)
{
    world->dones++;
}

static struct read read_of(enum read_mode mode, uint64_t min_index)
{
    return (struct read){.mode = mode, .min_index = min_index, .run = run, .done = done};
}

/* A read that need not wait is over when it starts. */
static void answers_at_once(void **state)
{
    struct world w;
    world_open(&w);
    struct read r = read_of(READ_DEFAULT, 0), old = read_of(READ_STALE, 4);
    assert_true(read_start(&w.env, &r));
    assert_int_equal(r.status, 0);
    assert_int_equal(r.index, 5);
    assert_true(r.knows_leader);
    assert_true(read_start(&w.env, &old));
    assert_int_equal(old.index, 5);
    w.index = 0;
    assert_true(read_start(&w.env, &r));
    assert_int_equal(r.index, 1); /* consul: never 0 */
    read_cancel(&r);              /* harmless */
    assert_int_equal(w.dones, 0);
    world_close(&w);
}

/* Without a leader only stale reads of a server with state are answered. */
static void needs_a_leader(void **state)
{
    static const struct {
        bool leads, knows, state;
        enum read_mode mode;
        int status;
    } rows[] = {
        {true, true, true, READ_DEFAULT, 0},
        {false, true, false, READ_STALE, 0},
        {false, false, true, READ_STALE, 0},
        {false, false, false, READ_STALE, ERR_NO_LEADER},
    };
    struct world w;
    world_open(&w);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        published_set(&w.published, PUBLISHED_IS_LEADER, rows[i].leads);
        published_set(&w.published, PUBLISHED_KNOWS_LEADER, rows[i].knows);
        published_set(&w.published, PUBLISHED_APPLIED_INDEX, rows[i].state);
        struct read r = read_of(rows[i].mode, 0);
        assert_true(read_start(&w.env, &r));
        assert_int_equal(r.status, rows[i].status);
    }
    world_close(&w);
}

/* A parked read runs again at each change of what it looked at, and ends when the index passed its
 * own; a future index waits, too. */
static void waits_for_its_key(void **state)
{
    struct world w;
    world_open(&w);
    struct read r = read_of(READ_DEFAULT, 5), future = read_of(READ_DEFAULT, 100);
    assert_false(read_start(&w.env, &r));
    assert_false(read_start(&w.env, &future));
    assert_int_equal(w.env.parked_n, 2);
    w.index = 6;
    change(&w, "other", false);
    assert_int_equal(w.dones, 0);
    w.index = 5; /* touched, but the answer is as old: parks again */
    change(&w, "k", false);
    assert_int_equal(w.dones, 0);
    w.index = 7;
    change(&w, "k", false);
    assert_int_equal(w.dones, 1);
    assert_int_equal(r.index, 7);
    assert_int_equal(w.env.parked_n, 1);
    w.index = 101;
    change(&w, "k", false);
    assert_int_equal(w.dones, 2);
    assert_int_equal(future.index, 101);
    world_close(&w);
}

/* The deadline: the wait asked for and up to a sixteenth more, at most the cap; then it runs once
 * more and answers with what there is. */
static void deadline_runs_once_more(void **state)
{
    static const struct {
        int64_t wait, still, over;
    } rows[] = {{16, 15, 3}, {0, 299, 21}, {99999, 599, 40}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world w;
        world_open(&w);
        struct read r = read_of(READ_DEFAULT, 5);
        r.wait = DURATION_S(rows[i].wait);
        assert_false(read_start(&w.env, &r));
        pass(&w, rows[i].still);
        assert_int_equal(w.dones, 0);
        pass(&w, rows[i].over);
        assert_int_equal(w.dones, 1);
        assert_int_equal(w.runs, 2);
        assert_int_equal(r.status, 0);
        assert_int_equal(r.index, 5);
        world_close(&w);
    }
}

/* A consistent read asks the core first, each time before it runs. */
static void is_confirmed(enum read_mode mode, bool leads)
{
    struct world w;
    world_open(&w);
    published_set(&w.published, PUBLISHED_IS_LEADER, leads);
    struct read r = read_of(mode, 5), refused = read_of(mode, 0);
    assert_false(read_start(&w.env, &r));
    assert_int_equal(w.runs, 0);
    turn(&w);
    assert_int_equal(w.confirms, 1);
    assert_int_equal(w.runs, 1);
    assert_int_equal(w.env.parked_n, 1);
    w.index = 6;
    change(&w, "k", false);
    assert_int_equal(w.dones, 0);
    turn(&w);
    assert_int_equal(w.confirms, 2);
    assert_int_equal(w.dones, 1);
    w.confirm_status = ERR_NOT_LEADER;
    assert_false(read_start(&w.env, &refused));
    turn(&w);
    assert_int_equal(w.dones, 2);
    assert_int_equal(refused.status, ERR_NO_LEADER);
    world_close(&w);
}

static void consistent_is_confirmed(void **state)
{
    is_confirmed(READ_CONSISTENT, true);
    is_confirmed(READ_DEFAULT, false); /* by a follower */
}

/* A server that does not lead answers by itself, when the leader has said how far it must be. */
static void follower_is_told(void **state)
{
    struct world w;
    world_open(&w);
    published_set(&w.published, PUBLISHED_IS_LEADER, 0);
    struct read r = read_of(READ_DEFAULT, 0);
    assert_false(read_start(&w.env, &r));
    assert_int_equal(w.runs, 0);
    turn(&w);
    assert_int_equal(w.confirms, 1);
    assert_int_equal(w.runs, 1);
    assert_int_equal(w.dones, 1);
    assert_int_equal(r.status, 0);
    world_close(&w);
}

static struct instant world_clock(void)
{
    return world->env.now;
}

static int run_long(struct read *r, struct view *v, uint64_t *ret_index)
{
    int rc = run(r, v, ret_index);

    world->env.now = instant_add(world->env.now, DURATION_S(1));
    return rc;
}

/* The lease is what the clock says, not what the core said last: a whole machine may have been
 * paused, and its workers run first. (Found by tests/harness/faults.py, which stops a leader for
 * ten seconds: it answered stale reads before its core knew.) */
static void lease_ends_by_the_clock(void **state)
{
    struct world w;
    world_open(&w);
    w.env.clock = world_clock;
    published_set(&w.published, PUBLISHED_LEASE, 500000000);
    struct read r = read_of(READ_DEFAULT, 0);
    assert_true(read_start(&w.env, &r));
    r = read_of(READ_DEFAULT, 0);
    r.run = run_long; /* it ends while the view is read */
    assert_false(read_start(&w.env, &r));
    turn(&w);
    assert_int_equal(w.confirms, 1);
    assert_int_equal(w.runs, 3);
    assert_int_equal(w.dones, 1);
    r = read_of(READ_DEFAULT, 0); /* or had ended before */
    assert_false(read_start(&w.env, &r));
    turn(&w);
    assert_int_equal(w.confirms, 2);
    assert_int_equal(r.status, 0);
    world_close(&w);
}

/* Cancel: at once for a parked read, after the core's answer for one that is there; once. */
static void cancel_ends_each_once(void **state)
{
    struct world w;
    world_open(&w);
    struct read parked = read_of(READ_DEFAULT, 5), asking = read_of(READ_CONSISTENT, 0);
    assert_false(read_start(&w.env, &parked));
    read_cancel(&parked);
    read_cancel(&parked);
    assert_int_equal(w.dones, 1);
    assert_int_equal(parked.status, ERR_CANCELED);
    w.hold = true;
    assert_false(read_start(&w.env, &asking));
    turn(&w);
    read_cancel(&asking);
    assert_int_equal(w.dones, 1);
    w.held->status = 0;
    w.held->done(w.held);
    turn(&w);
    assert_int_equal(w.dones, 2);
    assert_int_equal(asking.status, ERR_CANCELED);
    assert_int_equal(w.runs, 1);
    world_close(&w);
}

/* Limits and ends: too many parked, shutdown, a replaced store, run's own error. */
static void other_ends(void **state)
{
    struct world w;
    struct read r[4];
    world_open(&w);
    for (int i = 0; i < 4; i++) {
        r[i] = read_of(READ_DEFAULT, 5);
        assert_int_equal(read_start(&w.env, &r[i]), i == 3);
    }
    assert_int_equal(r[3].status, ERR_BUSY);
    change(&w, "", true);
    assert_int_equal(w.dones, 3);
    assert_int_equal(r[0].status, 0);
    r[0] = read_of(READ_DEFAULT, 5);
    assert_false(read_start(&w.env, &r[0]));
    w.env.closing = true;
    read_cancel_all(&w.env);
    assert_int_equal(r[0].status, ERR_CLOSED);
    r[0] = read_of(READ_DEFAULT, 0);
    assert_true(read_start(&w.env, &r[0]));
    assert_int_equal(r[0].status, ERR_CLOSED);
    w.env.closing = false;
    w.run_status = ERR_INVALID;
    r[0] = read_of(READ_DEFAULT, 5);
    assert_true(read_start(&w.env, &r[0]));
    assert_int_equal(r[0].status, ERR_INVALID);
    world_close(&w);
}

UNIT_MAIN(UNIT(answers_at_once), UNIT(needs_a_leader), UNIT(waits_for_its_key),
          UNIT(deadline_runs_once_more), UNIT(consistent_is_confirmed), UNIT(follower_is_told),
          UNIT(lease_ends_by_the_clock), UNIT(cancel_ends_each_once), UNIT(other_ends))
