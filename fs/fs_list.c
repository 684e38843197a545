/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fs/fs_list.h"

#include <stdlib.h>

#include "base/mem.h"

#define FS_LIST_SEED         0x6469736b6f6c7374u /* the same in every listing: cookies must agree */
#define FS_LIST_COOKIE_FIRST 16

static void push(struct fs_list *l, struct fs_list_item item);
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
    qsort_r(l->items, l->n, sizeof(l->items[0]), compare, l);
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
        qsort_r(l->items, l->n, sizeof(l->items[0]), compare, l);
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
