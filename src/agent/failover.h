/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A question that found nothing here is asked of other datacenters, one after the other: first the
 * nearest ones by the coordinates of their servers, then those that are listed; each once, and only
 * those that are known. The first that has something to say is the last that is asked.
 *
 *     failover_start ── core: who is there, how near ──> ship to the first, to the next ... ──>
 * done
 *
 * Embedded in the caller's object, on a worker. A datacenter has FAILOVER_TRY to answer, all
 * together FAILOVER_TIME, so that who asks is not kept waiting by one that is cut off.
 *
 * consul: queryFailover in agent/consul/prepared_query_endpoint.go
 */
#ifndef DISCO_AGENT_FAILOVER_H
#define DISCO_AGENT_FAILOVER_H

#include "agent/ship.h"

#define FAILOVER_TRY     DURATION_S(3)
#define FAILOVER_TIME    DURATION_S(10)
#define FAILOVER_MAX     32 /* datacenters that are asked */
#define FAILOVER_DC_SIZE 128

struct failover {
    /* inputs */
    enum ship_kind kind;
    int64_t nearest;   /* how many of the nearest datacenters */
    struct str listed; /* packed array of names; the caller's until done */
    /* The request for the datacenter that is asked now, the asked_n-th (from 1). */
    void (*put)(struct failover *f, struct buf *body);
    /* Is it what was looked for? Then it is the last; the answer is borrowed until it returns. */
    bool (*take)(struct failover *f, struct str answer);
    void (*done)(struct failover *f); /* once, never inside failover_start */
    /* outputs */
    size_t asked_n;
    bool is_found;
    char datacenter[FAILOVER_DC_SIZE]; /* the last that answered; "" if none did */
    /* private */
    struct env *env;
    struct ask ask;
    struct ship ship;
    struct instant end;
    char names[FAILOVER_MAX][FAILOVER_DC_SIZE];
    size_t name_n;
};

void failover_start(struct env *env, struct failover *f);

/* Pure: which of the known datacenters (by distance, our own among them) are asked, in order;
 * indexes into known. Returns how many, at most max. */
size_t failover_choose(const char *const *known, size_t known_n, struct str own, int64_t nearest,
                       struct str listed, size_t *ret, size_t max);

#endif
