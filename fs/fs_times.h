/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a change happened, from its index. A row carries its ModifyIndex but no time of day (apply
 * knows no clock), so the mount notes the wall time at which it saw each index and answers st_mtime
 * from that: later changes always have later times, equal indexes equal times. Pure.
 *
 * The notes are bounded: when they are full, every other one is dropped. Changes older than the
 * mount share the time of the first note, a nanosecond apart for each index.
 */
#ifndef DISCO_FS_FS_TIMES_H
#define DISCO_FS_FS_TIMES_H

#include <stddef.h>
#include <stdint.h>

#define FS_TIMES_MAX 16384

struct fs_times {
    struct fs_times_note {
        uint64_t index;
        int64_t wall_ns;
    } * notes; /* owned; both rise */
    size_t n, cap;
};

void fs_times_init(struct fs_times *t);
void fs_times_fini(struct fs_times *t);
/* The state is at `index` now. Earlier indexes are ignored; a clock that went back is held. */
void fs_times_note(struct fs_times *t, uint64_t index, int64_t wall_ns);
/* After at least one note, for an index not above the newest note's. */
int64_t fs_times_get(const struct fs_times *t, uint64_t index);

#endif
