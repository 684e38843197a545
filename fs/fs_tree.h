/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tree as functions over a view: what a name in a directory is, what a directory lists, what
 * a file holds. Pure: nothing here knows of FUSE, of inodes or of requests.
 *
 * A node is a kind and up to two texts. Packed, it is the identity by which inodes are found.
 */
#ifndef DISCO_FS_FS_TREE_H
#define DISCO_FS_FS_TREE_H

#include "fs/fs_list.h"
#include "state/view.h"

enum fs_kind {
    FS_ROOT,
    FS_KV_DIR,       /* a: the prefix (fs_path.h) */
    FS_KV_FILE,      /* a: the key */
    FS_SERVICES,
    FS_SERVICE,      /* a: name, lower case */
    FS_SERVICE_FILE, /* b: "nodes", "healthy", "json" */
    FS_SERVICE_TAGS,
    FS_SERVICE_TAG,  /* b: the tag */
    FS_NODES,
    FS_NODE,         /* a: name, lower case */
    FS_NODE_FILE,    /* b: "address", "status", "id" */
    FS_NODE_DIR,     /* b: "meta", "services", "checks" */
    FS_NODE_META,    /* b: the name of the pair */
    FS_NODE_SERVICE, /* b: service id */
    FS_NODE_CHECK,   /* b: check id */
    FS_STATUS,
    FS_FACT          /* a: "members", "leader", "index", "status/..." : asked of the core */
};

struct fs_node {
    enum fs_kind kind;
    struct str a, b; /* borrowed */
};

/* What the tree is given beside the view. */
struct fs_tree {
    /* The /v1/health/service/NAME document; NULL: no such file. */
    int (*service_json)(struct view *v, struct str service, struct buf *out);
};

struct fs_found {
    struct fs_node node; /* borrows from the buffer given */
    uint64_t version;    /* of a key: its ModifyIndex */
    uint64_t size;       /* of a key: its value's */
};

bool fs_tree_is_dir(enum fs_kind kind);
void fs_tree_pack(const struct fs_node *node, struct buf *id); /* clears it first */
struct fs_node fs_tree_unpack(struct str id);

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
