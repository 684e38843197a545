/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * events/NAME: user events as files that grow: one line of JSON for each event of that name since
 * the mount began. What is written is fired when the file is closed. Each name is there, also
 * before the first event of it, so that `tail -f` may wait for it; listed are those that happened.
 *
 * A file only grows while anybody has it open (beyond FS_EVENT_OPEN_MAX it loses its first half);
 * else its last FS_EVENT_KEPT_MAX bytes are kept.
 */
#ifndef DISCO_FS_FS_EVENT_H
#define DISCO_FS_FS_EVENT_H

#include "fs/fs_mount.h"
#include "fs/fs_write.h"

#define FS_EVENT_OPEN_MAX ((size_t)1024 * 1024)
#define FS_EVENT_KEPT_MAX ((size_t)64 * 1024)
#define FS_EVENT_NAMES    1024 /* of which events are kept; the oldest go */

/* What was told before by a former life of the mount (fs_leave_events). */
void fs_event_inherit(struct fs_mount *m, struct str text);
void fs_event_arrived(struct fs_mount *m); /* the newest of the worker's ring */
void fs_event_list(const struct fs_mount *m, const struct view *v, struct fs_list *list);
size_t fs_event_size(const struct fs_mount *m, const struct fs_inode *i);
void fs_event_read(struct fs_mount *m, struct fs_handle *h, fuse_req_t req, size_t size,
                   uint64_t offset);
/* Is there more than the handle has read? */
bool fs_event_is_ready(const struct fs_mount *m, const struct fs_handle *h);
/* Fires what was written; answers req (may be NULL). */
void fs_event_fire(struct fs_mount *m, struct fs_handle *h, fuse_req_t req);
void fs_event_free_all(struct fs_mount *m);

#endif
