/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A heap of deadlines for one thread. The loop asks timers_deadline(), sleeps
 * no longer, and calls timers_expire(). Pure: time is handed in.
 *
 * A timer is embedded in the object it serves; the object may free itself in
 * its callback. Timers with equal deadlines fire in the order they were set.
 */
#ifndef DISCO_BASE_TIMERS_H
#define DISCO_BASE_TIMERS_H

#include "base/clock.h"

struct timer {
    void (*fire)(struct timer *t, struct instant now);
    struct instant at;
    /* private */
    uint64_t order;
    size_t heap_i; /* position + 1; 0: not set */
};
struct timers {
    struct timer **heap;
    size_t n, cap;
    uint64_t order;
};

void timers_init(struct timers *ts);
void timers_fini(struct timers *ts); /* set timers are forgotten, not fired */
/* Sets or moves. t->fire must be given. */
void timers_set(struct timers *ts, struct timer *t, struct instant at);
void timers_cancel(struct timers *ts, struct timer *t); /* harmless when not set */
bool timers_is_set(const struct timer *t);
struct instant timers_deadline(const struct timers *ts); /* INSTANT_NEVER if none */
void timers_expire(struct timers *ts, struct instant now);

#endif
