/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Consensus as a pure state machine: Raft as in Ongaro's dissertation
 * ("Consensus: Bridging Theory and Practice"), built like etcd's core.
 *
 * Feed it (messages, time, proposals, storage acknowledgements), then drain
 * raft_next_effect until it says false, then arm a timer for raft_deadline.
 * It does no I/O, reads no clock, and starts nothing. Effects come in an order
 * that is safe to obey one by one:
 *
 *     PERSIST  write as one batch (reset, truncation, state, entries: in this order), make it
 *              durable, then call raft_persisted(seq). Batches may be in flight in any number;
 *              they are acknowledged in order.
 *     SEND     may leave now: a message that promises something (a vote, an acknowledgement) is
 *              kept inside until what it promises is durable.
 *     ROLE     news: role, term or leader changed.
 *     READ     reads up to an id are confirmed (or refused): see raft_read.
 *     CHUNK    a piece of the leader's snapshot to store: see raft_chunk_stored.
 *     APPLY    entries, committed and durable here, to hand to the state machine, in order, once.
 *
 * Limits: RAFT_SERVERS_MAX servers; proposals not yet applied are bounded by the options (then
 * ERR_BUSY), and what a leader makes a follower keep by twice that and a window; per follower
 * RAFT_WINDOW_MESSAGES appends and RAFT_WINDOW_BYTES are in flight; at most RAFT_QUEUE_MAX replies
 * wait for the disk, the rest is lost, as messages may be. Memory: an entry its bytes and 40 more
 * (raft_entry.h), a follower RAFT_FOLLOWER_BYTES, the machine itself RAFT_BYTES (both are checked).
 * No field of a message is believed unseen (raft_message_is_sane): whatever a peer says, nothing
 * here crashes, and no number wraps.
 */
#ifndef DISCO_RAFT_RAFT_H
#define DISCO_RAFT_RAFT_H

#include "base/clock.h"
#include "base/rng.h"
#include "raft/raft_effect.h"

#define RAFT_WINDOW_MESSAGES 64
#define RAFT_WINDOW_BYTES    ((size_t)16 << 20)
#define RAFT_QUEUE_MAX       4096
#define RAFT_APPLY_MAX       256 /* entries in one APPLY */
#define RAFT_FOLLOWER_BYTES  1280
#define RAFT_BYTES           20480

struct raft_options {
    uint64_t id;
    struct duration election;  /* a follower waits a random time in [election, 2 * election) */
    struct duration heartbeat; /* at most a third of it */
    struct duration first;     /* no leader was ever heard: votes are given at once, and the server
                                * that bootstraps waits in [first, 2 * first); 0: as ever */
    struct duration sole;      /* a sole voter at start waits in [sole, 2 * sole) */
    struct duration drift;     /* taken off a lease: the most that clocks may part in `election` */
    uint64_t inflight_max;     /* proposals not applied */
    size_t inflight_bytes_max;
    size_t batch_bytes; /* goal for the entries of one append; 0: RAFT_MESSAGE_BYTES_MAX */
};

struct raft;
/* rng stays the caller's. trace may be NULL. */
struct raft *raft_new(const struct raft_options *options, struct rng *rng, raft_trace_fn trace,
                      void *trace_data);
void raft_free(struct raft *r); /* accepts NULL */

/* ---- what the disk held, in this order, before raft_start ---- */
void raft_restore_state(struct raft *r, struct raft_state state);
void raft_restore_snapshot(struct raft *r, uint64_t index, uint64_t term,
                           const struct raft_configuration *c);
/* The place before the first entry on the disk, also when there is none. The term may be 0,
 * unknown, when a snapshot is newer than it. */
void raft_restore_base(struct raft *r, uint64_t index, uint64_t term);
/* Takes the reference; in order of index. ERR_CORRUPT: a configuration that is none. */
int raft_restore_entry(struct raft *r, struct raft_entry *e) MUST_USE;
/* Instead of restoring: the first configuration, at index 1 and term 1. */
void raft_bootstrap(struct raft *r, const struct raft_configuration *c);
void raft_start(struct raft *r, struct instant now);

/* ---- inputs ---- */
void raft_expire(struct raft *r, struct instant now); /* at or after the deadline */
struct instant raft_deadline(const struct raft *r);
/* Takes the message. Anything that does not fit is dropped. */
void raft_receive(struct raft *r, struct instant now, struct raft_message *m);
/* Takes the reference when it returns 0; ret_index and term are then the entry's. ERR_NOT_LEADER,
 * ERR_BUSY, or the storage's error. */
int raft_propose(struct raft *r, struct raft_entry *e, uint64_t *ret_index) MUST_USE;
void raft_persisted(struct raft *r, struct instant now, uint64_t seq);
/* The batches in flight were not made durable and never will be: what was not acknowledged is
 * forgotten, as a crash would; then no writes until raft_storage_back. A leader with peers steps
 * down; a sole voter goes on serving reads. */
void raft_storage_failed(struct raft *r, struct instant now, int status);
void raft_storage_back(struct raft *r, struct instant now);
/* Wants a read that sees all acknowledged before now (6.4); ids grow. Answered by READ. */
int raft_read(struct raft *r, uint64_t *ret_id) MUST_USE;

enum raft_change_kind { RAFT_ADD_LEARNER, RAFT_PROMOTE, RAFT_DEMOTE, RAFT_REMOVE, RAFT_ADDRESS };
/* One server at a time (4.1): ERR_BUSY while a change is not committed, or the term has not yet
 * committed an entry, or a server to promote is too far behind; ERR_CONFLICT when the change makes
 * no sense. */
int raft_change(struct raft *r, enum raft_change_kind kind, struct str name, struct str address,
                uint64_t *ret_index) MUST_USE;
/* Hands leadership over (3.10); to 0: to the voter that is furthest. */
int raft_transfer(struct raft *r, struct instant now, uint64_t to) MUST_USE;

/* ---- snapshots ---- */

/* A snapshot of the state at `index` exists: entries behind `keep_from` may go. */
void raft_compact(struct raft *r, uint64_t index, uint64_t keep_from);
/* Leader. A SEND of kind RAFT_SNAPSHOT names (index, log_term) and an offset; the shell fills in
 * chunk, last, and hint and hint_term (see raft_message.h), and sends. An offset behind the file's
 * end means 0. A transfer that has begun keeps asking for its snapshot after newer ones were taken.
 * When the file cannot be read, the shell frees the message and says so: the transfer begins anew
 * with the newest snapshot; when this is the newest, the shell takes another and calls raft_compact
 * (the same index will do), until then followers that need it wait. */
void raft_snapshot_gone(struct raft *r, uint64_t index, uint64_t term);
/* Follower. Answers each CHUNK: the bytes up to `offset` of the snapshot at (index, term) are
 * stored. A chunk at 0 of another file than the one begun takes its place; a chunk at another
 * offset than the one wanted changes nothing and is answered all the same. */
void raft_chunk_stored(struct raft *r, uint64_t index, uint64_t term, uint64_t offset);
/* The file is whole and durable, and the state is about to be replaced, which may take its time:
 * until one of the next two is called nothing is applied or taken into the log, and this server
 * does not stand. False: the log has overtaken it, or another is being installed; throw it away. */
bool raft_snapshot_install(struct raft *r, uint64_t index) MUST_USE;
void raft_snapshot_abandoned(struct raft *r); /* the state is as it was */
/* The state was replaced. */
void raft_snapshot_installed(struct raft *r, uint64_t index, uint64_t term,
                             const struct raft_configuration *c);

/* ---- output ---- */
bool raft_next_effect(struct raft *r, struct instant now, struct raft_effect *ret);
struct raft_entry *raft_entry_at(const struct raft *r, uint64_t index); /* borrowed */

/* ---- facts ---- */
struct raft_facts {
    enum raft_role role;
    uint64_t term, vote, leader; /* leader 0: unknown */
    uint64_t first, last, last_term, stable, commit, applied, snapshot_index, snapshot_term;
    uint64_t applied_term;  /* of the entry at `applied`, also when that is compacted */
    uint64_t term_start;    /* leader: index of its first own entry; it is ready when applied */
    struct instant contact; /* when the leader was last heard */
    struct instant lease;   /* leader: no other can lead before this; NEVER for a sole voter */
    size_t log_bytes;
    int storage_status;
};
void raft_get_facts(const struct raft *r, struct raft_facts *ret);
const struct raft_configuration *raft_get_configuration(const struct raft *r);
uint64_t raft_match(const struct raft *r, uint64_t id); /* leader: what it has durably; else 0 */
/* The configuration as of `index` (a snapshot's place), which is not before the log's base. */
void raft_configuration_at(const struct raft *r, uint64_t index, struct raft_configuration *ret);
/* See raft_log_trail. */
uint64_t raft_trail(const struct raft *r, uint64_t to, uint64_t n, size_t bytes);

#endif
