/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a door on a worker may use, and the three verbs it has.
 *
 *   read_start    (read.h)   a function over a view, blocking or not; stays on the worker
 *   write_submit  (write.h)  a command; goes to the core and through the log
 *   ask_core      (below)    a function run on the core over the agent itself
 *
 * One env per worker, made by worker/, used by that worker's thread only.
 */
#ifndef DISCO_AGENT_ENV_H
#define DISCO_AGENT_ENV_H

#include "agent/config.h"
#include "agent/tokens.h"
#include "base/mailbox.h"
#include "base/published.h"
#include "base/rng.h"
#include "base/timers.h"
#include "state/view.h"

struct agent;      /* agent/agent.h, core thread only */
struct metrics;    /* agent/metrics.h, any thread */
struct event_ring; /* agent/event.h */

struct env {
    const struct config *config; /* replaced on the worker's thread at a reload */
    struct store_reader *reader; /* use env_view_begin/end */
    const struct published *published;
    struct mailbox *core, *self;
    struct agent *agent; /* only to be handed on to the core */
    struct timers *timers;
    struct watch_index *watches;
    struct rng *rng;
    struct metrics *metrics;
    struct recall *recall; /* recall.h; NULL in tests */
    struct event_ring *events;
    struct published_counter *interest; /* see worker_uv.c; NULL in tests */
    struct policy *policy;              /* what tokens permit */
    struct tokens tokens;               /* replaced on the worker's thread */
    int64_t (*wall)(void);              /* clock_wall_ns; NULL in tests: tokens do not expire */
    struct instant now;                 /* see env_now */
    uint64_t parked_n;                  /* reads waiting on this worker */
    uint64_t flight_n;  /* asks and writes at the core; the worker stays until it is 0 */
    uint64_t offload_n; /* private to offload_uv.c: of those, on threads of their own */
    bool is_client;     /* this agent has no state: what needs it is shipped (ship.h) */
    bool closing;
    bool replaced;     /* true while the batch at hand replaced the whole store */
    struct list reads; /* private to read.c: all parked reads */
    struct list ships; /* private to ship.c: all requests that other agents run for us */
    int worker_i;
    struct instant (*clock)(void); /* clock_now; NULL in tests: `now` stays as the test set it */
};

/* The time; also kept in env->now. (A loop may have slept long before the event at hand, so a time
 * that was read before the sleep is of no use.) */
struct instant env_now(struct env *env);

/* A view over the newest applied state. Ends before the turn does. Nesting is a programmer error.
 */
struct view env_view_begin(struct env *env, struct str token, struct watch_set *watch);
/* From here on the view is the token's. */
void env_view_as(struct env *env, struct view *v, struct str token);
void env_view_end(struct view *v);

/* ---- ask.c ---- */

/* A function run once on the core thread; `done` then runs on the asking worker. The object is the
 * caller's and must live until done; there is no cancel: a client that left is noted in the object.
 */
struct ask {
    struct mail mail;
    struct env *env;
    void (*run)(struct ask *a,
                struct agent *agent); /* core thread; may keep `a` and answer later */
    void (*done)(struct ask *a);      /* worker thread */
    bool later;   /* set by run: ask_answer will be called by the core in its own time */
    bool running; /* private to ask.c */
};
void ask_core(struct env *env, struct ask *a);
void ask_answer(struct ask *a); /* core thread, for those with `later` */

#endif
