/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of the machine, for the files of raft/ alone. (tidy: long because it is one struct
 * and all that its files say to each other.)
 *
 *   raft.c            life, time, proposals, storage, effects
 *   raft_vote.c       who leads (3.4, 3.6, 9.6)
 *   raft_replicate.c  the leader's log becomes everyone's (3.5)
 *   raft_member.c     who belongs (4)
 *   raft_read.c       reads without the log (6.4)
 *   raft_snapshot.c   state instead of log (5)
 */
#ifndef DISCO_RAFT_RAFT_CORE_H
#define DISCO_RAFT_RAFT_CORE_H

#include "raft/raft.h"
#include "raft/raft_log.h"
#include "raft/raft_mutate.h"

enum raft_progress_state {
    RAFT_PROBE,     /* where the logs meet is not known: one append at a time */
    RAFT_REPLICATE, /* appends are pipelined */
    RAFT_SNAPSHOTTING
};
struct raft_progress {
    uint64_t id;
    enum raft_progress_state state;
    bool probing;          /* an append is out; cleared by its answer and by each heartbeat */
    bool recent;           /* heard since the last quorum check */
    bool granted, refused; /* of a candidate's voters */
    uint64_t match, next;
    uint64_t commit_told;
    uint64_t round;         /* highest echoed */
    uint64_t refused_round; /* REPLICATE: refusals of earlier rounds are not heard */
    uint32_t window_first, window_n;
    size_t window_bytes;
    struct {
        uint64_t last;
        size_t bytes;
    } window[RAFT_WINDOW_MESSAGES];
    uint64_t snapshot_index, snapshot_term, offset; /* SNAPSHOTTING: which, and wanted next */
    bool chunk_out;
};

struct raft_queue { /* messages, ring */
    struct {
        struct raft_message *m;
        uint64_t after; /* seq that must be durable first */
    } * items;
    uint32_t first, n, cap;
};

#define RAFT_PERSISTS_MAX 128
#define RAFT_ROUNDS       64

struct raft {
    struct raft_options options;
    struct rng *rng;
    raft_trace_fn trace;
    void *trace_data;

    struct raft_state state;
    enum raft_role role;
    uint64_t leader;
    bool started;
    struct instant now, deadline, contact;
    struct instant quorum_check;   /* leader */
    struct instant transfer_until; /* leader: 0 when no transfer */
    uint64_t transfer_to;
    struct instant lease;
    bool lease_void; /* a transfer was begun in this term: its target need not wait */

    struct raft_log log;
    uint64_t stable, commit, applied; /* stable: durable here */
    uint64_t snapshot_index, snapshot_term;
    bool installing;
    bool snapshot_lost; /* it cannot be read: none is sent until there is another */
    uint64_t term_start;
    size_t unapplied_bytes;
    struct raft_configuration conf, snapshot_conf, bootstrap;

    /* storage: what the next PERSIST must say, and those in flight */
    bool state_dirty, reset_dirty;
    uint64_t truncate_dirty; /* 0: none */
    uint64_t emitted;        /* last entry handed out for writing */
    uint64_t seq, seq_done;
    uint64_t state_seq; /* of the batch that has the state, unless it is dirty */
    struct {
        uint64_t last, last_term;
    } persists[RAFT_PERSISTS_MAX]; /* by seq % RAFT_PERSISTS_MAX */
    int storage_status;
    uint64_t self_vote_after; /* candidate: own vote counts when this seq is durable; 0: counted */

    struct raft_progress *progress; /* candidate, leader: one per server, also oneself */
    uint32_t progress_n;

    struct raft_queue now_queue, after_queue;
    struct raft_message *chunk; /* waiting to be drained */
    bool role_news;
    bool called; /* a candidate with an older log counts on this server's vote; no leader since */

    /* reads */
    uint64_t read_last, read_asked, read_done; /* ids: given, put in a round, answered */
    uint64_t reads_refused;                    /* ids <= this were refused */
    uint64_t round, round_confirmed;
    struct {
        uint64_t read_id, index;
        struct instant sent;
    } rounds[RAFT_ROUNDS];
};

/* raft.c */
void raft_trace(struct raft *r, enum raft_trace_kind kind, uint64_t a, uint64_t b);
void raft_queue_clear(struct raft_queue *q);
uint64_t raft_needs(const struct raft *r); /* seq that will hold all that is so far unsaid */
void raft_send(struct raft *r, struct raft_message *m); /* at once */
/* When the term is durable: usually at once. What it says of the log must be durable already. */
void raft_send_in_term(struct raft *r, struct raft_message *m);
void raft_send_after(struct raft *r, struct raft_message *m); /* when all so far is durable */
void raft_append_local(struct raft *r, struct raft_entry *e);
void raft_truncate_local(struct raft *r, uint64_t from);
void raft_clip_persists(struct raft *r, uint64_t from);
void raft_become_follower(struct raft *r, uint64_t term, uint64_t leader);
void raft_set_election_deadline(struct raft *r);
bool raft_is_sole(const struct raft *r); /* the only voter, and no other server learns */

/* raft_vote.c */
void raft_vote_timeout(struct raft *r);
void raft_vote_stand(struct raft *r, bool transfer);
void raft_vote_persisted(struct raft *r);
void raft_vote_receive(struct raft *r, const struct raft_message *m);
void raft_vote_receive_reply(struct raft *r, const struct raft_message *m);

/* raft_replicate.c */
void raft_replicate_start(struct raft *r); /* became leader */
void raft_replicate_all(struct raft *r);   /* what the windows allow */
void raft_replicate_heartbeat(struct raft *r, bool by_clock);
void raft_replicate_one(struct raft *r, struct raft_progress *p);
void raft_replicate_receive(struct raft *r, struct raft_message *m);
void raft_replicate_receive_reply(struct raft *r, const struct raft_message *m);
void raft_replicate_commit(struct raft *r); /* leader: what a majority has */
bool raft_replicate_quorum_is_near(struct raft *r);
/* The highest index (or round) that a majority of the voters has reached. */
uint64_t raft_replicate_majority(const struct raft *r, bool of_rounds);

/* raft_member.c */
void raft_member_refresh(struct raft *r);  /* conf follows the log's end */
void raft_member_progress(struct raft *r); /* progress follows conf */
struct raft_progress *raft_member_find(struct raft *r, uint64_t id);
bool raft_member_may_stand(const struct raft *r);
void raft_member_committed(struct raft *r);
uint32_t raft_member_quorum(const struct raft *r);
bool raft_member_is_voter(const struct raft *r, uint64_t id);
void raft_member_transfer_step(struct raft *r, struct raft_progress *p);

/* raft_read.c */
void raft_read_step(struct raft *r);  /* asks for what is not yet asked */
void raft_read_round(struct raft *r); /* a heartbeat is about to go out */
void raft_read_echo(struct raft *r);
void raft_read_refuse(struct raft *r);
bool raft_read_next(struct raft *r, struct raft_effect *ret);
struct instant raft_read_lease(const struct raft *r);

/* raft_snapshot.c */
void raft_snapshot_begin(struct raft *r, struct raft_progress *p);
void raft_snapshot_step(struct raft *r, struct raft_progress *p);
void raft_snapshot_receive(struct raft *r, struct raft_message *m);
void raft_snapshot_receive_reply(struct raft *r, const struct raft_message *m);

#endif
