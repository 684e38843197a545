/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mount itself: what all files of this folder share. Everything here belongs to the thread of
 * the worker that runs the door; the notifier (fs_notify.h) has a thread of its own and is given
 * copies.
 *
 *   fs_mount_uv.c  session, loop, start and stop         fs_change.c  changes -> kernel's caches
 *   fs_ops.c       names and attributes                  fs_write.c   commits, requests that wait
 *   fs_file.c      open, read, write, close              fs_facts.c   what only the core knows
 *   fs_dir.c       listings                              fs_name.c    mkdir, unlink, rename, ...
 *   fs_xattr.c     extended attributes                   fs_feed.c    the file of changes
 *   fs_lock.c      flock                                 fs_rename.c  rename
 *   fs_scratch.c   temporary files of programs       fs_event.c   events/
 *   fs_rights.c    who may do what               fs_users.c   tokens of users
 *   fs_poll.c      poll(2)                               fs_echo.c    changes repeated for inotify
 *   fs_leave.c     what a next agent takes over          fs_heir.c    and takes over
 */
#ifndef DISCO_FS_FS_MOUNT_H
#define DISCO_FS_FS_MOUNT_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "agent/env.h"
#include "fs/fs.h"
#include "fs/fs_inode.h"
#include "fs/fs_keep.h"
#include "fs/fs_notify.h"
#include "fs/fs_stale.h"
#include "fs/fs_times.h"
#include "fs/fs_tree.h"
#include "fs/fs_walk.h"
#include "fs/fs_will.h"

#define FS_MOUNT_UNSEEN_N  64
#define FS_MOUNT_FOREVER_S 1e6 /* of names and attributes that are invalidated when they change */

/* Who sent the request in hand (fs_rights.h); outside of requests nobody, for whom all is seen. */
struct fs_asker {
    bool is_set, is_stranger; /* stranger: not in the map of users */
    uid_t uid;
    gid_t gid;
    int32_t pid;
    struct str token; /* borrowed, good until the mount ends */
};

struct fs_mount {
    struct fs_tree tree;
    char *path; /* of the mount point, absolute */
    uid_t uid;
    gid_t gid;
    mode_t file_mode, dir_mode;
    size_t value_max;
    struct str token; /* mount.token; owned */
    char *users_path; /* mount.users; NULL: one token for all */
    struct fs_users *users;
    bool judges; /* rights are judged here and not by the kernel (fs_rights.h) */
    struct fs_asker asker;
    uint32_t note_n; /* refusals told in the log until then */
    struct instant notes_until;
    struct fuse_session *session;
    struct env *env;          /* of the worker; NULL until the door is open */
    struct fs_notify *notify; /* NULL until the door is open */
    struct fs_teller *teller;
    struct fs_inodes inodes;
    struct fs_times times;
    struct fs_keep keep; /* of the times */
    struct list handles; /* struct fs_handle: all open files */
    struct map numbered; /* and directories, by the number the kernel has (fs_handle.h) */
    uint64_t last_handle;
    struct list dirs; /* struct fs_dir: all open directories */
    struct fs_walk walk;
    size_t crowd_told, crowd_peak; /* fs_crowd.c */
    struct list waits;             /* struct fs_wait: requests and commits not finished */
    struct list feeds;             /* struct fs_feed: open files of changes */
    struct fs_feed *repeater;
    int32_t repeater_pid;
    struct list scratches; /* struct fs_scratch */
    struct list doomed;    /* fs_scratch.c */
    size_t scratch_n, scratch_size;
    struct list locks; /* fs_lock.c */
    size_t lock_owner_n;
    char lock_session[37], lock_session_new[37]; /* "": none yet */
    bool lock_session_is_coming;
    struct timer lock_look_back;
    int lock_look_n;
    struct buf agent_error; /* why a definition was refused last */
    struct list event_logs; /* fs_event.c */
    size_t event_log_n;
    struct list polls; /* fs_poll.c */
    uint32_t poll_n;
    uint64_t seen_index;   /* of the last batch of changes */
    struct timer drop_all; /* more changed than could be told one by one */
    struct timer blind;    /* fs_blind.c: requests wait for the state until then */
    bool is_blind;         /* they fail */
    struct fs_stale stale;
    struct fs_mount_unseen { /* commits that failed at close, where few programs look */
        uint64_t key;        /* a hash of it */
        int error;
    } unseen[FS_MOUNT_UNSEEN_N];
    uint32_t unseen_i;
    bool has_epoch;  /* the kernel can drop all names at once */
    bool faces_used; /* somebody looked up NAME%v or NAME%t */
    void *loop;      /* fs_mount_uv.c */
    /* Over the agent's end (fs_leave.h, fs_heir.h) */
    char options[128];    /* of the mount */
    bool may_outlive;     /* there will be the same state again */
    bool hands_over;      /* this end is for a restart: set on the core's thread before it stops */
    struct fs_will *will; /* NULL: nothing is left to anybody */
    struct fs_channel_state {
        struct buf init, answer; /* the first request and its answer */
        uint64_t init_unique;    /* until then */
        uint64_t poll;           /* fs_wire_poll of the request in hand */
        bool is_resent;          /* so is that */
        bool is_replaying, is_mute;
    } channel;
    struct list changed_handles;
    uint64_t left_index;
    char left_session[37];
    bool is_inherited; /* libfuse did not mount it */
    bool is_heir;      /* what is left by a former life is not all taken over yet */
    struct timer heir;
    struct instant heir_until;
    uint64_t heir_index; /* that life knew the state at this index */
};

/* Of the asker; outside of requests the mount's. */
struct str fs_mount_token(const struct fs_mount *m);
/* What the asker may see; outside of requests everything. env_view_end it in the same turn. */
struct view fs_mount_view(struct fs_mount *m);
struct view fs_mount_view_of(struct fs_mount *m, struct str token); /* as token sees it */
/* The state is at this index now: from here on that is the time of its changes. */
void fs_mount_note_time(struct fs_mount *m, uint64_t index);
/* No request is read while anything holds: a commit that RELEASE began is seen by what comes after
 * it. */
void fs_mount_hold(struct fs_mount *m);
void fs_mount_unhold(struct fs_mount *m);

#endif
