/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a file or directory of the mount stands for: a kind and up to two texts. Packed, it is the
 * identity by which inodes are found. Pure.
 */
#ifndef DISCO_FS_FS_NODE_H
#define DISCO_FS_FS_NODE_H

#include "base/buf.h"

enum fs_kind {
    FS_ROOT,
    FS_KV_DIR,  /* a: the prefix (fs_path.h) */
    FS_KV_FILE, /* a: the key */
    FS_SERVICES,
    FS_SERVICE,      /* a: name, lower case */
    FS_SERVICE_FILE, /* b: "nodes", "healthy", "json" */
    FS_SERVICE_TAGS,
    FS_SERVICE_TAG, /* b: the tag */
    FS_INSTANCES,   /* these: fs_instance.h */
    FS_INSTANCE,
    FS_INSTANCE_FILE,
    FS_INSTANCE_DIR,
    FS_INSTANCE_META,
    FS_INSTANCE_CHECK,
    FS_NODES,
    FS_NODE,         /* a: name, lower case */
    FS_NODE_FILE,    /* b: "address", "status", "id" */
    FS_NODE_DIR,     /* b: "meta", "services", "checks" */
    FS_NODE_META,    /* b: the name of the pair */
    FS_NODE_SERVICE, /* b: service id */
    FS_NODE_CHECK,   /* b: check id */
    FS_STATUS,
    FS_AGENT,
    FS_AGENT_SERVICES,
    FS_AGENT_SERVICE, /* a: the service id */
    FS_LOCKS,
    FS_LOCK,          /* a: the key */
    FS_SNAPSHOTS,     /* these: fs_history.h */
    FS_SNAPSHOT,      /* a: the index, decimal */
    FS_SNAPSHOT_DIR,  /* b: the prefix */
    FS_SNAPSHOT_FILE, /* b: the key */
    FS_SNAPSHOT_LATEST,
    FS_CHANGES, /* fs_feed.h */
    FS_EVENTS,
    FS_EVENT, /* a: the name of events (fs_event.h) */
    FS_FACT   /* a: "members", "leader", "index", "status/..." : asked of the core */
};

struct fs_node {
    enum fs_kind kind;
    struct str a, b; /* borrowed */
};

bool fs_node_is_dir(enum fs_kind kind);
bool fs_node_is_fixed(enum fs_kind kind);   /* the top and right below: it is there for good */
bool fs_node_is_catalog(enum fs_kind kind); /* of one service or one node */
void fs_node_pack(const struct fs_node *node, struct buf *id); /* clears it first */
/* The same into FS_NODE_HEAD_SIZE + a.n + b.n bytes. */
#define FS_NODE_HEAD_SIZE 5
void fs_node_write(const struct fs_node *node, char *dst);
struct fs_node fs_node_unpack(struct str id);
bool fs_node_is_packed(struct str id); /* could it come from fs_node_pack? */

#endif
