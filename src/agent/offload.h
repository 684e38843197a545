/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What would hold up a worker's loop for long, on a thread of its own: it may touch nothing but the
 * object, what is handed in by it, and a reader of its own (store_reader_beside). A few at once for
 * each worker. The worker stays until all are done,
 * so a run gives up when PUBLISHED_STOPPING is set.
 */
#ifndef DISCO_AGENT_OFFLOAD_H
#define DISCO_AGENT_OFFLOAD_H

#include "agent/env.h"

#define OFFLOAD_MAX 2 /* at once, for one worker */

/* The caller's; lives until done. There is no cancel. */
struct offload {
    void (*run)(struct offload *o);  /* on the thread */
    void (*done)(struct offload *o); /* on the worker */
    struct mail mail;                /* private, as is all below */
    struct env *env;
    void *thread;
};

/* False: too many are under way. */
bool offload_start(struct env *env, struct offload *o);

#endif
