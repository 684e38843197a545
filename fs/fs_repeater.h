/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts `disco mount-watch` for the mount (option mount.inotify) and starts it again when it ends.
 */
#ifndef DISCO_FS_FS_REPEATER_H
#define DISCO_FS_FS_REPEATER_H

#include "base/timers.h"

struct fs_repeater;

struct fs_repeater *fs_repeater_open(void *uv_loop, struct timers *timers, const char *path);
/* The process is told to end; `now`: it is killed. May be called again. */
void fs_repeater_stop(struct fs_repeater *r, bool now);
bool fs_repeater_has_ended(const struct fs_repeater *r); /* then it may be freed; NULL has */
void fs_repeater_free(struct fs_repeater *r);

#endif
