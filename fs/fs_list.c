/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fs/fs_list.h"

#include <stdlib.h>

#include "base/mem.h"

#define FS_LIST_SEED         0x6469736b6f6c7374u /* the same in every listing: cookies must agree */
#define FS_LIST_COOKIE_FIRST 16
#define FS_LIST_COOKIE_BITS  62

static void push(struct fs_list *l, struct fs_list_item item);
static void sort(struct fs_list *l);
static void join_equal(struct fs_list *l);
static int compare(const void *a, const void *b, void *list);

void fs_list_init(struct fs_list *l)
{
    memset(l, 0, sizeof(*l));
    buf_init(&l->names, 0);
}

void fs_list_fini(struct fs_list *l)
{
    buf_fini(&l->names);
    mem_free(l->items);
    memset(l, 0, sizeof(*l));
}

void fs_list_add(struct fs_list *l, struct str name, int what)
{
    uint64_t hash = str_hash(name, FS_LIST_SEED) >> 2;
    ASSERT(name.n > 0 && name.n <= UINT16_MAX);
    if (hash < FS_LIST_COOKIE_FIRST)
        hash += FS_LIST_COOKIE_FIRST;
    push(l, (struct fs_list_item){.cookie = hash,
                                  .name_at = (uint32_t)l->names.n,
                                  .name_n = (uint16_t)name.n,
                                  .what = (uint8_t)what});
    buf_put_str(&l->names, name);
}

void fs_list_add_value(struct fs_list *l, struct str name, uint64_t version, uint64_t size)
{
    fs_list_add(l, name, FS_LIST_VALUE);
    if (size > UINT32_MAX)
        return;
    l->items[l->n - 1].version = version;
    l->items[l->n - 1].size = (uint32_t)size;
}

void fs_list_finish(struct fs_list *l)
{
    if (l->n == 0)
        return;
    sort(l);
    join_equal(l);
    /* A value beside a tree of the same name shows under its face. */
    size_t n = l->n;
    for (size_t i = 0; i < n; i++) {
        char face[UINT8_MAX + 8];
        struct str name = fs_list_name(l, &l->items[i]);
        if (l->items[i].what != (FS_LIST_VALUE | FS_LIST_TREE) || name.n + 2 > sizeof(face))
            continue;
        memcpy(face, name.p, name.n);
        memcpy(face + name.n, "%v", 2);
        l->items[i].what = FS_LIST_TREE;
        fs_list_add(l, str_make(face, name.n + 2), FS_LIST_VALUE);
    }
    if (l->n > n)
        sort(l);
    for (size_t i = 1; i < l->n; i++)
        if (l->items[i].cookie <= l->items[i - 1].cookie)
            l->items[i].cookie = l->items[i - 1].cookie + 1;
}

struct str fs_list_name(const struct fs_list *l, const struct fs_list_item *item)
{
    return str_make(l->names.p + item->name_at, item->name_n);
}

size_t fs_list_after(const struct fs_list *l, uint64_t cookie)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (l->items[mid].cookie > cookie)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static void push(struct fs_list *l, struct fs_list_item item)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 32;
        l->items = mem_realloc(l->items, l->cap * sizeof(l->items[0]));
    }
    l->items[l->n++] = item;
}

/* Cookies are hashes, spread evenly: by their first bits each item comes close to its place, and
 * only those of one bucket need to be compared (all of them, when somebody chose names to that
 * end). */
static void sort(struct fs_list *l)
{
    int shift = FS_LIST_COOKIE_BITS;
    size_t bucket_n = 1;
    while (bucket_n < l->n) {
        bucket_n *= 2;
        shift--;
    }
    uint32_t *ends = mem_alloc(bucket_n * sizeof(ends[0]));
    struct fs_list_item *sorted = mem_alloc(l->cap * sizeof(sorted[0]));
    for (size_t i = 0; i < l->n; i++)
        ends[l->items[i].cookie >> shift & (bucket_n - 1)]++;
    for (size_t b = 1; b < bucket_n; b++)
        ends[b] += ends[b - 1];
    for (size_t i = l->n; i-- > 0;)
        sorted[--ends[l->items[i].cookie >> shift & (bucket_n - 1)]] = l->items[i];
    for (size_t b = 0; b < bucket_n; b++) { /* now they are the buckets' beginnings */
        size_t end = b + 1 < bucket_n ? ends[b + 1] : l->n;
        if (end - ends[b] > 1)
            qsort_r(sorted + ends[b], end - ends[b], sizeof(sorted[0]), compare, l);
    }
    mem_free(ends);
    mem_free(l->items);
    l->items = sorted;
}

static void join_equal(struct fs_list *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (kept > 0 && compare(&l->items[kept - 1], &l->items[i], l) == 0)
            l->items[kept - 1].what |= l->items[i].what;
        else
            l->items[kept++] = l->items[i];
    }
    l->n = kept;
}

static int compare(const void *a, const void *b, void *list)
{
    const struct fs_list_item *x = a, *y = b;
    if (x->cookie != y->cookie)
        return x->cookie < y->cookie ? -1 : 1;
    return str_cmp(fs_list_name(list, x), fs_list_name(list, y));
}
