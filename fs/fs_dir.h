/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FUSE's operations on listings. A listing is taken when it is read from its beginning, not when
 * the directory is opened: the kernel keeps it by the directory's mtime, which it asks for later.
 */
#ifndef DISCO_FS_FS_DIR_H
#define DISCO_FS_FS_DIR_H

#include "fs/fs_mount.h"

/* A directory with more names is listed without making inodes in the kernel. */
#define FS_DIR_PLUS_MAX 10000

void fs_dir_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void fs_dir_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                 struct fuse_file_info *fi);
void fs_dir_read_plus(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                      struct fuse_file_info *fi);
void fs_dir_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
/* At the end of the mount: those that the kernel never released. */
void fs_dir_free_all(struct fs_mount *m);

#endif
