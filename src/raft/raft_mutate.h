/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deliberate bugs, one line each, for the test of the tests: the simulator
 * must find every one of them. They are compiled in only with RAFT_MUTATIONS,
 * which builds a second library for tests/sim/sim_raft_mutants; elsewhere
 * RAFT_MUTATE is the constant false, and nothing of this is in the object.
 */
#ifndef DISCO_RAFT_RAFT_MUTATE_H
#define DISCO_RAFT_RAFT_MUTATE_H

#include <stdbool.h>

/* X(name, "what is wrong") */
#define RAFT_MUTATIONS_LIST(X)                                                                     \
    X(COMMIT_OLD_TERMS, "entries of old terms are committed by counting (Figure 8)")               \
    X(ACK_EARLY, "entries are acknowledged before they are durable")                               \
    X(ACK_OWN_LAST, "a follower acknowledges its own last index, stale tail included")             \
    X(BEAT_ACKS_TAIL, "the answer to a heartbeat acknowledges all that is durable")                \
    X(MATCH_FROM_HINT, "a refusal's hint is taken for a match")                                    \
    X(COMMIT_PAST_MESSAGE, "the leader's commit index commits a tail that was not compared")       \
    X(COUNT_OWN_EARLY, "the leader counts its own copy before it is durable")                      \
    X(APPLY_EARLY, "entries are applied before they are durable here")                             \
    X(HALF_IS_ENOUGH, "in even clusters half of the copies commit")                                \
    X(HALF_ELECTS, "in even clusters half of the votes elect")                                     \
    X(LEARNER_COUNTS, "learners' copies count for the commit")                                     \
    X(TRUNCATE_ALWAYS, "every append cuts the log behind it, also what is acknowledged")           \
    X(TRUNCATE_NOT_WRITTEN, "a truncation is not written")                                         \
    X(VOTE_NOT_WRITTEN, "a vote is not written")                                                   \
    X(TERM_NOT_WRITTEN, "a term learnt from others is not written")                                \
    X(VOTE_EARLY, "a vote leaves before it is durable")                                            \
    X(VOTE_TWICE, "two votes in one term")                                                         \
    X(VOTE_FOR_ANY_LOG, "votes for candidates whose log is behind")                                \
    X(NO_PRE_VOTE, "candidates stand without asking first")                                        \
    X(NO_PROTECTION, "those who hear their leader vote for others all the same")                   \
    X(NO_CHECK_QUORUM, "a leader whom nobody answers leads on")                                    \
    X(NO_NOOP, "a term begins without an entry of its own")                                        \
    X(HINT_ONE_BY_ONE, "a refusal's hint is not used: repair goes entry by entry")                 \
    X(HINT_TOO_HIGH, "a refused leader tries one entry further on")                                \
    X(CONFIGURATION_LATE, "a configuration is in effect only when it is applied")                  \
    X(CONFIGURATION_STAYS, "a truncated configuration stays in effect")                            \
    X(TWO_CHANGES, "a change may begin while another is not committed")                            \
    X(CHANGE_TOO_SOON, "a change may begin before an entry of the term is committed")              \
    X(REMOVED_LEADS, "a leader leads on after its removal")                                        \
    X(READ_UNCONFIRMED, "reads are confirmed without asking anybody")                              \
    X(READ_BEFORE_OWN, "reads are confirmed before an entry of the term is committed")             \
    X(READ_OLD_ROUND, "a read joins a round that is already under way")                            \
    X(LEASE_NO_DRIFT, "leases do not allow for drifting clocks")                                   \
    X(LEASE_FROM_ANSWER, "a lease counts from the answer instead of the question")                 \
    X(LEASE_KEPT, "a lease outlives the transfer of leadership")                                   \
    X(LEASE_FORGOTTEN, "who was restarted, or learnt of a later term, votes within a lease")       \
    X(SOLE_TOO_SOON, "a server that became sole voter stands at its start, within a lease")        \
    X(SNAPSHOT_CUTS_TAIL, "a snapshot loses the entries behind it")                                \
    X(SNAPSHOT_KEEPS_WORD, "entries that a snapshot's installation forgot are acknowledged")       \
    X(SNAPSHOT_NO_RESET, "a snapshot's place in the log is not written")                           \
    X(SNAPSHOT_SKIPS, "the sender of a snapshot goes on although a chunk was lost")                \
    X(FAILED_WRITE_COUNTS, "what a failed disk did not write counts as durable")                   \
    X(SAME_TERM_AFTER_FAILURE, "a sole voter whose disk failed goes on in its term")               \
    X(NO_BACK_PRESSURE, "proposals are taken without bound")

enum raft_mutation {
    RAFT_MUTATION_NONE,
#define RAFT_MUTATION_ENUM(name, text) RAFT_MUTATION_##name,
    RAFT_MUTATIONS_LIST(RAFT_MUTATION_ENUM)
#undef RAFT_MUTATION_ENUM
        RAFT_MUTATIONS_N
};

#ifdef RAFT_MUTATIONS
extern enum raft_mutation raft_mutation; /* the simulator's */
#define RAFT_MUTATE(name) (raft_mutation == RAFT_MUTATION_##name)
#else
#define RAFT_MUTATE(name) false
#endif

#endif
