/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_walk.h"

#include <stddef.h>

static struct fs_walk_row *find(struct fs_walk *w, int32_t pid)
{
    for (int i = 0; i < FS_WALK_N; i++)
        if (w->rows[i].pid == pid)
            return &w->rows[i];
    return NULL;
}

bool fs_walk_begin(struct fs_walk *w, int32_t pid, uint64_t dir)
{
    struct fs_walk_row *row = pid ? find(w, pid) : NULL;
    if (!pid)
        return true; /* of another namespace: nothing can be learnt about it */
    if (!row) {
        row = &w->rows[w->next++ % FS_WALK_N];
        *row = (struct fs_walk_row){.pid = pid};
    }
    row->dir = dir;
    return row->wants;
}

void fs_walk_looked_up(struct fs_walk *w, int32_t pid, uint64_t dir)
{
    struct fs_walk_row *row = pid ? find(w, pid) : NULL;
    if (row && row->dir == dir)
        row->wants = true;
}
