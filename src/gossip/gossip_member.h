/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of a pool's members: found by name in one step, kept in probe order, and small.
 *
 * What a member says of itself (name, address, tags, versions) is an identity: one immutable
 * object, shared by reference count among all pools that hold the same. A member is what one pool
 * thinks of it, some 80 bytes. So a simulation of thousands of pools fits in memory, and an agent's
 * two pools share too.
 *
 * `all` has two parts: first those of the membership layer, in probe order; then those that only
 * Serf still remembers (failed or left some time ago).
 */
#ifndef DISCO_GOSSIP_GOSSIP_MEMBER_H
#define DISCO_GOSSIP_GOSSIP_MEMBER_H

#include "gossip/gossip.h"
#include "gossip/gossip_suspicion.h"
#include "gossip/gossip_vivaldi.h"

struct gossip_identity {
    struct gossip_identity *next;
    uint64_t hash; /* of the name */
    struct addr addr;
    uint32_t refs;
    uint16_t meta_n;
    uint8_t name_n;
    uint8_t vsn[GOSSIP_VSN_SIZE];
    char bytes[]; /* name, meta */
};

/* What the probes of a member have taught: made at its first direct answer. */
struct gossip_trip {
    struct gossip_vivaldi_filter filter;
    struct gossip_coordinate coordinate;
    int64_t at; /* when it was learned; 0: not yet */
};

struct gossip_broadcast;
struct gossip_member {
    struct gossip_identity *identity;
    struct gossip_suspicion *suspicion; /* while suspect */
    struct gossip_trip *trip;
    struct gossip_broadcast *queued; /* the newest claim about it, while it is spread */
    int64_t changed;                 /* when `state` was entered */
    int64_t parted;                  /* when Serf saw it fail or leave */
    uint64_t status_ltime;
    uint32_t incarnation;
    uint32_t at;    /* in `all` */
    uint8_t state;  /* enum gossip_state */
    uint8_t status; /* enum gossip_status */
    bool is_pruned; /* to be erased once it has gone */
};

struct gossip_table {
    struct gossip_member **all;
    uint32_t n, swim_n, cap;
    struct gossip_member **slots; /* open addressing, by name */
    uint32_t slot_n;
    struct gossip_identities *identities;
    bool owns_identities;
    uint32_t state_n[4], status_n[5]; /* of the membership layer; of all */
};

void gossip_member_table_init(struct gossip_table *t, struct gossip_identities *shared,
                              uint64_t seed);
/* Frees the members too; their timers and broadcasts are the caller's to end before. */
void gossip_member_table_fini(struct gossip_table *t);
struct gossip_identities *gossip_member_identities_new(uint64_t seed);
void gossip_member_identities_free(struct gossip_identities *i); /* all references are gone */
uint64_t gossip_member_hash(const struct gossip_table *t, struct str name);

struct gossip_member *gossip_member_find(const struct gossip_table *t, struct str name);
/* A new one, dead and without a status, in the membership layer, at a random place of its order. */
struct gossip_member *gossip_member_add(struct gossip_table *t, struct str name,
                                        const struct addr *addr, struct rng *rng);
void gossip_member_free(struct gossip_table *t, struct gossip_member *m);
/* Takes over what it says of itself. vsn: six bytes. */
void gossip_member_describe(struct gossip_table *t, struct gossip_member *m,
                            const struct addr *addr, struct str meta, const uint8_t *vsn);
void gossip_member_set_state(struct gossip_table *t, struct gossip_member *m,
                             enum gossip_state state, struct instant now);
void gossip_member_set_status(struct gossip_table *t, struct gossip_member *m,
                              enum gossip_status status);
bool gossip_member_in_swim(const struct gossip_table *t, const struct gossip_member *m);
/* Into the membership layer, at a random place; out of it. */
void gossip_member_enter(struct gossip_table *t, struct gossip_member *m, struct rng *rng);
void gossip_member_exit(struct gossip_table *t, struct gossip_member *m);
/* Of two places in `all`, both in the layer. */
void gossip_member_swap(struct gossip_table *t, uint32_t a, uint32_t b);
void gossip_member_shuffle(struct gossip_table *t, struct rng *rng);
size_t gossip_member_bytes(const struct gossip_table *t); /* memory held, for tests and benches */

static inline struct str gossip_member_name(const struct gossip_member *m)
{
    return (struct str){m->identity->bytes, m->identity->name_n};
}
static inline struct str gossip_member_meta(const struct gossip_member *m)
{
    return (struct str){m->identity->bytes + m->identity->name_n, m->identity->meta_n};
}

#endif
