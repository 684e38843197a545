/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process that tells the kernel what to forget.
 *
 * Such a message waits, and nothing can end its wait, for locks that requests hold which the agent
 * is to answer. A thread of the agent that waits so keeps a killed agent half alive: it is no
 * longer there to answer, its /dev/fuse is not closed, and all wait for ever. So a process of its
 * own writes them; the agent can be killed at any time. When it is, a second one looks whether the
 * first gets free (the next agent may answer those requests, fs_heir.h), and else ends the mount.
 *
 * Both are forked from the agent and only make system calls.
 */
#ifndef DISCO_FS_FS_TELLER_H
#define DISCO_FS_FS_TELLER_H

#include "base/buf.h"

enum { /* items of a batch: kind, number (u64), size (u16) and name; a single 0 ends it */
       FS_TELLER_END = 0,
       FS_TELLER_NAME = 1,
       FS_TELLER_ATTR = 2,
       FS_TELLER_LISTING = 3,
       FS_TELLER_EPOCH = 4
};

struct fs_teller;

/* path: of the mount, good as long as the agent lives. heir: another agent may go on with it.
 * NULL: there can be none, and fs_teller_tell does it itself. */
struct fs_teller *fs_teller_open(int fuse, const char *path, bool heir);
void fs_teller_close(struct fs_teller *t); /* accepts NULL */
/* Returns when the kernel has forgotten it all. */
void fs_teller_tell(struct fs_teller *t, int fuse, struct str batch);

#endif
