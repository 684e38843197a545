/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy of the state that an agent without a log keeps while it has a mount, so that the mount
 * reads as it does on a server: from the same tables, without a journey.
 *
 *     FOLLOW ── a server will tell each group that it applies, as rows (store_observe)
 *     ROWS ──── its tables, page by page; what was told meanwhile is newer than the page
 *     ... then groups alone. The server is lost: another is followed, and all of it is made anew
 *     beside what is there, which is shown until then.
 *
 * A copy lives in memory alone. Whoever writes through this agent waits until the copy has what was
 * written (replica_hold). Core's thread.
 */
#ifndef DISCO_AGENT_REPLICA_H
#define DISCO_AGENT_REPLICA_H

#include "agent/agent.h"
#include "agent/replica_wait.h"
#include "base/addr.h"

/* How long a write waits for the copy, at most. */
#define REPLICA_WAIT DURATION_MS(2000)

struct replica;

/* Begins to follow a server as soon as one is known. */
struct replica *replica_new(struct agent *a);
/* Nothing is asked any more, those who wait go. */
void replica_stop(struct replica *r);
void replica_free(struct replica *r); /* accepts NULL */

/* From the connection to the server that is followed. */
void replica_told(struct replica *r, const struct addr *server, struct str group);
void replica_lost(struct replica *r, const struct addr *server);

/* Goes when the copy has all up to the index; at once if it has. */
void replica_hold(struct replica *r, struct replica_wait *w, uint64_t index);

/* ---- what a server has to do with it ---- */
struct replica_source;
struct replica_source *replica_source_new(struct store *s);
void replica_source_free(struct replica_source *s);
/* Somebody follows from now on. */
void replica_source_begin(struct replica_source *s);
void replica_source_end(struct replica_source *s);
/* What is to be told of a group, with the rows of all commits since the last. */
void replica_source_take(struct replica_source *s, const struct change_batch *changes,
                         struct buf *out);

#endif
