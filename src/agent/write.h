/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one write path: a command from any door, on any worker, to the leader's
 * log and back with its result.
 */
#ifndef DISCO_AGENT_WRITE_H
#define DISCO_AGENT_WRITE_H

#include "agent/env.h"
#include "agent/replica_wait.h"
#include "agent/ship.h"
#include "agent/shown.h"
#include "consensus/consensus.h"

/* Embedded in the caller's object, which lives until done: there is no cancel, a write once
 * submitted finishes, unheard if need be. */
struct write {
    /* inputs */
    struct buf command; /* encoded; owned by the write from submit on, freed before done */
    struct str token;   /* the caller's until done */
    void (*done)(struct write *w); /* on the submitting worker, exactly once, never inside submit */
    bool until_shown;              /* the answer waits for this agent's mount (shown.h) */
    /* outputs */
    int status;     /* 0: applied, see result; else why it was not (consensus.h), or ERR_DENIED */
    uint64_t index; /* log index */
    struct result result; /* valid when status is 0; result.status is the command's own outcome */
    /* private */
    struct mail mail;
    struct env *env;
    struct consensus_submit submit;
    struct shown_wait shown;
    struct ship ship; /* of an agent without a log */
    struct instant began;
    uint8_t command_id;
    struct replica_wait replica; /* of one that keeps a copy of the state */
};

void write_submit(struct env *env, struct write *w);
/* Frees what the outputs hold. After done. */
void write_fini(struct write *w);

#endif
