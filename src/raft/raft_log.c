/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "raft/raft_log.h"

#include "base/mem.h"

#define CAP_MIN 64

static struct raft_entry **slot(const struct raft_log *l, uint64_t index)
{
    return &l->ring[index & (l->cap - 1)];
}

void raft_log_init(struct raft_log *l)
{
    *l = (struct raft_log){.first = 1};
}

void raft_log_fini(struct raft_log *l)
{
    raft_log_reset(l, 0, 0);
    mem_free(l->ring);
    *l = (struct raft_log){.first = 1};
}

void raft_log_reset(struct raft_log *l, uint64_t index, uint64_t term)
{
    raft_log_truncate(l, l->first);
    l->first = index + 1;
    l->last = index;
    l->base_term = term;
}

static void resize(struct raft_log *l, size_t cap)
{
    struct raft_entry **ring = mem_alloc(cap * sizeof *ring);

    for (uint64_t i = l->first; i <= l->last; i++)
        ring[i & (cap - 1)] = *slot(l, i);
    mem_free(l->ring);
    l->ring = ring;
    l->cap = cap;
}

void raft_log_append(struct raft_log *l, struct raft_entry *e)
{
    ASSERT(e->index == l->last + 1);
    if (l->last - l->first + 1 == l->cap)
        resize(l, l->cap ? l->cap * 2 : CAP_MIN);
    l->last++;
    *slot(l, l->last) = e;
    l->bytes += e->size + sizeof *e;
}

static void drop(struct raft_log *l, uint64_t index)
{
    struct raft_entry *e = *slot(l, index);

    l->bytes -= e->size + sizeof *e;
    *slot(l, index) = NULL;
    raft_entry_unref(e);
}

void raft_log_truncate(struct raft_log *l, uint64_t from)
{
    ASSERT(from >= l->first);
    for (; l->last >= from && l->last >= l->first; l->last--)
        drop(l, l->last);
}

void raft_log_compact(struct raft_log *l, uint64_t to)
{
    if (to < l->first)
        return;
    ASSERT(to <= l->last);
    l->base_term = (*slot(l, to))->term;
    for (; l->first <= to; l->first++)
        drop(l, l->first);
    size_t used = l->last - l->first + 1;
    if (l->cap > 4096 && used < l->cap / 4)
        resize(l, l->cap / 2);
}

struct raft_entry *raft_log_get(const struct raft_log *l, uint64_t index)
{
    ASSERT(raft_log_has(l, index));
    return *slot(l, index);
}

bool raft_log_has(const struct raft_log *l, uint64_t index)
{
    return index >= l->first && index <= l->last;
}

bool raft_log_term(const struct raft_log *l, uint64_t index, uint64_t *ret)
{
    if (raft_log_has(l, index))
        *ret = (*slot(l, index))->term;
    else if (index + 1 == l->first)
        *ret = l->base_term;
    else
        return false;
    return true;
}

uint64_t raft_log_last_term(const struct raft_log *l)
{
    uint64_t term = 0;

    (void)raft_log_term(l, l->last, &term);
    return term;
}

uint64_t raft_log_trail(const struct raft_log *l, uint64_t to, uint64_t n, size_t bytes)
{
    uint64_t i = to < l->last ? to : l->last;
    size_t sum = 0;

    while (i >= l->first && to - i < n) {
        sum += (*slot(l, i))->size + sizeof(struct raft_entry);
        if (sum > bytes)
            break;
        i--;
    }
    return i;
}
