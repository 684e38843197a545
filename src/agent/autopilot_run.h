/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Autopilot at work: on the leader, looks at gossip, Raft and the clock, and makes the changes that
 * autopilot.h decides on, one at a time. Core thread.
 */
#ifndef DISCO_AGENT_AUTOPILOT_RUN_H
#define DISCO_AGENT_AUTOPILOT_RUN_H

#include "agent/autopilot.h"
#include "agent/pool.h"

struct autopilot_run;
struct autopilot_run *autopilot_run_new(struct agent *a, struct pool *lan);
void autopilot_run_free(struct autopilot_run *r);  /* accepts NULL */
void autopilot_run_start(struct autopilot_run *r); /* leadership was won */
void autopilot_run_stop(struct autopilot_run *r);
void autopilot_run_look(struct autopilot_run *r); /* something happened */
/* As of the last look; look first. */
const struct autopilot *autopilot_run_state(struct autopilot_run *r);

#endif
