/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The notifier: a thread that tells the kernel what to forget.
 *
 * The words themselves are passed to a process (fs_teller.h). Such a message takes locks in the
 * kernel that a request in flight may hold; sent by the thread that answers requests it would wait
 * for itself, unkillably. So the worker only adds items here; the thread gets them in batches, one
 * at a time, and what is added meanwhile is gathered, each item once. All functions but the
 * thread's own run on the worker.
 */
#ifndef DISCO_FS_FS_NOTIFY_H
#define DISCO_FS_FS_NOTIFY_H

#include "base/buf.h"
#include "base/error.h"
#include "base/mailbox.h"

#define FS_NOTIFY_ITEMS_MAX 65536

struct fs_teller;
struct fs_notify;

/* home: the worker's box. `overflowed` is called (on the worker) when more items came than fit: all
 * of them were dropped, and the caller has everything forgotten instead. */
struct fs_notify_events {
    void (*overflowed)(void *data);
    void (*shown)(void *data, uint64_t index); /* on the worker or on the notifier's thread */
    void *data;
};
int fs_notify_open(int fuse, struct fs_teller *teller, struct mailbox *home,
                   const struct fs_notify_events *events, struct fs_notify **ret) MUST_USE;
/* After this nothing is sent any more; `closed` comes on the worker once the thread has ended and
 * the object is freed. Requests must be answered until then. */
void fs_notify_close(struct fs_notify *n, void (*closed)(void *data), void *data);

/* n NULL in these: the mount is being closed, nothing is sent. */
void fs_notify_name(struct fs_notify *n, uint64_t dir, struct str name); /* of a directory */
void fs_notify_attr(struct fs_notify *n, uint64_t number); /* attributes of an inode */
void fs_notify_listing(struct fs_notify *n, uint64_t dir); /* cached listing and attributes */
void fs_notify_epoch(struct fs_notify *n);                 /* every name (Linux 6.16) */
/* What was added since the last of these belongs to the state at this index: `shown` tells when the
 * kernel has forgotten it all. */
void fs_notify_index(struct fs_notify *n, uint64_t index);
void fs_notify_flush(struct fs_notify *n); /* at the end of a turn: send what was added */

#endif
