/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this life of the mount leaves to the next one (fs_will.h), which fs_heir.c takes over: what
 * the kernel knows by number, and what programs have open. Whoever changes such a thing notes it
 * here; it is written before the kernel hears of anything that came later.
 *
 * All functions do nothing while nothing is kept: when there is nobody to keep it, or the kernel is
 * older than Linux 6.9 and could not ask the next life what it asked this one.
 */
#ifndef DISCO_FS_FS_LEAVE_H
#define DISCO_FS_FS_LEAVE_H

#include "fs/fs_mount.h"

#define FS_LEAVE_NAME       "disco-mount" /* of /dev/fuse, where it is kept */
#define FS_LEAVE_TABLE_NAME "disco-mount-table"
#define FS_LEAVE_DATA_MAX   ((size_t)64 * 1024) /* of an open file, before an orderly end */

enum { /* of an inode; numbers are never used again */
       FS_LEAVE_CURRENT = 1,
       FS_LEAVE_DIRECT = 2,
       FS_LEAVE_PENDING = 4,
       FS_LEAVE_UNLINKED = 8,
       FS_LEAVE_SCRATCH = 16,
       FS_LEAVE_LOST_LOCK = 32,
       FS_LEAVE_MISNAMED = 64,
       FS_LEAVE_GHOST = 128
};

enum { /* of an open file */
       FS_LEAVE_WRITES = 1,
       FS_LEAVE_APPENDS = 2,
       FS_LEAVE_BLIND = 4,
       FS_LEAVE_EXCLUSIVE = 8,
       FS_LEAVE_DIRTY = 16,
       FS_LEAVE_TOUCHED = 32,
       FS_LEAVE_GUARDED = 64,
       FS_LEAVE_HANDLE_LOST_LOCK = 128,
       FS_LEAVE_HAS_FLAGS = 256,
       FS_LEAVE_COMMITTING = 512,
       FS_LEAVE_HAS_DATA = 1024,
       FS_LEAVE_REPEATER = 2048
};

struct fs_handle;
struct fs_lock_owner;

/* Before the mount is made: will anybody keep it? */
void fs_leave_open(struct fs_mount *m);
/* INIT was answered: whoever keeps them is given the descriptors. */
void fs_leave_begin(struct fs_mount *m);
/* Nothing is kept any more, neither here nor there. */
void fs_leave_end(struct fs_mount *m);
/* The very last: all bytes that open files have, and from now on no answer leaves. */
void fs_leave_all(struct fs_mount *m);

void fs_leave_handle(struct fs_mount *m, struct fs_handle *h);
void fs_leave_no_handle(struct fs_mount *m, struct fs_handle *h);
void fs_leave_lock(struct fs_mount *m, uint64_t owner, uint64_t inode, uint64_t handle,
                   bool is_exclusive);
void fs_leave_no_lock(struct fs_mount *m, uint64_t owner);
void fs_leave_poll(struct fs_mount *m, uint64_t poll);
void fs_leave_no_poll(struct fs_mount *m, uint64_t poll);
void fs_leave_events(struct fs_mount *m, struct str name, int64_t mtime_ns, struct str text);
void fs_leave_flush(struct fs_mount *m);

#endif
