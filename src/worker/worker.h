/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread, one loop, its doors (agent/door.h). All workers are alike.
 *
 * Life, seen from the core: worker_start (the thread runs and its doors are
 * open, or an error comes back, before it returns), worker_stop (listeners
 * close, calls in flight are answered), worker_join_free.
 */
#ifndef DISCO_WORKER_WORKER_H
#define DISCO_WORKER_WORKER_H

#include "agent/agent.h"
#include "agent/door.h"

#define WORKER_DOORS_MAX 4

struct worker;

int worker_start(struct agent *agent, int worker_i, const struct door_plan *plans, size_t plan_n,
                 struct worker **ret, struct error *err) MUST_USE;
/* stopped is called on the core when the doors are closed; within `grace`, unless a door or the log
 * hangs. */
void worker_stop(struct worker *w, struct duration grace, void (*stopped)(void *data), void *data);
void worker_join_free(struct worker *w); /* after stopped */
/* config lives as long as the worker. */
void worker_reload(struct worker *w, const struct config *config);

#endif
