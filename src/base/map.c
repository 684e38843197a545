/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/map.h"

#include "base/mem.h"

#define SLOTS_MIN 8

void map_init(struct map *m, uint64_t seed)
{
    *m = (struct map){.seed = seed};
}

void map_fini(struct map *m)
{
    MAP_FOREACH (m, e)
        mem_free(e);
    mem_free(m->slots);
    *m = (struct map){.seed = m->seed};
}

/* The pointer that points to the entry of `key`, or to the NULL where it would be; needs slots. */
static struct map_entry **locate(const struct map *m, struct str key, uint64_t hash)
{
    struct map_entry **at = &m->slots[hash & (m->slot_n - 1)];

    while (*at && !((*at)->hash == hash && str_eq(map_key(*at), key)))
        at = &(*at)->next;
    return at;
}

static void grow(struct map *m)
{
    size_t slot_n = m->slot_n ? m->slot_n * 2 : SLOTS_MIN;
    struct map_entry **slots = mem_alloc(slot_n * sizeof(*slots));

    MAP_FOREACH (m, e) {
        struct map_entry **slot = &slots[e->hash & (slot_n - 1)];

        e->next = *slot;
        *slot = e;
    }
    mem_free(m->slots);
    m->slots = slots;
    m->slot_n = slot_n;
}

void *map_get(const struct map *m, struct str key)
{
    struct map_entry *e = m->n ? *locate(m, key, str_hash(key, m->seed)) : NULL;

    return e ? e->value : NULL;
}

void *map_set(struct map *m, struct str key, void *value)
{
    uint64_t hash = str_hash(key, m->seed);
    struct map_entry **at, *e;

    ASSERT(value != NULL);
    if (m->n >= m->slot_n)
        grow(m);
    at = locate(m, key, hash);
    if (*at) {
        void *old = (*at)->value;

        (*at)->value = value;
        return old;
    }
    e = mem_alloc(sizeof(*e) + key.n);
    e->value = value;
    e->hash = hash;
    e->key_n = key.n;
    if (key.n)
        memcpy(e->key, key.p, key.n);
    *at = e;
    m->n++;
    return NULL;
}

void *map_del(struct map *m, struct str key)
{
    struct map_entry **at, *e;
    void *value;

    if (m->n == 0)
        return NULL;
    at = locate(m, key, str_hash(key, m->seed));
    e = *at;
    if (!e)
        return NULL;
    *at = e->next;
    m->n--;
    value = e->value;
    mem_free(e);
    return value;
}
