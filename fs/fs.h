/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mount door (libfuse3, low level): the tree of keys, services and nodes as files.
 */
#ifndef DISCO_FS_FS_H
#define DISCO_FS_FS_H

#include "agent/door.h"
#include "state/view.h"

struct fs_mount;
/* Takes over what the agent before left mounted at config->mount, or detaches it, then mounts. No
 * mount is configured: *ret is NULL. Without root or /dev/fuse: one clear
 * line in err (the caller decides whether that is fatal). */
int fs_mount_open(const struct config *config, struct fs_mount **ret, struct error *err) MUST_USE;
/* services/NAME/json: writes the /v1/health/service/NAME document. Before the door opens; without
 * it there is no such file. */
void fs_mount_set_service_json(struct fs_mount *m,
                               int (*render)(struct view *v, struct str service, struct buf *out));
/* It is stopped for a restart: open files go on with the next agent, if somebody keeps them for it.
 * Accepts NULL. */
void fs_mount_hand_over(struct fs_mount *m);
void fs_mount_free(struct fs_mount *m); /* unmounts; accepts NULL */

extern const struct door fs_door; /* plan.config: struct fs_mount * */

#endif
