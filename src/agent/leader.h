/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server does while it leads: keeps its own node in the catalog, ends
 * sessions at their TTL, forgets old tombstones. One command at a time, on
 * the core thread.
 */
#ifndef DISCO_AGENT_LEADER_H
#define DISCO_AGENT_LEADER_H

#include "agent/agent.h"
#include "agent/leader_members.h"

struct leader;

struct leader *leader_new(struct agent *a, struct timers *timers, struct store_reader *reader,
                          struct rng *rng, struct instant (*clock)(void));
/* Before the first leadership; without, the leader looks after itself alone. */
void leader_set_members(struct leader *l, struct leader_members *m);
/* Likewise: makes the command for coordinates learned since then; false: there are none. */
void leader_set_coordinates(struct leader *l,
                            bool (*encode)(void *data, struct view *v, struct instant since,
                                           struct buf *command),
                            void *data);
/* Gossip has news of this member. */
void leader_member_news(struct leader *l, struct str name);
/* After the log has answered all that was submitted. */
void leader_free(struct leader *l);
void leader_start(struct leader *l); /* leadership was won */
void leader_stop(struct leader *l);  /* lost, or the end */
/* After each applied group. */
void leader_applied(struct leader *l, const struct change_batch *changes);
size_t leader_sessions(const struct leader *l); /* with a TTL */
bool leader_renew(struct leader *l, struct str session_id);

#endif
