/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FUSE's operations on names below kv/: mkdir, mknod, rmdir, unlink. Each is one command, answered
 * when it is applied.
 */
#ifndef DISCO_FS_FS_NAME_H
#define DISCO_FS_FS_NAME_H

#include "fs/fs_mount.h"

/* mkdir, and mknod of a file. */
void fs_name_make(fuse_req_t req, fuse_ino_t parent, const char *name, bool is_dir);
void fs_name_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_name_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
/* The directory for a change of names, or NULL when the request was answered. */
struct fs_inode *fs_name_begin(fuse_req_t req, fuse_ino_t parent);

#endif
