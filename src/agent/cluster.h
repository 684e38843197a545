/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent among others: its pools, who the servers are, the first election, joining and leaving.
 * What gossip tells comes here and goes to whom it concerns: the list of servers (servers.h), the
 * leader's duties (leader.h), the log. Core thread.
 */
#ifndef DISCO_AGENT_CLUSTER_H
#define DISCO_AGENT_CLUSTER_H

#include "agent/join.h"
#include "agent/pool.h"

struct cluster;

/* Opens the pools; -join must work, or the start fails later by `fatal`. */
int cluster_open(struct agent *a, void *uv_loop, struct cluster **ret, struct error *err) MUST_USE;
/* Begins to join; when the log is open. */
void cluster_start(struct cluster *c);
/* What waits ends; nothing new begins. */
void cluster_stop(struct cluster *c);
void cluster_close(struct cluster *c, void (*cb)(void *data), void *data);

struct pool *cluster_lan(struct cluster *c);
struct pool *cluster_wan(struct cluster *c); /* NULL: there is none (clients, port -1) */

/* From the pools. */
void cluster_news(struct agent *a, struct pool *p, enum gossip_news news, const struct member *m);
void cluster_event(struct agent *a, struct pool *p, const struct gossip_event *e);

/* This server leads now: tells the others. */
void cluster_leads(struct cluster *c);

void cluster_join(struct cluster *c, bool wan, const struct str *texts, size_t n, join_fn done,
                  void *data);
/* consul: force-leave; ERR_NOT_FOUND. */
int cluster_force_leave(struct cluster *c, struct str name, bool prune, bool wan) MUST_USE;
/* Good-bye to all: leadership first, then the pools. cb once, later. */
void cluster_leave(struct cluster *c, void (*cb)(void *data), void *data);

#endif
