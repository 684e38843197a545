/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel keeps of services/ and nodes/: names, listings, attributes and texts, as it does
 * of keys. A text is made from many rows, so its version is a hash of it: an inode stands for one
 * text, and opening it asks whether the text is still that one. A change of a service or node
 * retires the files below it and has the kernel forget their names; the listings there, too.
 *
 * Only while all users of the mount see the same (fs_rights_are_alike); else nothing is kept.
 */
#ifndef DISCO_FS_FS_TEXT_H
#define DISCO_FS_FS_TEXT_H

#include "fs/fs_mount.h"

/* Does the kernel keep what inodes of this kind show? */
bool fs_text_is_kept(const struct fs_mount *m, enum fs_kind kind);
/* Adds version and size of the text to what was found. */
void fs_text_find(struct fs_mount *m, struct view *v, struct fs_found *found);
/* When what is in it changed last, as far as the state tells. */
int64_t fs_text_time(struct fs_mount *m, struct view *v);
/* It was found by this name. The kernel keeps one name of each; under others (services and nodes
 * are found without case) it asks each time. */
void fs_text_name(struct fs_inode *i, struct str name);
void fs_text_open(struct fs_mount *m, fuse_req_t req, struct fs_inode *i,
                  struct fuse_file_info *fi);
/* Of one that was open in a former life of the mount: the same text, or ESTALE. */
void fs_text_reread(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, size_t size,
                    off_t offset);
/* The kernel forgets the name that it keeps. */
void fs_text_forget(struct fs_mount *m, struct fs_inode *i);
/* One item of a batch of changes. */
void fs_text_change(struct fs_mount *m, struct view *v, enum watch_kind kind, struct str name);
/* Anything may have changed. */
void fs_text_change_all(struct fs_mount *m, struct view *v);

#endif
