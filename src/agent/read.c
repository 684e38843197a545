/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a read:
 *
 *     start ──(consistent, follower)──> CONFIRMING ──> run ──> finished
 *       │                        ^            │ index not past min_index
 *       └──(default, stale)──────│────────────┤
 *                                │            v
 *                                └───────── PARKED ──> change or deadline: run again
 *
 * consul: blockingquery.go. The rules kept from there: index 0 becomes 1; a read waits while its
 * index is not greater than the one asked for, also when that one lies in the future; a store that
 * was replaced (snapshot) ends the wait; at the deadline the read runs once more and answers with
 * what it finds.
 *
 * Nothing is missed between run and park: both happen in one turn of the worker's loop, the watch
 * is in place before the turn ends, and a change that was committed after the view was taken
 * arrives in a batch that this worker delivers in a later turn.
 *
 * A consistent read is confirmed each time before it runs, so that an answer after a long wait is
 * as fresh as one at once.
 */
#include "agent/read.h"

#include "agent/agent.h"
#include "agent/metrics.h"
#include "base/mem.h"

/* The part of a consistent read that travels to the core. On the heap, so that the read may be told
 * ERR_CANCELED whatever the core does meanwhile. */
struct confirm {
    struct ask ask;
    struct consensus_read read;
    struct read *owner;
};

static bool read_step(struct read *r);
static bool read_run(struct read *r);
static bool may_answer(struct read *r);
static void read_park(struct read *r);
static void read_unpark(struct read *r);
static void read_wake(struct read *r);
static void read_finish(struct read *r, int status);
static void confirm_start(struct read *r);

bool read_has_lease(struct env *env)
{
    if (published_get(env->published, PUBLISHED_IS_LEADER) == 0)
        return false;
    return !env->clock || env->clock().ns < (int64_t)published_get(env->published, PUBLISHED_LEASE);
}

static struct instant deadline_of(struct env *env, const struct read *r)
{
    struct duration wait = r->wait;
    if (wait.ns <= 0)
        wait = env->config->default_query_time;
    if (wait.ns > env->config->max_query_time.ns)
        wait = env->config->max_query_time;
    /* consul: wait/16 of jitter, so that clients that were parked together come back apart */
    wait.ns += (int64_t)rng_below(env->rng, (uint64_t)(wait.ns / 16) + 1);
    return instant_add(env_now(env), wait);
}

bool read_start(struct env *env, struct read *r)
{
    r->env = env;
    r->status = 0;
    r->index = 0;
    r->active = true;
    r->parked = r->canceled = r->interested = false;
    r->confirm = NULL;
    r->timer = (struct timer){0};
    list_init(&r->link);
    watch_init(&r->watch);
    metrics_add(env->metrics, METRIC_READS, 1);
    if (env->closing) {
        read_finish(r, ERR_CLOSED);
        return true;
    }
    if (r->min_index > 0)
        r->deadline = deadline_of(env, r);
    return read_step(r);
}

/* True: finished. */
static bool read_step(struct read *r)
{
    /* a follower answers by itself when the leader has told how far it must be */
    if (!r->is_own &&
        (r->mode == READ_CONSISTENT || (r->mode == READ_DEFAULT && !read_has_lease(r->env)))) {
        confirm_start(r);
        return false;
    }
    r->by_lease = !r->is_own && r->mode == READ_DEFAULT;
    if (!may_answer(r)) {
        read_finish(r, ERR_NO_LEADER);
        return true;
    }
    return read_run(r);
}

/* consul answers "No cluster leader" even to stale reads of a server that never had a leader; ours:
 * once it has state, a server without a leader answers stale reads. */
static bool may_answer(struct read *r)
{
    const struct published *p = r->env->published;
    if (r->is_own)
        return true;
    if (r->mode == READ_STALE)
        return published_get(p, PUBLISHED_KNOWS_LEADER) ||
               published_get(p, PUBLISHED_APPLIED_INDEX);
    return published_get(p, PUBLISHED_IS_LEADER) != 0;
}

/* The core hands change batches only to workers that want any. So this comes before the view: a
 * change that is not in the view was then committed after the core could see the interest. */
static void interest_begin(struct read *r)
{
    if (r->interested || !r->env->interest)
        return;
    r->interested = true;
    (void)published_add_ordered(r->env->interest, 1);
}

static void interest_end(struct read *r)
{
    if (r->interested)
        (void)published_add_ordered(r->env->interest, -1);
    r->interested = false;
}

static bool read_run(struct read *r)
{
    struct env *env = r->env;
    bool waits = r->min_index > 0;
    uint64_t index = 0;
    watch_reset(&r->watch);
    if (waits)
        interest_begin(r);
    struct view v = env_view_begin(env, r->token, waits ? &r->watch : NULL);
    if (r->own_acl) {
        v.acl = r->own_acl;
        v.acl_status = 0;
    }
    int status = v.acl_status && !r->any_token ? v.acl_status : r->run(r, &v, &index);
    if (status == 0 && v.denied)
        status = ERR_DENIED;
    env_view_end(&v);
    if (r->by_lease && !read_has_lease(env)) { /* it ended meanwhile */
        confirm_start(r);
        return false;
    }
    r->index = index ? index : 1;
    if (status == 0 && waits && r->index <= r->min_index && !env->replaced && !env->closing &&
        instant_before(env_now(env), r->deadline)) {
        if (env->parked_n < (uint64_t)env->config->parked_reads_max) {
            read_park(r);
            return false;
        }
        status = ERR_BUSY;
    }
    read_finish(r, status);
    return true;
}

static void on_fire(struct watch_set *s)
{
    read_wake(LIST_ITEM(s, struct read, watch));
}

static void on_deadline(struct timer *t, struct instant now)
{
    (void)now;
    read_wake(LIST_ITEM(t, struct read, timer));
}

static void read_park(struct read *r)
{
    struct env *env = r->env;
    r->parked = true;
    env->parked_n++;
    metrics_add(env->metrics, METRIC_READS_PARKED, 1);
    list_push(&env->reads, &r->link);
    r->watch.on_fire = on_fire;
    watch_wait(env->watches, &r->watch);
    r->timer.fire = on_deadline;
    timers_set(env->timers, &r->timer, r->deadline);
}

static void read_unpark(struct read *r)
{
    if (!r->parked)
        return;
    r->parked = false;
    r->env->parked_n--;
    metrics_add(r->env->metrics, METRIC_READS_PARKED, -1);
    list_remove(&r->link);
    watch_leave(&r->watch);
    timers_cancel(r->env->timers, &r->timer);
}

static void read_wake(struct read *r)
{
    read_unpark(r);
    metrics_add(r->env->metrics, METRIC_READS_WOKEN, 1);
    if (read_step(r))
        r->done(r);
}

/* Sets the outputs; the caller sees to `done`. */
static void read_finish(struct read *r, int status)
{
    const struct published *p = r->env->published;
    ASSERT(!r->parked && r->active);
    interest_end(r);
    r->status = status;
    r->index = r->index ? r->index : 1;
    r->knows_leader = published_get(p, PUBLISHED_KNOWS_LEADER) != 0;
    /* what the leader has confirmed is the leader's answer */
    r->last_contact_ms = r->mode == READ_STALE ? published_get(p, PUBLISHED_LAST_CONTACT_MS) : 0;
    r->active = false;
    watch_fini(&r->watch);
}

void read_cancel(struct read *r)
{
    if (!r->env || !r->active || r->canceled)
        return;
    r->canceled = true;
    if (r->confirm)
        return; /* done comes when the core has answered */
    read_unpark(r);
    read_finish(r, ERR_CANCELED);
    r->done(r);
}

void read_cancel_all(struct env *env)
{
    struct list *l;
    while ((l = list_first(&env->reads)) != NULL) {
        struct read *r = LIST_ITEM(l, struct read, link);
        read_unpark(r);
        read_finish(r, ERR_CLOSED);
        r->done(r);
    }
}

/* ---- confirming ---- */

static void on_confirmed_at_core(struct consensus_read *read)
{
    struct confirm *c = LIST_ITEM(read, struct confirm, read);
    ask_answer(&c->ask);
}

static void confirm_at_core(struct ask *a, struct agent *agent)
{
    struct confirm *c = LIST_ITEM(a, struct confirm, ask);
    a->later = true;
    c->read.done = on_confirmed_at_core;
    consensus_read(agent_consensus(agent), &c->read);
}

static void on_confirmed(struct ask *a)
{
    struct confirm *c = LIST_ITEM(a, struct confirm, ask);
    struct read *r = c->owner;
    int status = c->read.status;
    mem_free(c);
    r->confirm = NULL;
    if (r->canceled)
        status = ERR_CANCELED;
    else if (r->env->closing)
        status = ERR_CLOSED;
    else if (status == ERR_NOT_LEADER)
        status = ERR_NO_LEADER; /* no other server is asked in this version */
    bool finished = true;
    r->by_lease = false;
    if (status)
        read_finish(r, status);
    else
        finished = read_run(r);
    if (finished)
        r->done(r);
}

static void confirm_start(struct read *r)
{
    struct confirm *c = mem_new(struct confirm);
    c->owner = r;
    c->ask.run = confirm_at_core;
    c->ask.done = on_confirmed;
    r->confirm = c;
    ask_core(r->env, &c->ask);
}
