/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which cached reads were asked before: all that remains of Consul's agent cache where every
 * answer comes from a state that is kept true as it changes. The first ask of a question is a miss,
 * later ones are hits of age 0.
 *
 * A table of words that all workers share. A question may be forgotten early when another one
 * takes its place; it is never taken for another's but for a hash of 32 bits.
 */
#ifndef DISCO_AGENT_RECALL_H
#define DISCO_AGENT_RECALL_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/published.h"
#include "base/str.h"

#define RECALL_SLOTS 2048

struct recall {
    struct published_counter slots[RECALL_SLOTS];
};

/* Was it asked before, in the last three days? From now on it was. Any thread. */
bool recall_ask(struct recall *r, struct str question, struct instant now);

struct agent;
struct recall *recall_of_agent(struct agent *a);

#endif
