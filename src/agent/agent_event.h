/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * User events (event.h) on the core thread: carried by the LAN pool, this agent's own among them.
 */
#ifndef DISCO_AGENT_AGENT_EVENT_H
#define DISCO_AGENT_AGENT_EVENT_H

#include "agent/agent.h"
#include "agent/event.h"

/* id, name, payload and filters are given. ERR_INVALID: err says what is wrong with it. It has
 * arrived here too when this returns. */
int agent_fire_event(struct agent *a, struct event *e, struct error *err) MUST_USE;
/* An event of the pool; ltime is its Lamport time. Other names are passed by. */
void agent_event_arrived(struct agent *a, uint64_t ltime, struct str name, struct str payload);

#endif
