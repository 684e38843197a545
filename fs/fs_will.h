/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one life of the mount leaves to the next: entries of a kind, a key and a value, in a file in
 * memory (memfd) that somebody else keeps when the agent is killed at any instant.
 *
 *     page 0   head: magic, version, tries, life, where the log begins
 *     log      records: size, CRC-32C, kind, key, value; a later one replaces an earlier of the
 *              same kind and key
 *
 * Entries are gathered and written by fs_will_flush, which is called before the kernel is told
 * anything that they are about. So a record that was torn by the death of its writer is about
 * nothing that anybody knows of, and is left out. When most of the log is replaced, what is left is
 * written behind it, and then the head, in one piece, says that the log begins there.
 */
#ifndef DISCO_FS_FS_WILL_H
#define DISCO_FS_FS_WILL_H

#include "base/buf.h"
#include "base/error.h"

#define FS_WILL_VALUE_MAX ((size_t)2 * 1024 * 1024)

enum fs_will_kind { /* numbers are never used again */
                    FS_WILL_MOUNT = 1,
                    FS_WILL_INDEX = 2,
                    FS_WILL_INODE = 3,
                    FS_WILL_HANDLE = 4,
                    FS_WILL_LOCK = 5,
                    FS_WILL_SESSION = 6,
                    FS_WILL_POLL = 7,
                    FS_WILL_EVENTS = 8,
                    FS_WILL_KINDS
};

struct fs_will {
    int fd;
    struct buf pending;
    uint64_t start, end; /* of the log */
    uint64_t whole;      /* its size when it was last written as a whole */
    uint64_t life;
    uint32_t tries; /* lives that began with it and did not get to work */
};

int fs_will_new(struct fs_will **ret, struct error *err) MUST_USE;
/* Takes fd also when it fails: ERR_CORRUPT, or what reading it said. */
int fs_will_open(int fd, struct fs_will **ret, struct error *err) MUST_USE;
void fs_will_free(struct fs_will *w); /* accepts NULL */

void fs_will_put(struct fs_will *w, enum fs_will_kind kind, uint64_t key, struct str value);
void fs_will_drop(struct fs_will *w, enum fs_will_kind kind, uint64_t key);
/* Writes what was gathered. An error: it says nothing any more, to nobody. */
int fs_will_flush(struct fs_will *w) MUST_USE;
int fs_will_set(struct fs_will *w, uint64_t life, uint32_t tries) MUST_USE;
/* Every entry that stands, kind by kind. Values are good until it returns. */
int fs_will_read(struct fs_will *w,
                 void (*each)(void *data, enum fs_will_kind kind, uint64_t key, struct str value),
                 void *data) MUST_USE;

#endif
