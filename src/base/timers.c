/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/timers.h"

#include "base/mem.h"

#define CAP_MIN 16

void timers_init(struct timers *ts)
{
    *ts = (struct timers){0};
}

void timers_fini(struct timers *ts)
{
    for (size_t i = 0; i < ts->n; i++)
        ts->heap[i]->heap_i = 0;
    mem_free(ts->heap);
    *ts = (struct timers){0};
}

static bool is_earlier(const struct timer *a, const struct timer *b)
{
    return a->at.ns < b->at.ns || (a->at.ns == b->at.ns && a->order < b->order);
}

static void place(struct timers *ts, struct timer *t, size_t i)
{
    ts->heap[i] = t;
    t->heap_i = i + 1;
}

static void sift_up(struct timers *ts, struct timer *t, size_t i)
{
    while (i > 0 && is_earlier(t, ts->heap[(i - 1) / 2])) {
        place(ts, ts->heap[(i - 1) / 2], i);
        i = (i - 1) / 2;
    }
    place(ts, t, i);
}

static void sift_down(struct timers *ts, struct timer *t, size_t i)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < ts->n && is_earlier(ts->heap[child + 1], ts->heap[child]))
            child++;
        if (child >= ts->n || !is_earlier(ts->heap[child], t))
            break;
        place(ts, ts->heap[child], i);
        i = child;
    }
    place(ts, t, i);
}

static void settle(struct timers *ts, struct timer *t, size_t i)
{
    if (i > 0 && is_earlier(t, ts->heap[(i - 1) / 2]))
        sift_up(ts, t, i);
    else
        sift_down(ts, t, i);
}

void timers_set(struct timers *ts, struct timer *t, struct instant at)
{
    size_t i;

    ASSERT(t->fire != NULL);
    t->at = at;
    t->order = ts->order++;
    if (t->heap_i == 0) {
        if (ts->n == ts->cap) {
            ts->cap = ts->cap ? ts->cap * 2 : CAP_MIN;
            ts->heap = mem_realloc(ts->heap, ts->cap * sizeof(struct timer *));
        }
        i = ts->n++;
    } else {
        i = t->heap_i - 1;
        ASSERT(i < ts->n && ts->heap[i] == t);
    }
    settle(ts, t, i);
}

void timers_cancel(struct timers *ts, struct timer *t)
{
    size_t i = t->heap_i - 1;
    struct timer *last;

    if (t->heap_i == 0)
        return;
    ASSERT(i < ts->n && ts->heap[i] == t);
    t->heap_i = 0;
    last = ts->heap[--ts->n];
    if (last != t)
        settle(ts, last, i);
}

bool timers_is_set(const struct timer *t)
{
    return t->heap_i != 0;
}

struct instant timers_deadline(const struct timers *ts)
{
    return ts->n ? ts->heap[0]->at : INSTANT_NEVER;
}

void timers_expire(struct timers *ts, struct instant now)
{
    /* No more than were set at the start: a timer that sets itself for now again must not keep
     * the loop here. */
    for (size_t left = ts->n; left > 0 && ts->n > 0; left--) {
        struct timer *t = ts->heap[0];

        if (t->at.ns > now.ns || t->at.ns == INT64_MAX)
            break;
        timers_cancel(ts, t);
        t->fire(t, now);
    }
}
