/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FUSE's operations on files: open, read, write, flush, fsync, release.
 */
#ifndef DISCO_FS_FS_FILE_H
#define DISCO_FS_FS_FILE_H

#include "fs/fs_mount.h"

void fs_file_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void fs_file_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                  struct fuse_file_info *fi);
void fs_file_write(fuse_req_t req, fuse_ino_t number, const char *bytes, size_t size, off_t offset,
                   struct fuse_file_info *fi);
void fs_file_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);
void fs_file_fsync(fuse_req_t req, fuse_ino_t number, int data_only, struct fuse_file_info *fi);
void fs_file_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi);

struct fs_handle;
/* A handle of its own, past what the kernel keeps. */
void fs_file_reply_open(fuse_req_t req, struct fs_mount *m, struct fs_handle *h,
                        struct fuse_file_info *fi);
struct fs_handle *fs_file_new_writer(struct fs_mount *m, struct fs_inode *i, int flags,
                                     int32_t pid);
/* Of a key's file; 0 or an errno. */
int fs_file_open_writer(struct fs_mount *m, struct fs_inode *i, const struct fuse_file_info *fi,
                        int32_t pid, struct fs_handle **ret) MUST_USE;
/* An open that writes, or a change of size, needs an inode that nobody has cached: false when the
 * answer is fs_file_stale, after which the kernel looks the name up again and finds a fresh one. */
bool fs_file_make_direct(struct fs_mount *m, struct fs_inode *i);
/* ESTALE for a writer, and it is noted who gets it: his second try ends otherwise (fs_stale.h). */
int fs_file_stale(struct fs_mount *m, const struct fs_inode *i, int32_t pid);
/* Is a writer about to look for this key? The inode that he finds is to be direct. */
bool fs_file_is_awaited(struct fs_mount *m, const struct fs_node *node);
/* A handle that writes is gone; after the last, the next lookup finds a cacheable inode. */
void fs_file_writer_left(struct fs_mount *m, struct fs_inode *i);

#endif
