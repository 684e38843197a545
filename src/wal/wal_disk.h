/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the log needs of a disk: a promise kept by the system's calls
 * (wal_disk.c) and by a disk that fails, tears and lies (tests/lib/disk_sim.c).
 *
 * One directory, plain names. All return 0 or -errno; files are small numbers.
 * A simulated disk may be used from one thread only.
 */
#ifndef DISCO_WAL_WAL_DISK_H
#define DISCO_WAL_WAL_DISK_H

#include "base/str.h"

struct wal_disk {
    void *data;
    int (*list)(struct wal_disk *d, void (*each)(void *data, const char *name), void *data);
    int (*open)(struct wal_disk *d, const char *name, bool create, int *ret_file);
    int (*size)(struct wal_disk *d, int file, uint64_t *ret);
    int (*allocate)(struct wal_disk *d, int file, uint64_t size); /* zeros; keeps what is there */
    /* All n bytes, or -ENODATA when the file ends before. */
    int (*read)(struct wal_disk *d, int file, uint64_t at, void *p, size_t n);
    int (*write)(struct wal_disk *d, int file, uint64_t at, const void *p, size_t n);
    int (*sync)(struct wal_disk *d, int file);
    void (*close)(struct wal_disk *d, int file);
    int (*rename)(struct wal_disk *d, const char *from, const char *to);
    int (*remove)(struct wal_disk *d, const char *name);
    int (*sync_dir)(struct wal_disk *d);
};

/* The real one; makes the directory (0700) if need be. */
int wal_disk_open(const char *dir, struct wal_disk **ret, struct error *err) MUST_USE;
/* For looking only: never makes anything. */
int wal_disk_open_existing(const char *dir, struct wal_disk **ret, struct error *err) MUST_USE;
void wal_disk_close(struct wal_disk *d); /* of wal_disk_open alone; accepts NULL */

#endif
