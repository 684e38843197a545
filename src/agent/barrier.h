/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "All that was acknowledged until now is here": a server asks the leader how far it is and waits
 * until it has that much itself; an agent that keeps a copy of the state has a server do so, and
 * waits for its copy. Core's thread.
 */
#ifndef DISCO_AGENT_BARRIER_H
#define DISCO_AGENT_BARRIER_H

#include "agent/agent.h"
#include "agent/replica_wait.h"
#include "agent/ship.h"
#include "rpc/rpc_server.h"

/* Embedded in the caller's object, which lives until done. */
struct barrier {
    void (*done)(struct barrier *b); /* once, never inside barrier_start */
    int status;                      /* 0, ERR_NO_LEADER, ... */
    /* private */
    struct agent *agent;
    struct consensus_read read;
    struct ship ship;
    struct replica_wait wait;
};
void barrier_start(struct agent *a, struct barrier *b);
/* SHIP_BARRIER: answers the index. */
void barrier_serve(struct agent *a, struct rpc_request *r);

#endif
