/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the repeater's system calls are answered (fs_feed.h): as if they did what was done already
 * elsewhere, so that the kernel tells inotify, and nothing is changed.
 *
 * The functions return false when the request is not the repeater's, or not about what it repeats
 * just now; then it is answered as anybody's.
 */
#ifndef DISCO_FS_FS_ECHO_H
#define DISCO_FS_FS_ECHO_H

#include "fs/fs_mount.h"

bool fs_echo_is_from(const struct fs_mount *m, fuse_req_t req);
bool fs_echo_lookup(struct fs_mount *m, fuse_req_t req, struct fs_inode *dir, struct str name);
/* mknod, mkdir. */
bool fs_echo_make(struct fs_mount *m, fuse_req_t req, struct fs_inode *dir, struct str name);
/* unlink, rmdir, rename. */
bool fs_echo_done(struct fs_mount *m, fuse_req_t req);

#endif
