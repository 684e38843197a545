/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open files that write, their commits, and requests that wait for one.
 *
 * A writer's bytes stay in its handle until the file is closed or synced; then they are one
 * command. No reader ever sees less than a whole commit.
 *
 * A wait is a request that is answered when its command is applied, or with ETIMEDOUT after
 * FS_WRITE_WAIT_MS (the command may still take effect), so that no process hangs for good.
 */
#ifndef DISCO_FS_FS_WRITE_H
#define DISCO_FS_FS_WRITE_H

#include "agent/write.h"
#include "fs/fs_mount.h"
#include "state/kv.h"

#define FS_WRITE_WAIT_MS 5000
#define FS_WRITE_HOLD_MS 1000 /* at most so long do others wait for a commit made by RELEASE */

struct fs_handle {
    struct fs_inode *inode; /* held open */
    uint64_t number;        /* fs_handle.h */
    struct buf data; /* a reader's snapshot; a writer's whole value; what an appender added */
    bool writes, appends;
    bool is_blind;     /* opened with O_TRUNC: what was there before does not matter */
    bool is_exclusive; /* O_EXCL, until the first commit */
    bool is_dirty;     /* bytes or a size not committed yet */
    bool is_touched;   /* made or emptied by open, not committed yet */
    bool was_killed;   /* its writer was, in the middle; nothing is committed for it */
    bool is_released;
    bool is_guarded; /* only onto base_version, however it was opened */
    bool has_flags;
    uint64_t flags;
    int poison; /* errno of a write that failed: the value would be cut, so it is dropped */
    uint64_t base_version; /* what a commit may replace */
    struct fs_feed *feed;  /* of the file of changes */
    struct str token;      /* of who opened it; borrowed */
    uint64_t read_end;     /* of a file of events: how far it was read */
    bool has_lost_lock;
    int32_t pid;            /* of the last writer or opener */
    struct fs_wait *commit; /* in flight */
    struct list waiting;    /* struct fs_wait: came while one was */
    struct list link;       /* inode->writers */
    struct list all;        /* mount->handles */
    struct list changed;    /* mount->changed_handles */
    uint64_t noted;         /* hash of what fs_leave.c wrote of it; 0: nothing */
    bool is_heir;           /* of a former life of the mount */
    bool is_lost;           /* so is it, and its bytes are gone */
};

struct fs_wait {
    struct list link; /* of the mount */
    struct list next; /* handle->waiting */
    struct fs_mount *mount;
    fuse_req_t req; /* NULL: nobody (any more) */
    struct str token;
    /* After the command; error: 0 or an errno. Answers, and ends with fs_write_wait_free. */
    void (*done)(struct fs_wait *w, int error);
    struct write write;
    struct timer timer;
    bool is_submitted, holds, is_heard, is_plain; /* is_plain: no command on a key */
    /* the outcome of a command on keys */
    bool ok;
    uint64_t version;
    /* what `done` needs; inodes are held by open_n or busy_n */
    struct fs_handle *handle;
    struct fs_inode *inode, *dir, *dir2;
    struct buf key, to;
    size_t size;
    uint64_t flags;
    int try_n;
    bool is_tree, no_replace, exchange, makes_file;
    bool is_resent; /* a former life may have done it already, and not answered */
};

/* 0, or the errno with which a write would end now: no leader, full disk. */
int fs_write_preflight(const struct fs_mount *m);
/* 0, or EACCES: the mount's token may not write the key. */
int fs_write_right(struct fs_mount *m, struct str key);

struct fs_wait *fs_write_wait_new(struct fs_mount *m, fuse_req_t req,
                                  void (*done)(struct fs_wait *w, int error));
void fs_write_wait_free(struct fs_wait *w);
/* Answered with ETIMEDOUT after so long. */
void fs_write_bound(struct fs_wait *w, int64_t wait_ms);
/* w->write.command is filled. */
void fs_write_submit(struct fs_wait *w);
/* Submits one operation on a key; the value's flags are kept, or *flags. */
void fs_write_submit_op(struct fs_wait *w, struct kv_op *op, const uint64_t *flags);
/* Answers with an error or 0; harmless when there is nobody. The busy directories are let go. */
void fs_write_reply(struct fs_wait *w, int error);
/* Before any other answer: takes the request, NULL if it was answered. */
fuse_req_t fs_write_take_req(struct fs_wait *w);
/* Notes that w's directory has a namespace change in flight. */
void fs_write_busy(struct fs_wait *w, struct fs_inode *dir, struct fs_inode *dir2);
/* Is a change of this key by this mount in flight? */
bool fs_write_is_own(const struct fs_mount *m, struct str key);
/* At the end of the mount: everybody is answered; what is submitted finishes unheard. */
void fs_write_abandon(struct fs_mount *m);

struct fs_handle *fs_write_handle_new(struct fs_mount *m, struct fs_inode *i);
size_t fs_write_size(const struct fs_handle *h);
int fs_write_put(struct fs_mount *m, struct fs_handle *h, struct str bytes, uint64_t offset);
int fs_write_truncate(struct fs_mount *m, struct fs_handle *h, uint64_t size);
/* What is committed of a key's file, also of one of this mount alone: false when there is nothing.
 */
bool fs_write_committed(struct fs_mount *m, struct view *v, const struct fs_inode *i,
                        struct buf *out, uint64_t *ret_version);
/* An appender's file becomes a whole value. */
void fs_write_make_whole(struct fs_mount *m, struct fs_handle *h);
/* Commits what is not committed; answers req (may be NULL) with the outcome. is_heard: it is one
 * whose answer programs look at (fsync, not close). */
void fs_write_commit(struct fs_mount *m, struct fs_handle *h, fuse_req_t req, bool is_heard);
/* What an earlier close of the same key may not have told anybody; 0 when there is nothing. Once.
 */
int fs_write_take_unseen(struct fs_mount *m, const struct fs_inode *i);
/* The last close: commits what only a close can commit, then frees the handle. */
void fs_write_release(struct fs_mount *m, struct fs_handle *h);

#endif
