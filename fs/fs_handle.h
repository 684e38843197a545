/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The numbers by which the kernel names open files and directories. They are no addresses: a number
 * is never used twice, so one of a former life of the mount (fs_heir.h) finds its own file or none.
 * Number 0 is a reader of what the kernel caches, of whom nothing is kept but that he is there.
 */
#ifndef DISCO_FS_FS_HANDLE_H
#define DISCO_FS_FS_HANDLE_H

#include "fs/fs_mount.h"

struct fs_handle;

void fs_handle_init(struct fs_mount *m);
void fs_handle_fini(struct fs_mount *m); /* with the files that the kernel never released */
/* A number for an open file or directory; 0 asks for a new one. */
uint64_t fs_handle_add(struct fs_mount *m, void *what, uint64_t number);
void fs_handle_remove(struct fs_mount *m, uint64_t number);
/* NULL: nothing has it. */
void *fs_handle_find(const struct fs_mount *m, uint64_t number);
/* The open file of a request; NULL: a reader of what the kernel caches. */
struct fs_handle *fs_handle_of(struct fs_mount *m, fuse_ino_t inode,
                               const struct fuse_file_info *fi);

#endif
