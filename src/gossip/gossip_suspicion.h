/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a suspect has to defend itself (Lifeguard, LHA-Suspicion), and the other numbers that
 * depend on the size of a pool. Arithmetic only; the rules stand in gossip_swim.c.
 *
 * A suspicion starts with the longest time; each independent confirmation shortens it, towards the
 * shortest when `wanted` have confirmed.
 */
#ifndef DISCO_GOSSIP_GOSSIP_SUSPICION_H
#define DISCO_GOSSIP_GOSSIP_SUSPICION_H

#include "base/clock.h"
#include "base/timers.h"

#define GOSSIP_SUSPICION_WANTED_MAX 15
#define GOSSIP_HEALTH_MAX           7 /* memberlist: AwarenessMaxMultiplier 8 */

struct gossip;
struct gossip_member;
struct gossip_suspicion {
    struct timer timer;
    struct gossip *gossip;
    struct gossip_member *member;
    struct instant start;
    int64_t min_ms, max_ms;
    uint32_t wanted, known;                         /* confirmations; the accuser is not one */
    uint32_t late;                                  /* how often it was put off */
    uint64_t seen[GOSSIP_SUSPICION_WANTED_MAX + 1]; /* hashes of names; the accuser first */
};

/* Starts with the accuser; the deadline is then gossip_suspicion_deadline. */
void gossip_suspicion_init(struct gossip_suspicion *s, struct instant now, uint64_t accuser,
                           uint32_t wanted, int64_t min_ms, int64_t max_ms);
/* Is this a confirmation that counts? It then does. */
bool gossip_suspicion_confirm(struct gossip_suspicion *s, uint64_t accuser);
struct instant gossip_suspicion_deadline(const struct gossip_suspicion *s);

/* How many confirmations are wanted among n members. */
uint32_t gossip_suspicion_wanted(int mult, uint32_t n);
int64_t gossip_suspicion_min_ms(int mult, uint32_t n, struct duration probe_interval);
/* The whole time after `known` of `wanted` confirmations. */
int64_t gossip_suspicion_total_ms(uint32_t known, uint32_t wanted, int64_t min_ms, int64_t max_ms);
/* How often a broadcast is sent among n members. */
uint32_t gossip_suspicion_transmits(int mult, uint32_t n);
struct duration gossip_suspicion_push_pull(struct duration base, uint32_t n);
/* The health score after an event, between 0 and GOSSIP_HEALTH_MAX. */
uint32_t gossip_suspicion_health(uint32_t score, int64_t delta);

#endif
