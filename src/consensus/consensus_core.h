/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of consensus, for consensus*.c alone.
 *
 *   consensus.c          wishes, reads, turns, news
 *   consensus_open.c     from the disk to a running machine, and back
 *   consensus_storage.c  batches to the log thread, its failures, snapshots
 *   consensus_member.c   who belongs
 *   consensus_recover.c  who belongs when most are lost for good
 *   consensus_link.c     connections to the other servers
 *   consensus_forward.c  what is asked of the leader; consensus_serve.c: what it answers
 *   consensus_install.c  snapshots over them
 *   consensus_tell.c     log lines, as Consul words them
 */
#ifndef DISCO_CONSENSUS_CONSENSUS_CORE_H
#define DISCO_CONSENSUS_CONSENSUS_CORE_H

#include "consensus/consensus.h"
#include "consensus/consensus_forward.h"
#include "consensus/consensus_install.h"
#include "consensus/consensus_link.h"
#include "consensus/engine.h"
#include "consensus/fsm.h"
#include "raft/raft.h"
#include "wal/wal.h"

#define CONSENSUS_SUBSYSTEM "agent.server.raft"

/* A batch on its way through the log thread. */
struct consensus_batch {
    struct wal_order order;
    struct consensus *c;
    struct raft_persist persist;
    struct raft_entry **entries; /* a reference each */
    size_t n, cap;
    struct instant since;
    struct consensus_batch *next; /* of those that are idle, of those on the log thread */
};

struct consensus {
    struct consensus_config conf;
    struct consensus_hooks hooks;
    struct timers *timers;
    struct published *published;
    struct engine *engine;
    struct raft *raft;
    struct fsm fsm;
    uint64_t id;

    /* storage; all NULL in memory mode */
    struct wal_disk *disk;
    struct wal *wal;
    struct wal_thread *thread;
    struct consensus_batch *idle;            /* objects to use again */
    struct consensus_batch *out, **out_last; /* on the log thread, the oldest first */
    struct timer slow;
    bool is_slow;    /* a batch has waited for long */
    unsigned orders; /* on the log thread */
    struct wal_order recover_order, seal_order, compact_order;
    bool recovering, sealing, compacting, sealed;
    uint64_t compact_keep, compact_index, compact_term;
    bool compact_due; /* the log behind an installed snapshot may go */
    int storage_status;
    struct fsm_dump dump;
    bool dumping;
    uint64_t applied_since, applied_bytes; /* since the last snapshot was begun */
    struct instant snapshot_after;         /* none before, for the number of entries alone */

    struct timer timer, retry, quiet;

    /* wishes */
    struct list incoming, pending, finished; /* pending: in order of index */
    uint64_t lead_term;                      /* the term of those in pending */
    struct list reads_new, reads_asked, reads_confirmed;

    /* asked of the leader (consensus_forward.c) */
    struct list submits_waiting, submits_sent, arrivals;
    struct list reads_waiting, reads_sent;
    size_t sent_bytes;
    struct timer look;
    struct instant pause_until;

    /* the other servers */
    struct net_protocol protocol;
    struct list conns, links, places;
    uint32_t place_n;
    uint64_t lost;         /* messages that found no room */
    uint64_t serial;       /* of connections and questions */
    uint64_t linked_index; /* of the configuration that the links follow */
    bool places_changed;
    uint8_t cluster[16]; /* zeros: not known yet */
    struct consensus_install install;
    struct list changes, changes_done;
    struct rng *rng;

    uint64_t leader;
    bool is_leader; /* leads, and has applied the first entry of its term; lease holds */
    bool dirty, in_turn, closing;
    bool leaving;  /* see consensus_leave */
    bool starting; /* the first configuration is yet to be told */
    void (*closed)(void *data);
    void *closed_data;
};

/* consensus.c */
void consensus_turn(void *data);
void consensus_refuse_pending(struct consensus *c, uint64_t from, int status);
void consensus_set_dirty(struct consensus *c);

/* consensus_storage.c */
void consensus_storage_init(struct consensus *c);
void consensus_storage_fini(struct consensus *c);
void consensus_persist(struct consensus *c, const struct raft_persist *p);
void consensus_snapshot_if_due(struct consensus *c);
bool consensus_storage_is_quiet(const struct consensus *c);

/* consensus_open.c */
void consensus_close_if_quiet(struct consensus *c);
struct raft *consensus_make_raft(struct consensus *c);

/* consensus_recover.c: peers.json, before the machine starts. *fresh becomes false when it began a
 * cluster. */
int consensus_recover(struct consensus *c, bool *fresh, struct error *err) MUST_USE;

/* consensus_member.c */
void consensus_member_open(struct consensus *c);
void consensus_member_step(struct consensus *c);

/* consensus_tell.c */
void consensus_tell(void *data, enum raft_trace_kind kind, uint64_t a, uint64_t b);

#endif
