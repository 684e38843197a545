/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first election (consul: maybeBootstrap): a server without a log that was told how many to
 * expect waits until gossip shows so many, asks each whether it has a log, and if none has, makes
 * the first configuration of all of them.
 */
#ifndef DISCO_AGENT_BOOTSTRAP_H
#define DISCO_AGENT_BOOTSTRAP_H

#include "agent/pool.h"

struct bootstrap;
struct bootstrap *bootstrap_new(struct agent *a, struct pool *lan);
void bootstrap_free(struct bootstrap *b); /* accepts NULL */
void bootstrap_look(struct bootstrap *b); /* a server came, or came back */
/* Raft finds a server by its id where gossip last saw it. */
void bootstrap_server_seen(struct agent *a, const struct member *m);

#endif
