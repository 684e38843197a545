/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel knows of the tree: a table of inodes, by number and by identity.
 *
 * Numbers are never reused: slot and generation. A key's committed version is an inode of its own:
 * when the version changes, the old inode is retired (it keeps its number, size and open readers,
 * but no name leads to it any more) and the next lookup makes a new one. So what the kernel caches
 * of an inode never becomes wrong. An inode that has a writer is `direct`: nothing of it is cached,
 * each open gets its own snapshot, and it stands for whatever version is newest; it is retired when
 * the last writer leaves.
 *
 * An inode lives while the kernel counts lookups of it or a file of it is open.
 */
#ifndef DISCO_FS_FS_INODE_H
#define DISCO_FS_FS_INODE_H

#include "base/list.h"
#include "base/map.h"
#include "fs/fs_node.h"

#define FS_INODE_ROOT 1 /* FUSE_ROOT_ID */

struct fs_inode {
    uint64_t number;   /* FUSE's nodeid */
    uint64_t ino;      /* st_ino: from the identity, and for a key its version */
    uint64_t parent;   /* number of the directory it was last found in */
    uint64_t lookup_n; /* the kernel's count */
    struct str id;     /* owned: fs_node_pack */
    enum fs_kind kind;
    bool is_current;  /* its identity leads to it */
    bool is_direct;   /* a key with writers */
    bool is_pending;  /* a key made by open, not committed yet: only its writers see it */
    bool is_unlinked; /* what its writers still write goes nowhere */
    bool has_lost_lock;
    bool is_misnamed;       /* exchanged: names in the kernel that lead to it mean another */
    bool is_ghost;          /* a directory without keys that stays until it is removed */
    uint64_t version, size; /* of a key, or a text (fs_text.h) */
    int64_t mtime_ns;
    struct fs_scratch *scratch; /* a file of this mount alone (fs_scratch.h) */
    struct buf value;           /* of a key's version, while cached readers have it open */
    uint32_t reader_n;          /* cached readers */
    uint32_t open_n;            /* handles: writers, snapshots, listings */
    uint32_t writer_n;
    struct list writers; /* struct fs_handle */
    uint32_t busy_n;     /* a directory's namespace changes that are not answered yet */
    struct buf parked;   /* invalidations that wait for them */
    struct list changed; /* table->changed */
    bool is_noted;       /* fs_leave.c wrote it down */
    bool is_heir;        /* of a former life: who reads it without a number is not counted */
    /* of services and nodes (fs_text.h) */
    struct list kin;      /* of the same service or node */
    struct str kept_name; /* owned: by which the kernel may keep it */
    bool is_alias;        /* it was found by another one just now */
    uint64_t proved;      /* the catalog's index when the text was last compared */
};

struct fs_inodes {
    struct fs_inode_slot *slots;
    uint32_t slot_n, free_slot;
    struct map by_id; /* identity -> current inode */
    struct map kin;   /* of one service or node: fs_inode_kin */
    size_t n;
    size_t ghost_n;
    uint32_t first_generation; /* of new slots */
    bool notes;                /* what changes is listed, for fs_leave.h */
    struct list changed;       /* struct fs_inode */
    struct buf gone;           /* numbers of those that were noted */
};

void fs_inode_init(struct fs_inodes *t, uint64_t seed); /* with the root in place */
void fs_inode_fini(struct fs_inodes *t);
struct fs_inode *fs_inode_get(struct fs_inodes *t, uint64_t number); /* NULL: gone */
/* The current inode of a node, or NULL. */
struct fs_inode *fs_inode_find(struct fs_inodes *t, const struct fs_node *node);
/* A current inode; one that had the identity is retired. version: of a key, else 0. */
struct fs_inode *fs_inode_add(struct fs_inodes *t, const struct fs_node *node, uint64_t parent,
                              uint64_t version);
/* An inode that stands for what is no longer there: its identity does not lead to it. */
struct fs_inode *fs_inode_add_gone(struct fs_inodes *t, const struct fs_node *node,
                                   uint64_t parent);
struct fs_node fs_inode_node(const struct fs_inode *i);        /* borrowed */
void fs_inode_retire(struct fs_inodes *t, struct fs_inode *i); /* and it is no ghost */
void fs_inode_set_ghost(struct fs_inodes *t, struct fs_inode *i, bool is_ghost);
/* Under another identity from now on; an inode that had it is retired. Only of a current inode. */
void fs_inode_move(struct fs_inodes *t, struct fs_inode *i, const struct fs_node *to);
void fs_inode_count(struct fs_inodes *t, struct fs_inode *i); /* one lookup more */
void fs_inode_forget(struct fs_inodes *t, struct fs_inode *i, uint64_t n);
/* Frees it when nothing holds it. */
void fs_inode_settle(struct fs_inodes *t, struct fs_inode *i);
/* What a next life would have to know of it is another now. */
void fs_inode_changed(struct fs_inodes *t, struct fs_inode *i);
/* One of a former life, under its number; NULL: that number is taken, or none. Between these and
 * fs_inode_restored no other is made. */
struct fs_inode *fs_inode_restore(struct fs_inodes *t, uint64_t number, const struct fs_node *node,
                                  uint64_t version);
void fs_inode_restored(struct fs_inodes *t, uint32_t generation);
/* Its identity leads to it again. */
void fs_inode_reinstate(struct fs_inodes *t, struct fs_inode *i);
/* The inode of slot i, or NULL; i below t->slot_n. */
struct fs_inode *fs_inode_slot(struct fs_inodes *t, uint32_t i);
/* The inodes of a service or node (FS_SERVICE, FS_NODE; lower case), linked by `kin`, or NULL. */
struct list *fs_inode_kin(struct fs_inodes *t, enum fs_kind kind, struct str name);
/* The st_ino that an inode of this node would have. */
uint64_t fs_inode_ino(const struct fs_node *node, uint64_t version);

#endif
