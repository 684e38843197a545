/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Values that one thread publishes and all may read: the only atomics in
 * disco. The core writes, workers read; a value is one 64-bit word.
 */
#ifndef DISCO_BASE_PUBLISHED_H
#define DISCO_BASE_PUBLISHED_H

#include <stdint.h>

enum published_name {
    PUBLISHED_IS_LEADER,     /* 1: this server leads; for reads by lease see read_has_lease */
    PUBLISHED_LEASE,         /* when its lease ends, an instant's ns */
    PUBLISHED_KNOWS_LEADER,  /* 1: some leader is known */
    PUBLISHED_APPLIED_INDEX, /* last log index applied to the store */
    PUBLISHED_COMMIT_INDEX,  /* last log index known committed */
    PUBLISHED_TERM,
    PUBLISHED_LAST_CONTACT_MS, /* since the leader was heard; 0 on the leader */
    PUBLISHED_STORAGE_ERROR,   /* 0, or the -errno for which writes are refused now */
    PUBLISHED_STORAGE_SLOW,    /* 1: a write of the log has waited for more than a second */
    PUBLISHED_DATACENTERS,     /* other datacenters of which a server is known */
    PUBLISHED_STOPPING,        /* 1: the agent stops; long work is given up */
    PUBLISHED_NAMES
};
struct published {
    uint64_t words[PUBLISHED_NAMES];
};

void published_set(struct published *p, enum published_name name, uint64_t value);
uint64_t published_get(const struct published *p, enum published_name name);

/* A counter that any thread may add to (metrics, allocations). */
struct published_counter {
    int64_t value;
};
void published_add(struct published_counter *c, int64_t n);
void published_raise(struct published_counter *c, int64_t to); /* at least that */
int64_t published_read(const struct published_counter *c);
/* The same, returning the value before, and ordered: of two threads that call this on one counter,
 * the later one sees all that the earlier one did before its call. (n may be 0: only to look.) */
int64_t published_add_ordered(struct published_counter *c, int64_t n);
void published_write(struct published_counter *c,
                     int64_t value); /* a setting any thread may read */

#endif
