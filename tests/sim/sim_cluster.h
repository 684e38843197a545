/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clusters of raft machines on virtual time: servers with disks, state
 * machines and clocks of their own, a network between them, and everything
 * that must hold after each step (sim_check.c). Who does what to them, and
 * when, is sim_raft.c.
 */
#ifndef DISCO_TESTS_SIM_CLUSTER_H
#define DISCO_TESTS_SIM_CLUSTER_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "raft/raft_core.h"

#define SERVERS_MAX 14 /* nine and those that take the place of the lost */
#define PERSISTS    (RAFT_PERSISTS_MAX + 8)
#define TERMS_MAX   4096
#define ENTRIES_MAX 20000
#define PLACES      (1u << 16) /* entries by index and term */
#define READS       1024
#define US          INT64_C(1000)
#define MS          INT64_C(1000000)

struct persist {
    struct raft_persist p;
    struct raft_entry **entries;
    size_t n;
};
struct snapshot { /* a file */
    uint64_t index, term, number;
    struct str bytes; /* owned */
};
struct server {
    struct raft *r;
    struct rng rng;
    uint64_t id;
    char name[32];
    bool up, failed, founder, dead;
    uint32_t life, disk_life; /* events of before a crash, or before a failed write, are void */
    int64_t paused_until, stall_until, timer_at, last_write;
    double rate;
    int64_t anchor_real, anchor_local;
    /* the disk */
    struct raft_state state;
    uint64_t base, base_term;
    struct raft_entry **log; /* base + 1 ... */
    size_t log_n, log_cap;
    struct snapshot snap, old, partial;
    size_t partial_size;
    bool snap_gone;
    struct persist persists[PERSISTS]; /* ring */
    size_t persist_first, persist_n;
    /* the state machine */
    uint64_t applied, hash;
    /* reads: by id, what they must see */
    uint64_t reads[READS], read_last, read_done;
    /* what the checks remember */
    uint64_t lead_term, commit_seen;
    uint64_t repair_match[SERVERS_MAX];
    unsigned repairs[SERVERS_MAX], looked;
};
enum event_kind {
    LETTER,
    TIMER,
    WRITTEN,
    CHUNK_STORED,
    SNAPSHOT,
    INSTALLED,
    ABANDONED,
    RESTART,
    BOUNCE,
    DISK_BACK,
    WORK,
    FAULT
};
struct event {
    int64_t at;
    uint64_t order; /* of those at the same time */
    enum event_kind kind;
    int server;
    uint32_t life;
    uint64_t a, b, c;
    struct str bytes; /* LETTER */
};
struct truth { /* what was applied at an index, anywhere */
    uint64_t term, value, hash;
    uint64_t in_term; /* of who applied it first */
    uint8_t kind;
};
struct place { /* what stands at (index, term), in any log */
    uint64_t index, term, before, value;
    uint64_t seed;
};
struct totals {
    uint64_t seeds, steps, commits, leaders, changes, transfers, snapshots, resumed, restarts, lost,
        disk_failures, reads, leases, refusals;
};
#define TOTALS_N (sizeof(struct totals) / sizeof(uint64_t))

#define PROPOSED_MAX 16

struct sim {
    uint64_t seed;
    struct rng rng;
    int64_t now;
    int n; /* servers that exist */
    unsigned lost;
    struct server servers[SERVERS_MAX];
    struct raft_configuration founders;
    struct raft_configuration proposed[PROPOSED_MAX]; /* may be on its way, or on a disk */
    unsigned proposed_n;
    struct duration election;
    struct event *heap;
    size_t heap_n, heap_cap;
    uint64_t order;
    int64_t cut_until[SERVERS_MAX][SERVERS_MAX]; /* from, to */
    /* what the world is like */
    int64_t delay_min, delay_range, disk_range, work_mean, fault_mean;
    uint64_t loss, dup, late; /* per mille */
    size_t batch_bytes;
    bool in_order; /* as connections do; shuffled otherwise */
    int64_t order_of[SERVERS_MAX][SERVERS_MAX];
    bool calm;          /* no more faults */
    int64_t calm_since; /* what was sent before is not delivered */
    bool trace;
    /* what is known to be true */
    struct truth truth[ENTRIES_MAX];
    uint64_t truth_n, acked;
    struct place places[PLACES];
    uint64_t leaders[TERMS_MAX];
    uint64_t next_value;
    struct totals totals;
    /* who is told of a failure; returns never */
    void (*failed)(const char *what, int server);
};
extern struct sim sim;

#define CHECK(cond, what, s) ((cond) ? (void)0 : cluster_fail(what, s))
void cluster_fail(const char *what, const struct server *s) __attribute__((noreturn));

/* sim_cluster.c */
bool cluster_chance(uint64_t per_mille);
uint64_t cluster_below(uint64_t n);
int64_t cluster_random(int64_t mean); /* exponential, at most eight times the mean */
struct instant cluster_clock(const struct server *s);
struct server *cluster_find(uint64_t id);
int cluster_number(const struct server *s);
struct server *cluster_add(bool founder);
void cluster_start(struct server *s);
void cluster_crash(struct server *s);
void cluster_disk_fails(struct server *s);
void cluster_compact(struct server *s, uint64_t keep);
void cluster_set_rate(struct server *s, double rate);
void cluster_drain(struct server *s);
bool cluster_is_awake(const struct server *s);
void cluster_push(struct event e);
void cluster_event(int64_t after, enum event_kind kind, const struct server *s, uint64_t a);
/* Moves the time on, to the next event or to `until`, then false. */
bool cluster_next(int64_t until, struct event *ret);
void cluster_obey(const struct event *e);
void cluster_tear_down(void);
void cluster_log_truncate(struct server *s, uint64_t from);

/* sim_member.c */
void member_change(struct server *s);
void member_lose(struct server *s);

/* sim_snapshot.c */
void snapshot_free(struct snapshot *f);
void snapshot_write(struct server *s, uint64_t index);
/* False when there is no such file. */
bool snapshot_fill(struct server *s, struct raft_message *m);
void snapshot_chunk(struct server *s, struct raft_message *m);
void snapshot_installed(struct server *s);
void snapshot_read(const struct snapshot *f, const struct server *s, uint64_t *ret_hash,
                   struct raft_configuration *ret_conf);

/* sim_check.c */
uint64_t check_hash(uint64_t a, uint64_t b);
void check_server(struct server *s);
void check_promise(const struct server *s, const struct raft_message *m);
void check_written(const struct server *s, const struct persist *p);
void check_applied(struct server *s, uint64_t first, uint64_t last);
void check_refusal(struct server *s, const struct raft_message *m);
void check_lease(const struct server *s);
bool check_disk_has(const struct server *s, uint64_t index, uint64_t term);
struct server *check_leader(void); /* of the highest term, or NULL */
/* NULL when all is well and at rest, else what is not. */
const char *check_settled(void);

/* sim_world.c */
/* One whole run: faults, then rest, then what a calm cluster must bear. Adds to sim.totals. */
void world_run(uint64_t seed);

#endif
