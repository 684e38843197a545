/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The session that holds the locks of this mount (fs_lock.h): made for the first lock, bound to the
 * node's serfHealth, ended with the mount.
 */
#ifndef DISCO_FS_FS_LOCK_SESSION_H
#define DISCO_FS_FS_LOCK_SESSION_H

#include "fs/fs_mount.h"

/* What an earlier life of this mount may still hold is given back once there is a leader. */
void fs_lock_session_open(struct fs_mount *m);
/* Makes one, if none is being made; fs_lock_session_came follows. */
void fs_lock_session_begin(struct fs_mount *m);
void fs_lock_session_came(struct fs_mount *m, int error); /* in fs_lock.c */
void fs_lock_session_end(struct fs_mount *m);

#endif
