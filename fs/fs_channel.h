/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between libfuse and /dev/fuse: here passes all that the kernel is told, so here what is left to a
 * next life (fs_leave.h) is written before; and here libfuse is shown the INIT of a former life.
 */
#ifndef DISCO_FS_FS_CHANNEL_H
#define DISCO_FS_FS_CHANNEL_H

#include "fs/fs_mount.h"

/* The session is mounted, and has read nothing yet. */
void fs_channel_open(struct fs_mount *m);
void fs_channel_fini(struct fs_mount *m);
/* A session on a descriptor whose kernel has had its INIT, and this answer to it; takes fd if it
 * succeeds. */
int fs_channel_replay(struct fs_mount *m, int fd, struct str init, struct str answer,
                      struct error *err) MUST_USE;

#endif
