/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `.snapshot/INDEX/kv/...`: the keys as they were when the state was at that index, read-only, as
 * far back as state/history.h knows; `.snapshot/latest` leads to the newest index. Like kv/, names
 * and faces included. A function over a view; what is asked too late is not there.
 */
#ifndef DISCO_FS_FS_HISTORY_H
#define DISCO_FS_FS_HISTORY_H

#include "fs/fs_tree.h"
#include "state/kv.h"

#define FS_HISTORY_LISTED_MAX 1000 /* indexes, the newest; others can be looked up */

static inline bool fs_history_is(enum fs_kind kind)
{
    return kind == FS_SNAPSHOTS || kind == FS_SNAPSHOT || kind == FS_SNAPSHOT_DIR ||
           kind == FS_SNAPSHOT_FILE || kind == FS_SNAPSHOT_LATEST;
}

/* As those of fs_tree.h; ret->version is the ModifyIndex, of a directory the index asked for. */
int fs_history_lookup(struct view *v, const struct fs_node *dir, struct str name, struct buf *text,
                      struct fs_found *ret) MUST_USE;
int fs_history_list(struct view *v, const struct fs_node *dir, struct fs_list *list) MUST_USE;
/* Of latest: where it leads. */
int fs_history_read(struct view *v, const struct fs_node *file, struct buf *out) MUST_USE;
/* The row behind a file. */
bool fs_history_entry(struct view *v, const struct fs_node *file, struct kv_entry *ret);

#endif
