/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent/services/ID.json: the services of this agent. Writing such a file registers the service
 * when it is closed, removing it deregisters. A definition that is refused: EINVAL (EACCES), and
 * why stands in the log and in the attribute user.disco.error of the directory.
 */
#ifndef DISCO_FS_FS_AGENT_H
#define DISCO_FS_FS_AGENT_H

#include "fs/fs_mount.h"
#include "fs/fs_write.h"

/* Registers what the handle has; answers req (may be NULL). */
void fs_agent_commit(struct fs_mount *m, struct fs_handle *h, fuse_req_t req);
void fs_agent_unlink(struct fs_mount *m, fuse_req_t req, struct fs_inode *dir, struct str name);

#endif
