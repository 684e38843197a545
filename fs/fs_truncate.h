/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * truncate(2) of a key without an open file: one commit, onto the version that is there.
 */
#ifndef DISCO_FS_FS_TRUNCATE_H
#define DISCO_FS_FS_TRUNCATE_H

#include "fs/fs_mount.h"

/* Answers req, now or when it is committed. */
void fs_truncate(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, uint64_t size);

#endif
