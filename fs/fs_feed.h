/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hidden file `.changes`: one line for each change, as it happens, without an end.
 *
 *     INDEX  WHAT  PATH [TO]      apart by tabs; PATH from the mount point, as it is named there
 *
 * WHAT is create, modify, delete (a key), mkdir, rmdir (a directory, also one that is only there
 * because of the keys below it), rename (of either), service, node (some of its files changed),
 * overflow (more happened than was read: look at everything again). A read waits for a line; it
 * may be interrupted and polled.
 *
 * The process that repeats changes for inotify (disco mount-watch) reads here too. It makes itself
 * known by setting user.disco.repeats on its open file; from then on it gets one line a read, only
 * what this mount's own programs did not do, and what it does is answered by fs_echo.h.
 */
#ifndef DISCO_FS_FS_FEED_H
#define DISCO_FS_FS_FEED_H

#include "fs/fs_mount.h"
#include "fs/fs_write.h"

#define FS_FEED_SIZE_MAX ((size_t)4 * 1024 * 1024) /* of what one reader has not read yet */

enum fs_feed_what {
    FS_FEED_CREATE,
    FS_FEED_MODIFY,
    FS_FEED_DELETE,
    FS_FEED_MKDIR,
    FS_FEED_RMDIR,
    FS_FEED_RENAME,
    FS_FEED_SERVICE,
    FS_FEED_NODE,
    FS_FEED_OVERFLOW
};

struct fs_feed_change {
    uint64_t index;
    enum fs_feed_what what;
    bool is_tree;       /* of a rename */
    struct str key, to; /* of a directory: its prefix */
};

struct fs_feed {
    struct list link; /* mount->feeds */
    struct buf changes;
    size_t at;
    bool has_overflowed;
    struct list reads; /* that wait for a change */
    struct buf rest;   /* of a line that was longer than a read */
    struct buf said;   /* the change that the repeater read last, packed */
    struct fuse_pollhandle *poll;
    struct str token; /* whose reader it is; borrowed */
};

/* The open file's; freed with the handle. */
void fs_feed_open(struct fs_mount *m, struct fs_handle *h);
/* It begins with an overflow. */
void fs_feed_miss(struct fs_mount *m, struct fs_feed *f);
void fs_feed_free(struct fs_mount *m, struct fs_feed *f); /* accepts NULL */
void fs_feed_read(struct fs_mount *m, struct fs_feed *f, fuse_req_t req, size_t size);
bool fs_feed_is_ready(const struct fs_feed *f);
/* Whoever waits for a change gets an end of file: the mount goes down. */
void fs_feed_end_all(struct fs_mount *m);
void fs_feed_apply(struct fs_mount *m, struct view *v, const struct change_batch *batch);
void fs_feed_flush(struct fs_mount *m); /* answers; while no view is open */
/* By the file of this process from now on; 0 or an errno. */
int fs_feed_set_repeater(struct fs_mount *m, fuse_req_t req);
/* What the repeater repeats just now, borrowed; false: nothing. */
bool fs_feed_said(const struct fs_mount *m, struct fs_feed_change *ret);

#endif
