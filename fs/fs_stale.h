/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens that were answered with ESTALE. The kernel then looks the name up again and opens what it
 * finds, once (fs/namei.c, retry_estale): the second answer must not be ESTALE, which the program
 * would see. Of each such answer this keeps which thread got it, until that opens something: a
 * thread is in one call at a time. The inode that a writer finds must be one that nobody has
 * cached. Pure.
 */
#ifndef DISCO_FS_FS_STALE_H
#define DISCO_FS_FS_STALE_H

#include "base/clock.h"
#include "base/str.h"

#define FS_STALE_N        256
#define FS_STALE_WINDOW_S 10 /* so long a thread may take to come again: machines are busy */

struct fs_stale {
    struct fs_stale_try {
        uint64_t hash;   /* of the key */
        uint64_t number; /* of the inode that was refused */
        struct instant at;
        int32_t pid; /* of the thread; 0 is everybody in another pid namespace */
        bool is_used, writes, is_looked_up;
    } tries[FS_STALE_N];
    uint32_t next;        /* overwritten when none is free */
    uint32_t n, writer_n; /* tries in use, also those out of the window */
};

/* The thread pid is about to be answered with ESTALE for the inode of key. */
void fs_stale_note(struct fs_stale *s, struct str key, int32_t pid, uint64_t number, bool writes,
                   struct instant now);
/* It looked the name up, whatever it found. */
void fs_stale_looked_up(struct fs_stale *s, struct str key, int32_t pid);
/* It opens the inode of key. Is this its second try? That is so when it looked the name up since,
 * or opens the same once more: of a file bound to another place there is no name to look up. What
 * is kept of it is forgotten. */
bool fs_stale_take(struct fs_stale *s, struct str key, int32_t pid, uint64_t number,
                   struct instant now);
/* Is a writer about to look this up again? Few instructions when there is none of any file. */
bool fs_stale_awaits(struct fs_stale *s, struct str key, struct instant now);

#endif
