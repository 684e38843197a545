/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state machine at the end of the log: applies committed entries to the
 * state, dumps it to a snapshot file off the loop, loads it from one.
 */
#ifndef DISCO_CONSENSUS_FSM_H
#define DISCO_CONSENSUS_FSM_H

#include "consensus/engine.h"
#include "raft/raft.h"
#include "state/state.h"
#include "wal/wal_snapshot.h"

struct fsm {
    struct state *state;
    struct store *store;
    struct change_batch changes; /* of the last group */
    struct result *results;      /* of the last group, RAFT_APPLY_MAX */
    struct buf noop;
};
void fsm_init(struct fsm *f, struct state *state, struct store *store);
void fsm_fini(struct fsm *f);

/* Applies the entries first..last of r's log (at most RAFT_APPLY_MAX). Entries that carry no
 * command are applied as commands that do nothing, so that the state's index is the log's.
 * results[i] is that of entry first + i, valid until the next group. */
void fsm_apply(struct fsm *f, const struct raft *r, uint64_t first, uint64_t last);

/* Loads the snapshot file into the store; the configuration in it goes to *ret. `replace`: what the
 * store holds goes, in one transaction; else it is empty, and nobody reads. */
int fsm_load(struct fsm *f, struct wal_disk *disk, uint64_t index, uint64_t term,
             const uint8_t log_id[16], bool replace, struct raft_configuration *ret,
             struct error *err) MUST_USE;

/* One dump at a time; the object is reused. */
struct fsm_dump {
    struct engine_work work;
    struct wal_disk *disk;
    struct store_reader *reader;
    struct store_view *view;
    struct wal_snapshot_meta meta;
    int status;
    uint64_t size;
    void (*done)(struct fsm_dump *d); /* core thread */
    void *data;
};
/* Dumps the state as it stands: at index and term, with configuration c. */
void fsm_dump_start(struct fsm *f, struct fsm_dump *d, struct engine *e, uint64_t index,
                    uint64_t term, const struct raft_configuration *c, const uint8_t log_id[16]);

#endif
