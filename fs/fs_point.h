/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The place of the mount: a directory, and what may lie on it already.
 */
#ifndef DISCO_FS_FS_POINT_H
#define DISCO_FS_FS_POINT_H

#include <stdbool.h>

#include "base/error.h"

/* Makes the directory if it is not there, detaches dead mounts of ours from it. *ret: its absolute
 * path, owned by the caller; it may be set also when this fails. */
int fs_point_prepare(const char *path, char **ret, struct error *err) MUST_USE;
/* May others than the agent's user be let in? */
bool fs_point_may_allow_other(void);

#endif
