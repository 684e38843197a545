/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's wishes about the servers of the Raft configuration, one at a time. Core thread.
 */
#ifndef DISCO_AGENT_QUORUM_H
#define DISCO_AGENT_QUORUM_H

#include "agent/autopilot.h"

struct agent;

/* The callback comes once, later: 0 when the change is committed (the transfer has taken place). */
typedef void (*quorum_fn)(void *data, int status);

/* The servers of the configuration as this server knows it; as the leader, with how they do. */
size_t quorum_peers(struct agent *a, struct autopilot_peer *ret, size_t max);
/* ERR_BUSY: another change is under way; ERR_NOT_LEADER. */
int quorum_change(struct agent *a, const struct autopilot_change *change, quorum_fn done,
                  void *data) MUST_USE;
/* To the voter that has most of the log, or to the one named. */
int quorum_transfer(struct agent *a, const char *id, quorum_fn done, void *data) MUST_USE;
/* The first configuration of a cluster; all voters but the read replicas. */
int quorum_bootstrap(struct agent *a, const struct autopilot_peer *servers, size_t n) MUST_USE;
/* Gossip says where the server with this id lives now. */
void quorum_set_address(struct agent *a, const char *id, const struct addr *address);

#endif
