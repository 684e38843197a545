/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Joins raft, wal, transport and state: submit a command, get its result once
 * it is committed and applied here. Everything on the core thread; the wal's
 * thread is behind wal_uv.
 *
 * Log entries: one buffer from proposal to apply, reference counted.
 */
#ifndef DISCO_CONSENSUS_CONSENSUS_H
#define DISCO_CONSENSUS_CONSENSUS_H

#include "base/addr.h"
#include "base/list.h"
#include "base/published.h"
#include "base/rng.h"
#include "base/timers.h"
#include "state/state.h"

struct consensus;
struct core_loop; /* agent/loop.h: the core's loop, opaque here */

struct consensus_config {
    const char *dir;                    /* DATA/raft; made if absent; NULL: in memory only (-dev) */
    char server_id[37];                 /* this node's id */
    char server_address[ADDR_TEXT_MAX]; /* ip:port of raft and rpc */
    bool bootstrap;                     /* an empty log starts with this server as sole voter */
    int raft_multiplier;                /* Consul's performance.raft_multiplier, 1..10 */
    uint64_t snapshot_threshold; /* entries applied since the last snapshot; 0: default 16384 */
    uint64_t trailing_logs;      /* entries kept behind a snapshot; 0: default 10240 */
    uint64_t inflight_max;       /* proposals not yet applied; 0: default 65536 (then ERR_BUSY) */
};

/* News, all on the core thread. */
struct consensus_hooks {
    void *data;
    /* After each applied group, before the submitters hear of it. The batch is borrowed. */
    void (*applied)(void *data, const struct change_batch *changes);
    void (*leadership)(void *data, bool is_leader);
    /* 0 when writes work again, else the -errno for which the log cannot be written. */
    void (*storage)(void *data, int status);
    /* The log cannot go on at all (damage found while running): the agent stops with exit 1. */
    void (*fatal)(void *data, const char *why);
};

/* One wish. Embedded in the caller's object; the callback comes exactly once, never from inside
 * consensus_submit. */
struct consensus_submit {
    struct str command; /* the caller's until done (it is copied into the entry at submit) */
    void (*done)(struct consensus_submit *s);
    /* outputs */
    int status;            /* 0: committed and applied; ERR_NOT_LEADER, ERR_NO_LEADER, ERR_BUSY,
                            * ERR_STORAGE/-ENOSPC (nothing was acknowledged), ERR_CLOSED */
    uint64_t index;        /* of the entry */
    struct result *result; /* borrowed, during the callback only; NULL unless status is 0 */
    /* private */
    struct list link;
};

/* Opens the log, loads the newest snapshot into the (empty) store, and replays what is known
 * committed; a sole voter then elects itself. The loop is uv's, as void * since no header may name
 * uv. Returns ERR_CORRUPT and the like with one line that names file, offset and remedy. */
int consensus_open(const struct consensus_config *conf, struct state *state, struct store *store,
                   void *uv_loop, struct timers *timers, struct rng *rng,
                   struct published *published, const struct consensus_hooks *hooks,
                   struct consensus **ret, struct error *err) MUST_USE;
/* Refuses new wishes, answers those in flight (ERR_CLOSED), closes files; then cb. */
void consensus_close(struct consensus *c, void (*cb)(void *data), void *data);

void consensus_submit(struct consensus *c, struct consensus_submit *s);

/* A read that must see all that was acknowledged before it: confirms leadership (ReadIndex), and
 * calls back when the state has applied that far. */
struct consensus_read {
    void (*done)(struct consensus_read *r);
    int status;
    uint64_t index; /* the state must be at least here */
    struct list link;
};
void consensus_read(struct consensus *c, struct consensus_read *r);

bool consensus_is_leader(const struct consensus *c);
/* "ip:port" of the leader, "" when none is known. */
const char *consensus_leader_address(const struct consensus *c);

/* Facts for /v1/agent/self and `disco info`. */
struct consensus_stats {
    const char *state; /* "Leader", "Follower", "Candidate" */
    uint64_t term, last_log_index, last_log_term, commit_index, applied_index, last_snapshot_index,
        last_snapshot_term, fsm_pending, num_peers;
    int storage_status;
};
void consensus_get_stats(const struct consensus *c, struct consensus_stats *ret);
/* The servers of the configuration, one call each. */
void consensus_servers(const struct consensus *c,
                       void (*each)(void *data, const char *id, const char *address, bool voter),
                       void *data);

#endif
