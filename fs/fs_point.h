/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The place of the mount: a directory, and what may lie on it already.
 */
#ifndef DISCO_FS_FS_POINT_H
#define DISCO_FS_FS_POINT_H

#include <stdbool.h>

#include "base/error.h"

#define FS_POINT_DEVICE_SIZE 32

/* Its absolute path, owned by the caller; it may be set also when this fails. Asks nothing of what
 * is mounted there. */
int fs_point_resolve(const char *path, char **ret, struct error *err) MUST_USE;
/* Makes the directory if it is not there, detaches dead mounts of ours from it. */
int fs_point_prepare(const char *path, struct error *err) MUST_USE;
/* "0:52", by which the mount there can be told from another; false: none of ours. */
bool fs_point_device(const char *path, char ret[FS_POINT_DEVICE_SIZE]);
/* Ends what a mount of ours there still serves or waits for, and detaches it. */
void fs_point_abandon(const char *path);
/* May others than the agent's user be let in? */
bool fs_point_may_allow_other(void);

#endif
