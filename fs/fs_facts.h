/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * members, leader, index and status/: what no view holds. Most are asked of the core; index and the
 * like are published values, yet all go the same way.
 */
#ifndef DISCO_FS_FS_FACTS_H
#define DISCO_FS_FS_FACTS_H

#include "fs/fs_mount.h"

/* Answers an OPEN with the fact's text as the file's snapshot, or (fi NULL) a GETATTR with its
 * size. */
void fs_facts_answer(struct fs_mount *m, fuse_req_t req, struct fs_inode *i,
                     const struct fuse_file_info *fi);

#endif
