/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * poll(2), select, epoll on open files, as the kernel's own sysfs has it: a file can always be
 * read; POLLPRI and POLLERR say that its key is no longer what was opened (open it again).
 */
#ifndef DISCO_FS_FS_POLL_H
#define DISCO_FS_FS_POLL_H

#include "fs/fs_mount.h"

#define FS_POLL_MAX 4096 /* waiting at one time; the oldest are woken for nothing beyond */

void fs_poll_file(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi,
                  struct fuse_pollhandle *ph);
/* The key that the inode stands for has changed: whoever polls it is woken. */
/* Who polls any file of this key, also of an older version. */
void fs_poll_wake_key(struct fs_mount *m, struct str key);
void fs_poll_wake(struct fs_mount *m, uint64_t number);
void fs_poll_free_all(struct fs_mount *m);

#endif
