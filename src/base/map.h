/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * String to pointer, hashed with a seed (so that a peer cannot choose
 * collisions), keys copied. Order of iteration means nothing: never use it
 * where the result must be the same on every server.
 */
#ifndef DISCO_BASE_MAP_H
#define DISCO_BASE_MAP_H

#include "base/str.h"

struct map_entry {
    struct map_entry *next;
    void *value;
    uint64_t hash;
    size_t key_n;
    char key[];
};
struct map {
    struct map_entry **slots;
    size_t slot_n, n;
    uint64_t seed;
};

void map_init(struct map *m, uint64_t seed);
void map_fini(struct map *m);                       /* values are the caller's business */
void *map_get(const struct map *m, struct str key); /* NULL if absent */
/* Stores value (not NULL); returns the one it replaced, or NULL. */
void *map_set(struct map *m, struct str key, void *value);
void *map_del(struct map *m, struct str key); /* returns the value, or NULL */
/* Iterates; during it nothing may be set, and only the current entry deleted. */
#define MAP_FOREACH(m, e)                                                                          \
    for (size_t e##_i = 0; e##_i < (m)->slot_n; e##_i++)                                           \
        for (struct map_entry *e = (m)->slots[e##_i], *e##_next; e && (e##_next = e->next, 1);     \
             e = e##_next)
static inline struct str map_key(const struct map_entry *e)
{
    return (struct str){e->key, e->key_n};
}

#endif
