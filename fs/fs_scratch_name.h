/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which names are those of programs' temporary files. Pure.
 */
#ifndef DISCO_FS_FS_SCRATCH_NAME_H
#define DISCO_FS_FS_SCRATCH_NAME_H

#include "base/str.h"

enum fs_scratch_kind {
    FS_SCRATCH_NONE,  /* a key like any other */
    FS_SCRATCH_LOCAL, /* an editor's own: swap, lock, backup; it never becomes a key */
    FS_SCRATCH_DRAFT  /* to be renamed soon; if it is not, it becomes a key */
};

/* name: the last component of the key. */
enum fs_scratch_kind fs_scratch_name(struct str name);

#endif
