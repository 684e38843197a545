/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_times.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

void fs_times_init(struct fs_times *t)
{
    memset(t, 0, sizeof(*t));
}

void fs_times_fini(struct fs_times *t)
{
    mem_free(t->notes);
    memset(t, 0, sizeof(*t));
}

void fs_times_note(struct fs_times *t, uint64_t index, int64_t wall_ns)
{
    if (t->n > 0) {
        const struct fs_times_note *last = &t->notes[t->n - 1];
        if (index <= last->index)
            return;
        /* Room for one nanosecond an index, so that times rise as indexes do. */
        int64_t least = last->wall_ns + (int64_t)(index - last->index);
        if (wall_ns < least)
            wall_ns = least;
    }
    if (t->n == FS_TIMES_MAX) {
        for (size_t i = 0; i < t->n / 2; i++)
            t->notes[i] = t->notes[2 * i + 1];
        t->n /= 2;
    }
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->notes = mem_realloc(t->notes, t->cap * sizeof(t->notes[0]));
    }
    t->notes[t->n++] = (struct fs_times_note){index, wall_ns};
}

int64_t fs_times_get(const struct fs_times *t, uint64_t index)
{
    size_t low = 0, high = t->n;
    ASSERT(t->n > 0);
    while (low < high) { /* the first note at or after the index */
        size_t mid = low + (high - low) / 2;
        if (t->notes[mid].index < index)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == t->n)
        low--;
    const struct fs_times_note *note = &t->notes[low];
    return index < note->index ? note->wall_ns - (int64_t)(note->index - index) : note->wall_ns;
}
