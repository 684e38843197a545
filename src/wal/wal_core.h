/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of the log, for wal.c and wal_open.c alone.
 */
#ifndef DISCO_WAL_WAL_CORE_H
#define DISCO_WAL_WAL_CORE_H

#include "wal/wal.h"
#include "wal/wal_segment.h"

struct wal_extent {
    uint64_t number, next_index;
};
struct wal {
    struct wal_disk *disk;
    size_t segment_size;
    uint8_t log_id[16];
    char server[WAL_SERVER_SIZE];

    int file; /* of the last segment; -1: none */
    uint64_t size, zeroed;
    uint32_t seed;
    struct wal_place place;
    struct wal_extent *segments;
    size_t segment_n;
    bool has_spare, sealed;
    int failed;   /* why nothing can be committed, or 0 */
    bool is_torn; /* what stands behind the place is unknown: the segment is not touched again */

    uint64_t term, vote, last_index; /* as of the last commit */
    struct {
        uint64_t term, vote, last_index;
    } next; /* with the batch */
    struct wal_batch batch;
    bool is_open;       /* the batch was begun */
    bool needs_reserve; /* it has entries that carry something */
};

int wal_make_spare(struct wal *w);
int wal_next_segment(struct wal *w, size_t need);

#endif
