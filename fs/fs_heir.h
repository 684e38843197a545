/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking a mount over from an agent that was killed or ended for a restart. Somebody (systemd,
 * `disco hold`) kept its /dev/fuse, so the kernel holds what programs have open and what they ask;
 * and its table (fs_leave.h), by which the kernel's numbers mean something here.
 *
 *   core    fs_heir_take    the descriptor, libfuse, the inodes
 *   worker  fs_heir_begin   nothing is read until the state is as new as that agent's was
 *           then            open files, locks, events; the kernel drops its names, who polls looks
 *                           again, and what was not answered is asked again (FUSE_NOTIFY_RESEND)
 *
 * Whatever does not fit (another path, other options, a table that is torn, a third life that ends
 * at the same place) lets go of the old mount: what is open in it answers ENOTCONN.
 */
#ifndef DISCO_FS_FS_HEIR_H
#define DISCO_FS_FS_HEIR_H

#include "fs/fs_mount.h"

/* True: m->session serves the mount that was there. False: it is gone, or there was none;
 * m->session is as it was, or NULL. */
bool fs_heir_take(struct fs_mount *m);
/* There will be no mount: what was kept of one goes. */
void fs_heir_refuse(void);
/* The door opens. */
void fs_heir_begin(struct fs_mount *m);
void fs_heir_close(struct fs_mount *m);
/* Nothing more is there to be read: the life before did not leave what kills the next. */
void fs_heir_thrives(struct fs_mount *m);

/* Just taken over: who opens an inode of the life before may have been answered ESTALE by that, and
 * not try once more (fs_stale.h). All names were dropped, so he had looked it up before. */
bool fs_heir_may_be_second(const struct fs_mount *m, const struct fs_inode *i);
/* A name that leads to what has this key (or prefix) will lead to another. */
void fs_heir_renamed(struct fs_mount *m, struct str key, bool is_tree);

struct fs_handle;
/* An open file of a former life of which nothing is known. NULL: neither is its inode. */
struct fs_handle *fs_heir_lost(struct fs_mount *m, uint64_t inode, uint64_t number);
/* READ of a version that was opened in a former life, and not with a number. */
void fs_heir_read(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, size_t size,
                  off_t offset);
/* A commit that found another version than it was to replace: is that its own, from before? */
bool fs_heir_wrote(struct fs_mount *m, const struct fs_handle *h, uint64_t *ret_version);

#endif
