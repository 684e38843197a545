/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What programs had open in a former life of the mount (fs_heir.h), when the state is there.
 */
#ifndef DISCO_FS_FS_HEIR_OPEN_H
#define DISCO_FS_FS_HEIR_OPEN_H

#include "fs/fs_mount.h"

void fs_heir_enter(struct fs_mount *m);

#endif
