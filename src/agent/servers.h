/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The servers that requests may be shipped to, by datacenter, as gossip tells of them. An agent
 * stays with one server of a datacenter, moves to the next when that one fails, and chooses anew
 * from time to time, so that the load spreads also over servers that came later. Pure.
 */
#ifndef DISCO_AGENT_SERVERS_H
#define DISCO_AGENT_SERVERS_H

#include "agent/member.h"
#include "base/clock.h"
#include "base/rng.h"

#define SERVERS_MAX 256 /* in all; later ones are not used */
/* consul: minRebalanceInterval and its jitter */
#define SERVERS_REBALANCE DURATION_S(120)
/* A server that failed a request is asked again only after so long, if another one lives. */
#define SERVERS_PENALTY DURATION_S(5)

struct server {
    char name[256], dc[128]; /* the short name */
    struct addr addr;        /* its rpc port */
    bool alive;              /* as gossip says */
    struct instant failed;   /* a request to it failed then; {0}: never */
};
struct servers {
    struct server items[SERVERS_MAX];
    size_t n;
    struct rng *rng;
    struct instant rebalance;
};

void servers_init(struct servers *s, struct rng *rng);
/* What a pool's news says of a member; what is not a server of it is passed over. */
void servers_update(struct servers *s, const struct member *m);
/* The next server of the datacenter; those in `tried` (by address) are passed over as long as there
 * are others. False: none is known. */
bool servers_pick(struct servers *s, struct str dc, struct instant now, const struct addr *tried,
                  size_t tried_n, struct addr *ret);
void servers_failed(struct servers *s, const struct addr *a, struct instant now);
void servers_worked(struct servers *s, const struct addr *a);
bool servers_has_dc(const struct servers *s, struct str dc);
/* Each datacenter once, sorted by name; returns how many (at most max). */
size_t servers_datacenters(const struct servers *s, const char **ret, size_t max);

#endif
