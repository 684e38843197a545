/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GCC's __atomic builtins rather than <stdatomic.h>, so that the words in the
 * header stay plain integers. A published value is set with release and read
 * with acquire: who reads an applied index may open a view and find it there.
 */
#include "base/published.h"

#include <stdbool.h>

#include "base/error.h"

void published_set(struct published *p, enum published_name name, uint64_t value)
{
    ASSERT(name < PUBLISHED_NAMES);
    __atomic_store_n(&p->words[name], value, __ATOMIC_RELEASE);
}

uint64_t published_get(const struct published *p, enum published_name name)
{
    ASSERT(name < PUBLISHED_NAMES);
    return __atomic_load_n(&p->words[name], __ATOMIC_ACQUIRE);
}

void published_add(struct published_counter *c, int64_t n)
{
    __atomic_fetch_add(&c->value, n, __ATOMIC_RELAXED);
}

void published_raise(struct published_counter *c, int64_t to)
{
    int64_t now = __atomic_load_n(&c->value, __ATOMIC_RELAXED);

    while (now < to && !__atomic_compare_exchange_n(&c->value, &now, to, true, __ATOMIC_RELAXED,
                                                    __ATOMIC_RELAXED))
        continue;
}

int64_t published_add_ordered(struct published_counter *c, int64_t n)
{
    return __atomic_fetch_add(&c->value, n, __ATOMIC_ACQ_REL);
}

int64_t published_read(const struct published_counter *c)
{
    return __atomic_load_n(&c->value, __ATOMIC_RELAXED);
}

void published_write(struct published_counter *c, int64_t value)
{
    __atomic_store_n(&c->value, value, __ATOMIC_RELAXED);
}
