/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one read path, blocking included: consistency mode, leadership, parking,
 * waking, deadline. On the worker's thread.
 *
 * The function `run` is called with a view, fills the caller's answer and says
 * which index it answers for. When the caller waits (min_index > 0) and the
 * index is not past it, the read is parked on what run looked at and **run is
 * called again** after a change or at the deadline; it must start its answer
 * afresh each time.
 */
#ifndef DISCO_AGENT_READ_H
#define DISCO_AGENT_READ_H

#include "agent/env.h"

enum read_mode { READ_DEFAULT, READ_CONSISTENT, READ_STALE };

struct read {
    /* inputs */
    enum read_mode mode;
    uint64_t min_index;   /* 0: answer at once */
    struct duration wait; /* with min_index; 0: the default (5 min); capped (10 min); jitter of
                           * wait/16 is added (consul: blocking queries) */
    struct str token;
    const struct acl_set *own_acl; /* what the token permits, where there are no rows to look it up
                                    * in; the caller's. NULL: by the rows */
    bool any_token;                /* run also for a token that does not exist */
    bool is_own;                   /* of what this worker itself holds: needs no leader */
    /* Returns 0 or an error code that ends the read; *ret_index as Consul counts. */
    int (*run)(struct read *r, struct view *v, uint64_t *ret_index);
    /* Only when read_start returned false; exactly once. */
    void (*done)(struct read *r);
    /* outputs */
    int status;     /* 0, run's error, ERR_NO_LEADER, ERR_CANCELED, ERR_BUSY (too many parked) */
    uint64_t index; /* of the answer; at least 1 */
    bool knows_leader;
    uint64_t last_contact_ms;
    /* private */
    struct env *env;
    struct watch_set watch;
    struct timer timer;
    struct list link;
    struct instant deadline;
    bool active, parked, canceled, interested, by_lease;
    void *confirm; /* at the core, to be told that this server still leads */
};

/* True: finished, outputs are set, `done` will not be called. False: `done` comes later. */
bool read_start(struct env *env, struct read *r);
/* done comes with ERR_CANCELED, before this returns for a parked read, later for one at the core;
 * harmless after the end. */
void read_cancel(struct read *r);
/* For the worker, at shutdown: all parked reads end with ERR_CLOSED. Those at the core end there.
 */
void read_cancel_all(struct env *env);

/* This server leads, and no other can yet. The core says for how long; it is the clock that
 * decides: when a whole machine was paused, its workers may run before its core. So a read by lease
 * asks again when it has its view: what holds then held when the view was taken. */
bool read_has_lease(struct env *env);

#endif
