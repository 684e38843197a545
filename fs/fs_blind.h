/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mount on an agent whose copy of the state is not there yet: requests wait; after FS_BLIND_WAIT
 * they fail with ETIMEDOUT, until it is. So nothing is shown as absent that was only not heard of.
 */
#ifndef DISCO_FS_FS_BLIND_H
#define DISCO_FS_FS_BLIND_H

#include "fs/fs_mount.h"

#define FS_BLIND_WAIT DURATION_S(10)

/* When the mount opens. True: there is no state yet. */
bool fs_blind_begin(struct fs_mount *m);
/* The state is there. True: it was not. */
bool fs_blind_end(struct fs_mount *m);
/* When the mount closes. */
void fs_blind_close(struct fs_mount *m);
/* True: the request was one to refuse, and is answered. */
bool fs_blind_refuse(struct fs_mount *m, const void *request, size_t n);

#endif
