/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FUSE's create: a file that is not there yet is a key to be committed when it is closed, a file of
 * this mount alone (fs_scratch.h), or a service of this agent (fs_agent.h).
 */
#ifndef DISCO_FS_FS_CREATE_H
#define DISCO_FS_FS_CREATE_H

#include "fs/fs_mount.h"

void fs_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi);

#endif
