/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tree as functions over a view: what a name in a directory is, what a directory lists, what
 * a file holds. Pure: nothing here knows of FUSE, of inodes or of requests.
 */
#ifndef DISCO_FS_FS_TREE_H
#define DISCO_FS_FS_TREE_H

#include "fs/fs_list.h"
#include "fs/fs_node.h"
#include "state/view.h"

/* What the tree is given beside the view. */
struct fs_tree {
    const char *node_name; /* of this agent; NULL: there is no agent/ */
    /* The /v1/health/service/NAME document; NULL: no such file. */
    int (*service_json)(struct view *v, struct str service, struct buf *out);
};

struct fs_found {
    struct fs_node node; /* borrows from the buffer given */
    uint64_t version;    /* of a key: its ModifyIndex; of a text: a hash (fs_text.h) */
    uint64_t size;       /* of a key: its value's */
    struct str name;     /* of services and nodes: by which it was found; borrowed */
};

/* -ENOENT, -ENAMETOOLONG. `text` holds what ret->node borrows. */
int fs_tree_lookup(const struct fs_tree *t, struct view *v, const struct fs_node *dir,
                   struct str name, struct buf *text, struct fs_found *ret) MUST_USE;
/* Adds the directory's names; the caller finishes the list. -ENOENT when it is gone. */
int fs_tree_list(const struct fs_tree *t, struct view *v, const struct fs_node *dir,
                 struct fs_list *list) MUST_USE;
/* Bytes of a file that is not a fact. -ENOENT. */
int fs_tree_read(const struct fs_tree *t, struct view *v, const struct fs_node *file,
                 struct buf *out) MUST_USE;
/* Does a key lie in the directory with this prefix (its marker included)? */
bool fs_tree_has_dir(struct view *v, struct str prefix);
/* Does it hold anything but an empty marker? */
bool fs_tree_dir_is_empty(struct view *v, struct str prefix);

#endif
