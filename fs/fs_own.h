/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of the files in agent/services: ID.json. Pure.
 */
#ifndef DISCO_FS_FS_OWN_H
#define DISCO_FS_FS_OWN_H

#include "base/buf.h"

/* The id that a file of this name stands for, borrowed from `id`; -ENOENT, -ENAMETOOLONG. */
int fs_own_id(struct str name, struct buf *id) MUST_USE;
/* Empty: no file can have its name. */
void fs_own_file_name(struct str id, struct buf *name);

#endif
