/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is to be spread: each broadcast goes out a limited number of times, those sent least first,
 * and among these the longest that still fits, and among these the newest.
 *
 * Ordered by (times sent, length descending, age ascending) in a treap: insert, pick, replace and
 * prune cost O(log n), whether the queue holds ten or 10^5.
 *
 * A broadcast may have an owner: a pointer that is set to it, and to NULL when it is gone (sent
 * often enough, replaced or pruned). Adding with an owner that points to one replaces that one.
 */
#ifndef DISCO_GOSSIP_GOSSIP_QUEUE_H
#define DISCO_GOSSIP_GOSSIP_QUEUE_H

#include "base/str.h"

struct gossip_broadcast {
    struct gossip_broadcast *left, *right;
    struct gossip_broadcast **owner; /* or NULL */
    uint64_t id;                     /* grows: the newest is the largest */
    uint32_t sent, priority;
    uint16_t size;
    char bytes[];
};
struct gossip_queue {
    struct gossip_broadcast *root;
    uint64_t id;
    uint32_t n;
    uint64_t dropped; /* by the limit */
};

void gossip_queue_init(struct gossip_queue *q);
void gossip_queue_fini(struct gossip_queue *q);
/* Copies; at most limit_n are kept: those sent most often go. `bytes` is at most 65535 long. */
void gossip_queue_add(struct gossip_queue *q, struct str bytes, struct gossip_broadcast **owner,
                      uint32_t limit_n);
void gossip_queue_drop(struct gossip_queue *q, struct gossip_broadcast *b);

/*
 * Picking for one packet: each call gives the best that fits into `room` bytes and was not taken
 * for this packet, or NULL; after use, gossip_queue_taken puts all back that may go out again (sent
 * fewer than limit times). A broadcast given stays valid until then; nothing else may be called
 * on the queue in between.
 */
struct gossip_queue_pick {
    struct gossip_broadcast *taken; /* chained by `left` */
    uint32_t tier;
};
struct gossip_broadcast *gossip_queue_take(struct gossip_queue *q, struct gossip_queue_pick *p,
                                           size_t room);
void gossip_queue_taken(struct gossip_queue *q, struct gossip_queue_pick *p, uint32_t limit);

#endif
