/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk in memory that fails, tears and lies, for tests: each sector of each
 * file has what the disk holds and what the system's cache holds; a crash
 * keeps of the unsynced sectors a random part. Names, too, are durable only
 * after sync_dir.
 */
#ifndef DISCO_TESTS_DISK_SIM_H
#define DISCO_TESTS_DISK_SIM_H

#include "base/rng.h"
#include "wal/wal_disk.h"

#define DISK_SIM_FILES 4096
struct disk_sim_file {
    char name[64];         /* "": removed */
    char durable_name[64]; /* "": not on the disk */
    char *cache, *disk;
    bool *dirty;                     /* per sector */
    uint64_t dirty_first, dirty_end; /* outside of this none is */
    uint64_t size, durable_size;
    bool used;
};
struct disk_sim {
    struct wal_disk disk;
    struct disk_sim_file files[DISK_SIM_FILES];
    struct rng rng;
    /* faults */
    int fail_write, fail_sync, fail_allocate; /* -errno to give, 0: none */
    bool sync_loses;  /* a failing sync forgets what was not durable, and marks it clean */
    int64_t ops_left; /* crash (-EIO for ever) after so many; < 0: never */
    uint64_t space;   /* bytes that may be allocated in all; 0: no limit */
    uint64_t writes, syncs, ops;
};

struct disk_sim *disk_sim_new(uint64_t seed);
void disk_sim_free(struct disk_sim *d);
/* Power loss: the cache is gone, but for sectors that happened to be written; then the disk works
 * again. */
void disk_sim_crash(struct disk_sim *d);
/* For damage: the file's bytes as they are on the disk and in the cache, both changed by flip. */
struct disk_sim_file *disk_sim_find(struct disk_sim *d, const char *name);
void disk_sim_flip(struct disk_sim *d, const char *name, uint64_t at, uint8_t mask);
void disk_sim_zero(struct disk_sim *d, const char *name, uint64_t at, uint64_t n);

#endif
