/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many inodes there are: as many as the kernel knows. They are told as a gauge, and when a
 * crowd of them is forgotten, the memory goes back to the system.
 */
#ifndef DISCO_FS_FS_CROWD_H
#define DISCO_FS_FS_CROWD_H

#include "fs/fs_mount.h"

void fs_crowd_note(struct fs_mount *m); /* after requests were served */

#endif
