/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * services/ and nodes/ as files, over a view. Pure; called by fs_tree.c.
 *
 * Files of one fact end in a newline. Files of many have one line each, columns apart by tabs,
 * fixed and only ever added to, an empty field as "-", tab, newline and backslash escaped:
 *
 *     services/NAME/nodes      node, address, port, status, tags (with commas)
 *     services/NAME/healthy    address:port of passing instances
 *     services/NAME/tags/TAG   as nodes, only those with the tag
 *     services/NAME/json       as /v1/health/service/NAME
 *     services/NAME/instances  fs_instance.h
 *     nodes/NAME/address, status, id; meta/KEY; services/ID; checks/ID
 *
 * Names of services and nodes are looked up without case, as the API and DNS do.
 */
#ifndef DISCO_FS_FS_CATALOG_H
#define DISCO_FS_FS_CATALOG_H

#include "fs/fs_tree.h"
#include "state/health.h"

int fs_catalog_lookup(const struct fs_tree *t, struct view *v, const struct fs_node *dir,
                      struct str name, struct buf *text, struct fs_found *ret) MUST_USE;
int fs_catalog_list(const struct fs_tree *t, struct view *v, const struct fs_node *dir,
                    struct fs_list *list) MUST_USE;
int fs_catalog_read(const struct fs_tree *t, struct view *v, const struct fs_node *file,
                    struct buf *out) MUST_USE;

/* One column: escaped, "-" when empty. For all line files of the mount. */
void fs_catalog_put_field(struct buf *out, struct str field);

const char *fs_catalog_status(enum health_status s);

#endif
