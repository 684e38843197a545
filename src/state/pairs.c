/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>

#include "base/mem.h"
#include "state/catalog.h"

struct pairs_iter pairs_begin(struct pairs p)
{
    struct pairs_iter i = {.u = unpack_make(p.packed)};

    i.left = p.packed.n ? unpack_map(&i.u) : 0;
    return i;
}

bool pairs_next(struct pairs_iter *i, struct str *ret_name, struct str *ret_value)
{
    if (i->left == 0 || i->u.bad)
        return false;
    i->left--;
    *ret_name = unpack_str(&i->u);
    *ret_value = unpack_str(&i->u);
    return !i->u.bad;
}

uint32_t pairs_count(struct pairs p)
{
    return pairs_begin(p).left;
}

bool pairs_get(struct pairs p, struct str name, struct str *ret_value)
{
    struct pairs_iter i = pairs_begin(p);
    struct str n, value;

    while (pairs_next(&i, &n, &value))
        if (str_eq(n, name)) {
            *ret_value = value;
            return true;
        }
    return false;
}

struct ranked {
    struct pair pair;
    size_t rank;
};

static int by_name_then_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int c = str_cmp(x->pair.name, y->pair.name);

    return c ? c : (x->rank > y->rank) - (x->rank < y->rank);
}

void pairs_pack(const struct pair *list, size_t n, struct buf *out)
{
    struct ranked *sorted = mem_alloc(n * sizeof *sorted + 1);
    uint32_t distinct = 0;

    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct ranked){list[i], i};
    qsort(sorted, n, sizeof *sorted, by_name_then_rank);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || !str_eq(sorted[i].pair.name, sorted[i + 1].pair.name))
            sorted[distinct++] = sorted[i]; /* of equal names the last, as Go's decoder keeps */
    pack_map(out, distinct);
    for (uint32_t i = 0; i < distinct; i++) {
        pack_str(out, sorted[i].pair.name);
        pack_str(out, sorted[i].pair.value);
    }
    mem_free(sorted);
}
