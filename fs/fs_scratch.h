/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of this mount alone: what editors and tools write before they rename it to its name.
 *
 * They behave as keys do, but their bytes stay here, so that a save is one commit: the rename of
 * such a file onto a key. There are those with a telling name (fs_scratch_name.h), and those made
 * as mkstemp(3) does. A draft that was not renamed FS_SCRATCH_GRACE_MS after its last close becomes
 * a key.
 *
 * Some editors rename the old file to a backup first and write a new one then. The key is doomed
 * for that time: gone for the programs of this mount, still there for all others, and deleted when
 * no new value comes within the same time.
 */
#ifndef DISCO_FS_FS_SCRATCH_H
#define DISCO_FS_FS_SCRATCH_H

#include "fs/fs_mount.h"
#include "fs/fs_scratch_name.h"
#include "fs/fs_write.h"

#define FS_SCRATCH_GRACE_MS  1000
#define FS_SCRATCH_SIZE_MAX  ((size_t)64 * 1024 * 1024) /* of all of them together */
#define FS_SCRATCH_FILES_MAX 4096

struct fs_scratch {
    struct list link; /* mount->scratches */
    struct fs_mount *mount;
    struct fs_inode *inode; /* held open */
    struct buf value;
    struct timer timer;
    bool is_draft, is_becoming_key, has_flags;
    uint64_t flags;
    struct str token; /* of who made it; borrowed */
};

/* The inode (of no key, current) is one from now on. ENOSPC when there are too many. */
int fs_scratch_make(struct fs_mount *m, struct fs_inode *i, enum fs_scratch_kind kind);
/* It is no longer: unlinked, replaced, or a key. */
void fs_scratch_drop(struct fs_mount *m, struct fs_inode *i);
/* 0, or ENOSPC for this many bytes more. */
int fs_scratch_room(const struct fs_mount *m, size_t more);
/* What its writer has is its value now. */
void fs_scratch_commit(struct fs_mount *m, struct fs_handle *h);
void fs_scratch_resize(struct fs_mount *m, struct fs_inode *i, size_t size);
/* Its last writer left: a draft's time runs. */
void fs_scratch_closed(struct fs_mount *m, struct fs_inode *i);
/* From the identity `from` to `to`, both of this mount alone. */
void fs_scratch_move(struct fs_mount *m, struct fs_inode *i, struct str to);
bool fs_scratch_any_below(const struct fs_mount *m, struct str prefix);
void fs_scratch_list(struct fs_mount *m, struct str prefix, struct fs_list *list);

/* A key's inode becomes the backup `to`, the key is doomed. 0 or an errno. */
int fs_scratch_back_up(struct fs_mount *m, struct fs_inode *i, struct str to);
bool fs_scratch_is_doomed(const struct fs_mount *m, struct str key);
void fs_scratch_spare(struct fs_mount *m, struct str key); /* it got a new value */

/* At the end of the mount: drafts become keys, what is doomed is deleted; then all are freed. */
void fs_scratch_settle_all(struct fs_mount *m);
void fs_scratch_free_all(struct fs_mount *m);

#endif
