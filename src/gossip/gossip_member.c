/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "gossip/gossip_member.h"

#include "base/mem.h"

#define SLOTS_MIN 16

/* ---- identities: chains by the hash of the name ---- */

struct gossip_identities {
    struct gossip_identity **slots;
    size_t slot_n, n, bytes;
    uint64_t seed;
};

struct gossip_identities *gossip_member_identities_new(uint64_t seed)
{
    struct gossip_identities *i = mem_new(struct gossip_identities);

    i->seed = seed;
    i->slot_n = SLOTS_MIN;
    i->slots = mem_alloc(i->slot_n * sizeof(struct gossip_identity *));
    return i;
}

void gossip_member_identities_free(struct gossip_identities *i)
{
    if (!i)
        return;
    ASSERT(i->n == 0);
    mem_free(i->slots);
    mem_free(i);
}

static void identities_grow(struct gossip_identities *i)
{
    size_t slot_n = i->slot_n * 2;
    struct gossip_identity **slots = mem_alloc(slot_n * sizeof(*slots));

    for (size_t s = 0; s < i->slot_n; s++) {
        for (struct gossip_identity *d = i->slots[s], *next; d; d = next) {
            next = d->next;
            d->next = slots[d->hash & (slot_n - 1)];
            slots[d->hash & (slot_n - 1)] = d;
        }
    }
    mem_free(i->slots);
    i->slots = slots;
    i->slot_n = slot_n;
}

static struct str identity_name(const struct gossip_identity *d)
{
    return (struct str){d->bytes, d->name_n};
}

static bool identity_is(const struct gossip_identity *d, struct str name, const struct addr *addr,
                        struct str meta, const uint8_t *vsn)
{
    return str_eq(identity_name(d), name) && addr_eq(&d->addr, addr) &&
           addr_port(&d->addr) == addr_port(addr) && memcmp(d->vsn, vsn, GOSSIP_VSN_SIZE) == 0 &&
           str_eq((struct str){d->bytes + d->name_n, d->meta_n}, meta);
}

static struct gossip_identity *identity_get(struct gossip_identities *i, struct str name,
                                            const struct addr *addr, struct str meta,
                                            const uint8_t *vsn)
{
    uint64_t hash = str_hash(name, i->seed);
    struct gossip_identity *d;

    ASSERT(name.n <= GOSSIP_NODE_SIZE_MAX && meta.n <= GOSSIP_META_SIZE_MAX);
    for (d = i->slots[hash & (i->slot_n - 1)]; d; d = d->next) {
        if (d->hash == hash && identity_is(d, name, addr, meta, vsn)) {
            d->refs++;
            return d;
        }
    }
    if (i->n >= i->slot_n)
        identities_grow(i);
    d = mem_alloc(sizeof(*d) + name.n + meta.n);
    d->hash = hash;
    d->addr = *addr;
    d->refs = 1;
    d->name_n = (uint8_t)name.n;
    d->meta_n = (uint16_t)meta.n;
    memcpy(d->vsn, vsn, GOSSIP_VSN_SIZE);
    memcpy(d->bytes, name.p, name.n);
    if (meta.n)
        memcpy(d->bytes + name.n, meta.p, meta.n);
    d->next = i->slots[hash & (i->slot_n - 1)];
    i->slots[hash & (i->slot_n - 1)] = d;
    i->n++;
    i->bytes += sizeof(*d) + name.n + meta.n;
    return d;
}

static void identity_put(struct gossip_identities *i, struct gossip_identity *d)
{
    struct gossip_identity **at = &i->slots[d->hash & (i->slot_n - 1)];

    if (--d->refs)
        return;
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    i->n--;
    i->bytes -= sizeof(*d) + d->name_n + d->meta_n;
    mem_free(d);
}

/* ---- the table ---- */

void gossip_member_table_init(struct gossip_table *t, struct gossip_identities *shared,
                              uint64_t seed)
{
    *t = (struct gossip_table){.identities = shared, .slot_n = SLOTS_MIN};
    if (!shared) {
        t->identities = gossip_member_identities_new(seed);
        t->owns_identities = true;
    }
    t->slots = mem_alloc(t->slot_n * sizeof(struct gossip_member *));
}

void gossip_member_table_fini(struct gossip_table *t)
{
    while (t->n)
        gossip_member_free(t, t->all[t->n - 1]);
    mem_free(t->all);
    mem_free(t->slots);
    if (t->owns_identities)
        gossip_member_identities_free(t->identities);
    *t = (struct gossip_table){0};
}

uint64_t gossip_member_hash(const struct gossip_table *t, struct str name)
{
    return str_hash(name, t->identities->seed);
}

struct gossip_member *gossip_member_find(const struct gossip_table *t, struct str name)
{
    uint64_t hash = gossip_member_hash(t, name);
    uint32_t mask = t->slot_n - 1;

    for (uint32_t i = (uint32_t)hash & mask; t->slots[i]; i = (i + 1) & mask) {
        const struct gossip_identity *d = t->slots[i]->identity;

        if (d->hash == hash && str_eq(identity_name(d), name))
            return t->slots[i];
    }
    return NULL;
}

static void slot_put(struct gossip_table *t, struct gossip_member *m)
{
    uint32_t mask = t->slot_n - 1, i = (uint32_t)m->identity->hash & mask;

    while (t->slots[i])
        i = (i + 1) & mask;
    t->slots[i] = m;
}

/* Closes the hole by moving back what was pushed past it (Knuth 6.4, algorithm R). */
static void slot_del(struct gossip_table *t, const struct gossip_member *m)
{
    uint32_t mask = t->slot_n - 1, hole = (uint32_t)m->identity->hash & mask;

    while (t->slots[hole] != m)
        hole = (hole + 1) & mask;
    t->slots[hole] = NULL;
    for (uint32_t i = (hole + 1) & mask; t->slots[i]; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)t->slots[i]->identity->hash & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            t->slots[hole] = t->slots[i];
            t->slots[i] = NULL;
            hole = i;
        }
    }
}

static void table_grow(struct gossip_table *t)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap + t->cap / 2 : SLOTS_MIN;
        t->all = mem_realloc(t->all, t->cap * sizeof(struct gossip_member *));
    }
    if (t->n + 1 > t->slot_n / 4 * 3) {
        mem_free(t->slots);
        t->slot_n *= 2;
        t->slots = mem_alloc(t->slot_n * sizeof(struct gossip_member *));
        for (uint32_t i = 0; i < t->n; i++)
            slot_put(t, t->all[i]);
    }
}

void gossip_member_swap(struct gossip_table *t, uint32_t a, uint32_t b)
{
    struct gossip_member *m = t->all[a];

    t->all[a] = t->all[b];
    t->all[b] = m;
    t->all[a]->at = a;
    t->all[b]->at = b;
}

struct gossip_member *gossip_member_add(struct gossip_table *t, struct str name,
                                        const struct addr *addr, struct rng *rng)
{
    static const uint8_t none[GOSSIP_VSN_SIZE];
    struct gossip_member *m = mem_new(struct gossip_member);

    m->identity = identity_get(t->identities, name, addr, STR_NONE, none);
    m->state = GOSSIP_STATE_DEAD;
    table_grow(t);
    m->at = t->n++;
    t->all[m->at] = m;
    slot_put(t, m);
    t->status_n[GOSSIP_STATUS_NONE]++;
    gossip_member_enter(t, m, rng);
    return m;
}

void gossip_member_free(struct gossip_table *t, struct gossip_member *m)
{
    ASSERT(!m->suspicion && !m->queued);
    gossip_member_exit(t, m);
    t->status_n[m->status]--;
    gossip_member_swap(t, m->at, t->n - 1);
    t->n--;
    slot_del(t, m);
    identity_put(t->identities, m->identity);
    mem_free(m->trip);
    mem_free(m);
}

void gossip_member_describe(struct gossip_table *t, struct gossip_member *m,
                            const struct addr *addr, struct str meta, const uint8_t *vsn)
{
    struct gossip_identity *old = m->identity;

    if (identity_is(old, identity_name(old), addr, meta, vsn))
        return;
    /* meta may point into the old one */
    m->identity = identity_get(t->identities, identity_name(old), addr, meta, vsn);
    identity_put(t->identities, old);
}

void gossip_member_set_state(struct gossip_table *t, struct gossip_member *m,
                             enum gossip_state state, struct instant now)
{
    ASSERT(gossip_member_in_swim(t, m));
    t->state_n[m->state]--;
    t->state_n[state]++;
    m->state = (uint8_t)state;
    m->changed = now.ns;
}

void gossip_member_set_status(struct gossip_table *t, struct gossip_member *m,
                              enum gossip_status status)
{
    t->status_n[m->status]--;
    t->status_n[status]++;
    m->status = (uint8_t)status;
}

bool gossip_member_in_swim(const struct gossip_table *t, const struct gossip_member *m)
{
    return m->at < t->swim_n;
}

void gossip_member_enter(struct gossip_table *t, struct gossip_member *m, struct rng *rng)
{
    if (gossip_member_in_swim(t, m))
        return;
    gossip_member_swap(t, m->at, t->swim_n);
    t->swim_n++;
    t->state_n[m->state]++;
    gossip_member_swap(t, m->at, (uint32_t)rng_below(rng, t->swim_n));
}

void gossip_member_exit(struct gossip_table *t, struct gossip_member *m)
{
    if (!gossip_member_in_swim(t, m))
        return;
    t->swim_n--;
    t->state_n[m->state]--;
    gossip_member_swap(t, m->at, t->swim_n);
}

void gossip_member_shuffle(struct gossip_table *t, struct rng *rng)
{
    for (uint32_t i = t->swim_n; i > 1; i--)
        gossip_member_swap(t, i - 1, (uint32_t)rng_below(rng, i));
}

size_t gossip_member_bytes(const struct gossip_table *t)
{
    size_t bytes = t->identities->bytes + t->identities->slot_n * sizeof(void *) +
                   (t->cap + t->slot_n) * sizeof(void *) + t->n * sizeof(struct gossip_member);

    for (uint32_t i = 0; i < t->n; i++)
        bytes += t->all[i]->trip ? sizeof(struct gossip_trip) : 0;
    return bytes;
}
