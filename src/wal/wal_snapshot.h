/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshot files: a header, then checksummed frames, written beside and
 * renamed into place when durable. Readers and writers may be on any thread;
 * each is used by one.
 */
#ifndef DISCO_WAL_WAL_SNAPSHOT_H
#define DISCO_WAL_WAL_SNAPSHOT_H

#include "base/buf.h"
#include "wal/wal_disk.h"

#define WAL_SNAPSHOT_FRAME_MAX ((size_t)64 << 20)

struct wal_snapshot_meta {
    uint64_t index, term;         /* of the last entry in it */
    uint64_t configuration_index; /* of the entry that made the configuration */
    struct buf configuration;     /* encoded; opaque here */
    uint8_t log_id[16];
};

struct wal_snapshot_writer;
int wal_snapshot_create(struct wal_disk *d, const struct wal_snapshot_meta *meta,
                        struct wal_snapshot_writer **ret) MUST_USE;
int wal_snapshot_put(struct wal_snapshot_writer *w, struct str bytes) MUST_USE;
/* Durable and in its place, or not there at all. Frees w. ret_size may be NULL. */
int wal_snapshot_finish(struct wal_snapshot_writer *w, uint64_t *ret_size) MUST_USE;
void wal_snapshot_abort(struct wal_snapshot_writer *w); /* accepts NULL */

/* Reads the snapshot of that name: meta (configuration initialised here, the caller's to buf_fini)
 * and each frame in order. ERR_CORRUPT and the like with file, offset and remedy. each may be
 * NULL: everything is checked all the same. */
int wal_snapshot_load(struct wal_disk *d, uint64_t index, uint64_t term, const uint8_t log_id[16],
                      struct wal_snapshot_meta *ret_meta, int (*each)(void *data, struct str bytes),
                      void *data, struct error *err) MUST_USE;

/* The file `from` came from another server: checks all of it, writes it anew as a snapshot of this
 * log, durable and in its place, and removes `from`. err words what is wrong with it. */
int wal_snapshot_import(struct wal_disk *d, const char *from, uint64_t index, uint64_t term,
                        const uint8_t log_id[16], struct error *err) MUST_USE;
void wal_snapshot_name(uint64_t index, uint64_t term, char dst[64]);

#endif
