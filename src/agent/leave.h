/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Leaving in order: a leader hands its leadership on (no write is lost, and none waits for an
 * election), then the pools are told good-bye, then a server waits until the leader has taken it
 * out of the Raft configuration.
 */
#ifndef DISCO_AGENT_LEAVE_H
#define DISCO_AGENT_LEAVE_H

#include "agent/pool.h"

struct leave;
/* cb comes once, later, whatever fails; wan may be NULL. */
struct leave *leave_start(struct agent *a, struct pool *lan, struct pool *wan,
                          void (*cb)(void *data), void *data);
void leave_free(struct leave *l); /* when the pools are closed; accepts NULL */

#endif
