/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of a log directory: their names, what is there, and how one
 * segment is read and judged.
 *
 *     wal-NUMBER        segments; numbers without gap
 *     spare-NUMBER      the next one, allocated; its number is one more than the last segment's
 *     snap-INDEX-TERM   snapshots of the state
 *     *.tmp             unfinished; removed at open
 */
#ifndef DISCO_WAL_WAL_SEGMENT_H
#define DISCO_WAL_WAL_SEGMENT_H

#include "wal/wal_disk.h"
#include "wal/wal_record.h"

#define WAL_NAME_MAX     64
#define WAL_SEGMENTS_MAX 65536

void wal_name_segment(uint64_t number, char dst[WAL_NAME_MAX]);
void wal_name_spare(uint64_t number, char dst[WAL_NAME_MAX]);
void wal_name_snapshot(uint64_t index, uint64_t term, char dst[WAL_NAME_MAX]);

struct wal_listing {
    uint64_t *segments; /* sorted numbers */
    size_t segment_n;
    uint64_t spare;                         /* 0: none */
    uint64_t snapshot_index, snapshot_term; /* the newest; 0: none */
    struct buf old_snapshots;               /* names of the others, each with its NUL */
    struct buf unfinished;                  /* names, each with its NUL */
    struct buf foreign; /* the first name that is none of ours, with its NUL; or empty */
};
int wal_listing_read(struct wal_disk *d, struct wal_listing *ret, struct error *err) MUST_USE;
void wal_listing_fini(struct wal_listing *l);

/* A segment in memory. */
struct wal_segment {
    struct wal_header header;
    struct buf bytes;
};
/* `name` for messages. Checks the header. */
int wal_segment_read(struct wal_disk *d, uint64_t number, struct wal_segment *ret,
                     struct error *err) MUST_USE;
void wal_segment_fini(struct wal_segment *s);

/* Where the chain stands between two batches. */
struct wal_place {
    uint64_t at; /* offset in the segment */
    uint64_t next_batch;
    uint32_t chain;
};
/* Gives each good batch to `each` (which may refuse it with a negative code). `end`: where the
 * segment after says that this one ends, or 0 for the last segment, whose torn tail, and nothing
 * else, is cut: *ret_cut is then the number of bytes from place->at on that are to be forgotten.
 * ERR_CORRUPT with file, offset and remedy otherwise. */
int wal_segment_scan(const struct wal_segment *s, uint64_t end,
                     int (*each)(void *data, uint64_t at, const struct wal_batch_view *batch),
                     void *data, struct wal_place *ret_place, uint64_t *ret_cut,
                     struct error *err) MUST_USE;

#endif
