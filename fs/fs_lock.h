/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flock(2) on keys: a lock of the whole cluster, as the recipe with a session and ?acquire is.
 *
 * The mount has one session. A key that programs of this mount lock is held by it as long as one of
 * them has the lock; among themselves they share it or wait here, first come, first served. So a
 * shared lock is shared on one mount only. A lock ends with its last descriptor, with the agent
 * (the next one ends what was left), or with the node's health.
 *
 * A lock may be lost: the session is destroyed, or the key. Then poll says so (POLLPRI, POLLERR),
 * and a descriptor that is open for writing fails with EIO from then on.
 */
#ifndef DISCO_FS_FS_LOCK_H
#define DISCO_FS_FS_LOCK_H

#include "fs/fs_mount.h"
#include "state/kv.h"

struct fs_handle;

void fs_lock_flock(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi, int op);
/* Held in a former life of the mount by this owner, inode and handle (or NULL); inode NULL: by
 * nobody any more, let go. */
void fs_lock_inherit(struct fs_mount *m, struct str key, struct fs_inode *i, struct fs_handle *h,
                     uint64_t owner, bool is_exclusive);
/* The last close of a descriptor that may have one. */
void fs_lock_released(struct fs_mount *m, uint64_t owner);
/* A key changed: e is NULL when it is gone. */
void fs_lock_changed(struct fs_mount *m, struct str key, const struct kv_entry *e);
/* All who wait are told; the session ends, and with it all locks. */
void fs_lock_close(struct fs_mount *m);
void fs_lock_free_all(struct fs_mount *m);

#endif
