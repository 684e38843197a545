/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * services/NAME/instances/NODE:ID/: one instance of a service as a directory, over a view. Pure;
 * called by fs_catalog.c.
 *
 *     address, port, status, tags (one a line); meta/KEY; checks/ID (status, output)
 *
 * A node here has the service as `a`, and as `b` "NODE:ID", then, behind a NUL, what is in it.
 */
#ifndef DISCO_FS_FS_INSTANCE_H
#define DISCO_FS_FS_INSTANCE_H

#include "fs/fs_tree.h"

bool fs_instance_is(enum fs_kind kind);
/* item: the name without escapes. `text` is empty and holds what ret->node borrows. */
int fs_instance_lookup(struct view *v, const struct fs_node *dir, struct str item, struct buf *text,
                       struct fs_found *ret) MUST_USE;
int fs_instance_list(struct view *v, const struct fs_node *dir, struct fs_list *list) MUST_USE;
int fs_instance_read(struct view *v, const struct fs_node *file, struct buf *out) MUST_USE;

#endif
