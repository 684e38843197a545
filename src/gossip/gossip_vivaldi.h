/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network coordinates: where nodes are, so that the distance of two coordinates is about their
 * round-trip time. Vivaldi with height, adjustment and gravity (Dabek 2004; Lee 2010; Serf's
 * numbers). Lengths are seconds.
 */
#ifndef DISCO_GOSSIP_GOSSIP_VIVALDI_H
#define DISCO_GOSSIP_GOSSIP_VIVALDI_H

#include "base/clock.h"
#include "base/rng.h"
#include "gossip/gossip_message_serf.h"

#define GOSSIP_VIVALDI_WINDOW 20
#define GOSSIP_VIVALDI_FILTER 3

struct gossip_vivaldi { /* of ourselves */
    struct gossip_coordinate own;
    double window[GOSSIP_VIVALDI_WINDOW];
    uint32_t window_i;
    uint64_t resets;
};
struct gossip_vivaldi_filter { /* the last round-trip times of one other */
    double rtt[GOSSIP_VIVALDI_FILTER];
    uint8_t n, i;
};

void gossip_vivaldi_start(struct gossip_coordinate *ret); /* the origin */
void gossip_vivaldi_init(struct gossip_vivaldi *v);
/* One measured round trip. ERR_INVALID: the coordinate is none, or the time is not in 0 .. 10 s. */
int gossip_vivaldi_update(struct gossip_vivaldi *v, struct gossip_vivaldi_filter *f,
                          const struct gossip_coordinate *other, struct duration rtt,
                          struct rng *rng) MUST_USE;
bool gossip_vivaldi_is_valid(const struct gossip_coordinate *c);
/* The estimated round-trip time, in whole nanoseconds. */
struct duration gossip_vivaldi_distance(const struct gossip_coordinate *a,
                                        const struct gossip_coordinate *b);

#endif
