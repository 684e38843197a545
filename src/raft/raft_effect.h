/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the machine hands out, one by one (raft_next_effect), and what it tells
 * to whoever explains it to people.
 */
#ifndef DISCO_RAFT_RAFT_EFFECT_H
#define DISCO_RAFT_RAFT_EFFECT_H

#include "raft/raft_message.h"

enum raft_role { RAFT_FOLLOWER, RAFT_PRE_CANDIDATE, RAFT_CANDIDATE, RAFT_LEADER };

struct raft_state { /* what must never be forgotten (figure 3.1) */
    uint64_t term, vote;
};

/* What is told to whoever explains the machine to people. */
enum raft_trace_kind {
    RAFT_TRACE_FOLLOWER,  /* a: leader or 0 */
    RAFT_TRACE_TIMEOUT,   /* a: the leader that was lost, or 0 */
    RAFT_TRACE_PRE_VOTE,  /* a: term it would be */
    RAFT_TRACE_CANDIDATE, /* a: term, b: votes needed */
    RAFT_TRACE_VOTE,      /* a: from, b: tally */
    RAFT_TRACE_WON,       /* a: tally */
    RAFT_TRACE_LEADER,
    RAFT_TRACE_NO_QUORUM,    /* the leader did not hear a majority */
    RAFT_TRACE_NOT_VOTER,    /* a timeout, but this server may not stand */
    RAFT_TRACE_CONFIGURATION /* a: index of the configuration now in effect */
};
typedef void (*raft_trace_fn)(void *data, enum raft_trace_kind kind, uint64_t a, uint64_t b);

enum raft_effect_kind {
    RAFT_EFFECT_PERSIST,
    RAFT_EFFECT_SEND,
    RAFT_EFFECT_ROLE,
    RAFT_EFFECT_READ,
    RAFT_EFFECT_CHUNK,
    RAFT_EFFECT_APPLY
};
struct raft_persist {
    uint64_t seq;
    bool has_reset; /* forget the whole log; the next entry is reset_index + 1 */
    uint64_t reset_index, reset_term;
    uint64_t truncate_from; /* entries >= this go; 0: none */
    bool has_state;
    struct raft_state state;
    uint64_t first, last; /* entries, by raft_entry_at; first > last: none */
};
struct raft_effect {
    enum raft_effect_kind kind;
    union {
        struct raft_persist persist;
        struct raft_message *message; /* SEND, CHUNK: the receiver's, to raft_message_free. A
                                       * RAFT_SNAPSHOT to send wants its chunk filled in */
        struct {
            uint64_t first, last;
        } apply;
        struct {
            uint64_t id, index; /* all reads <= id may be served once `index` is applied */
            int status;         /* or were refused */
        } read;
        struct {
            enum raft_role role;
            uint64_t term, leader;
        } role;
    } u;
};

#endif
