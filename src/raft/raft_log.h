/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log in memory: a ring of entry pointers from `first` to `last`, behind a
 * base of which only index and term are known. Pure.
 *
 *     ... base | first ... snapshot ... stable ... last
 *
 * Entries behind the snapshot are kept for followers that lag a little.
 */
#ifndef DISCO_RAFT_RAFT_LOG_H
#define DISCO_RAFT_RAFT_LOG_H

#include "raft/raft_entry.h"

struct raft_log {
    struct raft_entry **ring; /* entry i at ring[i & (cap - 1)] */
    size_t cap;               /* power of two */
    uint64_t first, last;     /* last == first - 1: empty */
    uint64_t base_term;       /* of first - 1 */
    size_t bytes;             /* of all entries */
};

void raft_log_init(struct raft_log *l);
void raft_log_fini(struct raft_log *l);
/* Forgets all; the next entry will be index + 1. */
void raft_log_reset(struct raft_log *l, uint64_t index, uint64_t term);
/* Takes the caller's reference; e->index must be last + 1. */
void raft_log_append(struct raft_log *l, struct raft_entry *e);
void raft_log_truncate(struct raft_log *l, uint64_t from);                 /* entries >= from go */
void raft_log_compact(struct raft_log *l, uint64_t to);                    /* entries <= to go */
struct raft_entry *raft_log_get(const struct raft_log *l, uint64_t index); /* must be there */
bool raft_log_has(const struct raft_log *l, uint64_t index);
/* False when the term at index is not known (before the base, behind the end). */
bool raft_log_term(const struct raft_log *l, uint64_t index, uint64_t *ret);
uint64_t raft_log_last_term(const struct raft_log *l);
/* The lowest index so that entries after it up to `to` number at most `n` and `bytes`. */
uint64_t raft_log_trail(const struct raft_log *l, uint64_t to, uint64_t n, size_t bytes);

#endif
