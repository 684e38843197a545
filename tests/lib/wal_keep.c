/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/wal_keep.h"

#include "base/mem.h"

struct str wal_keep_content(uint64_t index, uint64_t term, size_t size, char *dst)
{
    struct rng r;

    rng_init(&r, index * 1000 + term);
    for (size_t i = 0; i < size; i++)
        dst[i] = (char)(rng_u64(&r) | 1);
    return (struct str){dst, size};
}

void wal_keep_put(struct wal *w, uint64_t index, uint64_t term, size_t size)
{
    char *content = mem_alloc(WAL_KEEP_SIZE_MAX);

    wal_put_entry(w, index, term, 1, wal_keep_content(index, term, size, content));
    mem_free(content);
}

static int on_entry(void *data, uint64_t index, uint64_t term, uint8_t kind, struct str bytes)
{
    struct wal_keep *k = data;
    char *content = mem_alloc(WAL_KEEP_SIZE_MAX);
    bool same = kind == 1 && str_eq(bytes, wal_keep_content(index, term, bytes.n, content));

    mem_free(content);
    ASSERT(same);
    if (k->last < k->first) {
        k->first = index;
        k->last = index - 1;
    }
    ASSERT(index == k->last + 1);
    k->last = index;
    k->terms[index] = term;
    return 0;
}

static int on_truncate(void *data, uint64_t from)
{
    struct wal_keep *k = data;

    k->last = from - 1;
    return 0;
}

static int on_reset(void *data, uint64_t index, uint64_t term)
{
    struct wal_keep *k = data;

    (void)term;
    k->first = index + 1;
    k->last = index;
    return 0;
}

void wal_keep_init(struct wal_keep *k)
{
    *k = (struct wal_keep){.first = 1};
    k->visitor = (struct wal_visitor){
        .data = k, .entry = on_entry, .truncate = on_truncate, .reset = on_reset};
}

int wal_keep_open(struct wal_keep *k, struct disk_sim *d, const struct wal_config *conf,
                  struct wal **ret)
{
    wal_keep_init(k);
    return wal_open(&d->disk, conf, &k->visitor, &k->found, ret, &k->err);
}
