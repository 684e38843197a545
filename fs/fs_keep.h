/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The times of changes, kept over a restart: st_mtime of a key is the same before and after.
 *
 * DATA/mount-times holds the notes of fs_times.h, sixteen bytes each, added as they are made and
 * never synced: what is lost with the power are times alone. It belongs to one log (the directory
 * DATA/raft, by its inode and birth); beside another one it counts as empty.
 */
#ifndef DISCO_FS_FS_KEEP_H
#define DISCO_FS_FS_KEEP_H

#include "fs/fs_times.h"

struct fs_keep {
    int fd;           /* -1: nothing is kept */
    char *path;       /* owned */
    uint64_t log[2];  /* which log the notes are about */
    size_t written_n; /* notes in the file */
};

/* data_dir NULL: nothing is kept. A file that cannot be used is said once and then left alone. */
void fs_keep_open(struct fs_keep *k, const char *data_dir, struct fs_times *t);
void fs_keep_close(struct fs_keep *k);
/* fs_times_note, and the file follows. */
void fs_keep_note(struct fs_keep *k, struct fs_times *t, uint64_t index, int64_t wall_ns);

#endif
