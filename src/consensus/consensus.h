/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Joins raft, wal, transport and state: submit a command, get its result once
 * it is committed and applied here. On a server that does not lead, commands and
 * questions go to the leader, once. Everything on the core thread; the wal's
 * thread is behind wal_uv. (tidy: long because it is all that others need of it.)
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
#include "raft/raft_entry.h"
#include "state/state.h"

struct consensus;
struct net;

struct consensus_config {
    const char *dir;                    /* DATA/raft; made if absent; NULL: in memory only (-dev) */
    char server_id[37];                 /* this node's id */
    char server_address[ADDR_TEXT_MAX]; /* ip:port of raft and rpc */
    /* An empty log starts with this server as sole voter. Without, it waits for
     * consensus_bootstrap or for a leader that adds it. */
    bool bootstrap;
    struct net *net;             /* for the other servers; NULL: there are none, ever */
    int raft_multiplier;         /* Consul's performance.raft_multiplier, 1..10 */
    uint64_t snapshot_threshold; /* entries applied since the last snapshot; 0: default 16384 */
    /* Least time between two snapshots; much data does not wait for it. 0: none. */
    struct duration snapshot_interval;
    uint64_t trailing_logs; /* entries kept behind a snapshot; 0: default 10240 */
    uint64_t inflight_max;  /* proposals not yet applied; 0: default 65536 (then ERR_BUSY) */
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
    int status;            /* 0: committed, and applied here; ERR_NO_LEADER, ERR_BUSY: it was not;
                            * ERR_UNCERTAIN: it may or may not have been, the leader was lost;
                            * ERR_STORAGE/-ENOSPC (nothing was acknowledged), ERR_CLOSED */
    uint64_t index;        /* of the entry */
    struct result *result; /* borrowed, during the callback only; NULL unless status is 0 */
    /* private */
    uint64_t id, leader; /* of the question to the leader */
    struct instant deadline;
    bool here_only;
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

/* A read that must see all that was acknowledged before it: confirms leadership (ReadIndex), here
 * or by asking the leader, and calls back when the state here has applied that far. ERR_NO_LEADER
 * after CONSENSUS_WAIT without one. */
#define CONSENSUS_WAIT DURATION_MS(2500)
struct consensus_read {
    void (*done)(struct consensus_read *r);
    int status;
    uint64_t index; /* the state must be at least here */
    /* private */
    uint64_t id, leader;
    struct instant deadline;
    bool here_only;
    struct list link;
};
void consensus_read(struct consensus *c, struct consensus_read *r);

/* ---- who belongs ---- */

struct consensus_server {
    char id[RAFT_SERVER_NAME_MAX];
    char address[ADDR_TEXT_MAX];
    bool voter;
};
/* No log, no configuration: consensus_bootstrap may be called, and must not be otherwise. */
bool consensus_is_empty(const struct consensus *c);
/* The first configuration, the same on all of them (in any order): ERR_EXISTS when there is one,
 * ERR_INVALID when it is none or this server is not in it. */
int consensus_bootstrap(struct consensus *c, const struct consensus_server *servers, size_t n,
                        struct error *err) MUST_USE;

enum consensus_change_kind {
    CONSENSUS_ADD_LEARNER,
    CONSENSUS_PROMOTE,
    CONSENSUS_DEMOTE,
    CONSENSUS_REMOVE, /* also of the leader itself: it goes when that is committed */
    CONSENSUS_ADDRESS
};
/* One server at a time, on the leader. Embedded in the caller's object, done comes exactly once and
 * never from inside the call. status: 0 (committed), ERR_NOT_LEADER, ERR_BUSY (another change is
 * on its way, or the one to promote lags: try again), ERR_CONFLICT (makes no sense), ERR_UNCERTAIN
 * (leadership was lost meanwhile). */
struct consensus_change {
    void (*done)(struct consensus_change *ch);
    int status;
    uint64_t index;
    /* private */
    uint64_t term;
    struct list link;
};
/* address: for ADD_LEARNER and ADDRESS. */
void consensus_change(struct consensus *c, enum consensus_change_kind kind, const char *id,
                      const char *address, struct consensus_change *ch);
/* Leadership goes to that voter, or with NULL to the one that is furthest. 0: begun; whether it
 * succeeded is told by hooks.leadership. ERR_NOT_LEADER, ERR_CONFLICT (nobody to take it). */
int consensus_transfer(struct consensus *c, const char *id) MUST_USE;
/* Where gossip sees a server now: dialled instead of what the configuration says. */
void consensus_locate(struct consensus *c, const char *id, const char *address);

/* Every server of the configuration, oneself included. */
struct consensus_peer {
    const char *id, *address;
    bool voter, is_self, is_leader;
    bool heard;                   /* ever, by this process */
    struct duration last_contact; /* since it was last heard */
    uint64_t match_index;         /* the leader's knowledge; 0 elsewhere */
};
void consensus_peers(const struct consensus *c,
                     void (*each)(void *data, const struct consensus_peer *p), void *data);

/* This server is about to leave the configuration, and may never apply what the others commit from
 * here on: answers of the leader no longer wait until it has. */
void consensus_leave(struct consensus *c);

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
