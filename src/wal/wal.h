/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log on disk: entries, terms and votes that must never be forgotten.
 *
 * A batch is put together (wal_put_*), then wal_commit writes it with one
 * write and makes it durable with one sync; only then is it acknowledged. A
 * commit that fails has acknowledged nothing, and the log stays where it was;
 * wal_recover makes it writable again when the disk allows. All calls are
 * synchronous and come from one thread: in the agent, the log thread, which is
 * at the end of this header.
 *
 * Disk use: what follows the snapshot and the entries kept behind it, rounded
 * up to whole segments, one segment in use and one in reserve, one snapshot
 * (two while the next is written).
 */
#ifndef DISCO_WAL_WAL_H
#define DISCO_WAL_WAL_H

#include "base/buf.h"
#include "base/mailbox.h"
#include "wal/wal_disk.h"

#define WAL_SEGMENT_SIZE_DEFAULT ((size_t)16 << 20)
/* Commit before a batch passes this; one entry may be larger. */
#define WAL_BATCH_SIZE_GOAL ((size_t)4 << 20)

struct wal;
struct wal_config {
    const char *server;  /* name; a log of another server is refused */
    size_t segment_size; /* 0: default; a multiple of 512 */
};

/* What recovery tells, in the order of the log. A negative return refuses the log. */
struct wal_visitor {
    void *data;
    int (*entry)(void *data, uint64_t index, uint64_t term, uint8_t kind, struct str bytes);
    int (*truncate)(void *data, uint64_t from);
    int (*reset)(void *data, uint64_t index, uint64_t term);
};
struct wal_found {
    bool fresh; /* there was no log */
    uint64_t term, vote;
    uint64_t first_index, last_index;       /* of entries; first > last: none */
    uint64_t snapshot_index, snapshot_term; /* the newest snapshot; 0: none */
    uint64_t cut_bytes, cut_at;             /* a torn tail was cut */
    char cut_file[64];
};

/* Recovers what is there, or makes a new log. The disk stays the caller's. err has one line with
 * file, offset and remedy. */
int wal_open(struct wal_disk *disk, const struct wal_config *conf,
             const struct wal_visitor *visitor, struct wal_found *found, struct wal **ret,
             struct error *err) MUST_USE;
/* Seals (see wal_seal) and closes. Accepts NULL. */
void wal_close(struct wal *w);

/* While nothing can be committed, puts do nothing. */
void wal_put_state(struct wal *w, uint64_t term, uint64_t vote);
void wal_put_entry(struct wal *w, uint64_t index, uint64_t term, uint8_t kind, struct str bytes);
void wal_put_truncate(struct wal *w, uint64_t from);
void wal_put_reset(struct wal *w, uint64_t index, uint64_t term);
size_t wal_pending(const struct wal *w); /* bytes put and not committed */
/* 0: durable. -errno: not, and the batch is forgotten; nothing can be committed until wal_recover
 * returns 0. An empty batch costs nothing. */
int wal_commit(struct wal *w) MUST_USE;
int wal_recover(struct wal *w) MUST_USE;
/* An empty batch behind the last: tells that the last was acknowledged, so that damage in it
 * cannot look like a torn write. Worth it when the log has been quiet. */
int wal_seal(struct wal *w) MUST_USE;
/* Removes segments whose entries are all <= keep, and all snapshots but the one at index. */
int wal_compact(struct wal *w, uint64_t keep, uint64_t snapshot_index,
                uint64_t snapshot_term) MUST_USE;
/* Something to do in a quiet moment? Does a little of it (fills preallocated space with zeros, so
 * that later syncs need not touch the file system's own log) and tells whether there is more. */
bool wal_idle(struct wal *w);
const uint8_t *wal_log_id(const struct wal *w); /* 16 bytes */

/* Prints a log directory for people; changes nothing. Returns 0, or the first damage. */
int wal_print(const char *dir, struct buf *out, struct error *err) MUST_USE;

/* ---- the log thread (wal_uv.c; tests/lib/wal_sim.c) ---- */

/* One order. `run` is called on the log thread and puts its part into the batch; all orders that
 * waited are committed together, then `done` is called on the core's thread with the outcome. */
struct wal_order {
    struct mail mail;
    void (*run)(struct wal_order *o, struct wal *w);
    void (*done)(struct wal_order *o);
    bool alone; /* run does its own committing and sets status */
    int status;
    struct wal_order *next;    /* private */
    struct wal_thread *thread; /* private */
};
struct wal_thread;
/* `back` is the core's mailbox, where `done` runs. */
struct wal_thread *wal_thread_start(struct wal *w, struct mailbox *back);
void wal_thread_post(struct wal_thread *t, struct wal_order *o);
/* After all orders are done; joins. */
void wal_thread_stop(struct wal_thread *t);

#endif
