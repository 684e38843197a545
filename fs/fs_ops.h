/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of FUSE's operations, and what its files share: names to inodes, inodes to attributes.
 *
 * What is not in the table answers ENOSYS once, after which the kernel no longer asks.
 */
#ifndef DISCO_FS_FS_OPS_H
#define DISCO_FS_FS_OPS_H

#include "fs/fs_mount.h"

struct fs_handle;

extern const struct fuse_lowlevel_ops fs_ops_table;

/* What the name is now, ghosts and files not yet committed included. -ENOENT, -ENAMETOOLONG. */
int fs_ops_lookup(struct fs_mount *m, struct view *v, struct fs_inode *dir, struct str name,
                  struct buf *text, struct fs_found *ret) MUST_USE;
/* The inode that stands for it: the current one, or a new one. */
struct fs_inode *fs_ops_inode(struct fs_mount *m, struct view *v, struct fs_inode *dir,
                              const struct fs_found *found);
/* Attributes as the kernel may keep them; of a key with writers as they are now. pid: who asks, to
 * whom his own uncommitted bytes count; 0: nobody. Returns how long they are good, in seconds. */
double fs_ops_attr(struct fs_mount *m, struct view *v, struct fs_inode *i, int32_t pid,
                   struct stat *ret);
/* The handle with which this process writes the file, if any. */
struct fs_handle *fs_ops_writer_of(struct fs_inode *i, int32_t pid);
/* An entry for a reply; the caller counts the lookup when the reply was sent. */
void fs_ops_entry(struct fs_mount *m, struct view *v, struct fs_inode *i,
                  struct fuse_entry_param *ret);
void fs_ops_reply_entry(struct fs_mount *m, struct view *v, fuse_req_t req, struct fs_inode *i);
void fs_ops_reply_attr(struct fs_mount *m, fuse_req_t req, struct fs_inode *i);

#endif
