/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Extended attributes: what the API tells of a key beside its value.
 *
 *     user.disco.index         ModifyIndex of a key; of a service, a node, a directory: the index
 *                              with which the API would answer for it
 *     user.disco.create_index, lock_index, flags      of a key, decimal
 *     user.disco.session, holder                      of a locked key: the session; node, name
 *     user.disco.stale_ms      since the leader was last heard of
 *
 * flags may be set. cas may be set on a file that is open for writing: its commit is made only if
 * the key is still at that index (0: not there), else it ends with ESTALE. The other names are
 * accepted and ignored when set, so that cp and rsync may copy them. "user.consul." is another
 * beginning of the same names, with modify_index for index; those are not listed.
 */
#ifndef DISCO_FS_FS_XATTR_H
#define DISCO_FS_FS_XATTR_H

#include "fs/fs_mount.h"

void fs_xattr_get(fuse_req_t req, fuse_ino_t number, const char *name, size_t size);
void fs_xattr_list(fuse_req_t req, fuse_ino_t number, size_t size);
void fs_xattr_set(fuse_req_t req, fuse_ino_t number, const char *name, const char *value,
                  size_t size, int flags);
void fs_xattr_remove(fuse_req_t req, fuse_ino_t number, const char *name);

#endif
