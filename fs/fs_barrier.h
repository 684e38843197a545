/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fsync of a directory: answered when this mount shows all that was committed anywhere before the
 * call.
 */
#ifndef DISCO_FS_FS_BARRIER_H
#define DISCO_FS_FS_BARRIER_H

#include "fs/fs_mount.h"

void fs_barrier_wait(fuse_req_t req, fuse_ino_t number, int data_only, struct fuse_file_info *fi);

#endif
