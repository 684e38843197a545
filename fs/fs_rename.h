/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FUSE's rename below kv/: of a key or of all keys of a directory one command; of a program's
 * temporary file onto a key the commit of a new value; among temporary files none.
 */
#ifndef DISCO_FS_FS_RENAME_H
#define DISCO_FS_FS_RENAME_H

#include "fs/fs_mount.h"

void fs_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned int flags);

#endif
