/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The watches of the configuration: each is a process `disco watch`, which asks this agent over
 * HTTP and runs its handler. One that ends is started again; what it writes goes to the log.
 *
 * consul: Agent.reloadWatches
 */
#ifndef DISCO_AGENT_WATCHERS_H
#define DISCO_AGENT_WATCHERS_H

#include "agent/config.h"
#include "base/timers.h"

#define WATCHERS_MAX 256

struct watchers;

/* The definitions that cannot be used, by their place: "watches[1]: ...". */
int watchers_check_config(const struct config *c, struct error *err) MUST_USE;

struct watchers *watchers_open(void *uv_loop, struct timers *timers);
/* Those that are no longer defined end, new ones start. */
void watchers_reload(struct watchers *w, const struct config *c);
/* They are told to end; cb when none runs any more, maybe from inside. Frees. */
void watchers_close(struct watchers *w, void (*cb)(void *data), void *data);

#endif
