/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For tests of the log: a visitor that keeps what it is told, and entries
 * whose content follows from their index and term.
 */
#ifndef DISCO_TESTS_WAL_KEEP_H
#define DISCO_TESTS_WAL_KEEP_H

#include "tests/lib/disk_sim.h"
#include "wal/wal.h"

#define WAL_KEEP_SIZE_MAX 100000

struct wal_keep {
    uint64_t first, last;
    uint64_t terms[8192]; /* by index */
    struct wal_found found;
    struct wal_visitor visitor;
    struct error err;
    size_t size; /* of entries' content; 0: 40 bytes */
};
void wal_keep_init(struct wal_keep *k);
int wal_keep_open(struct wal_keep *k, struct disk_sim *d, const struct wal_config *conf,
                  struct wal **ret);
/* The content of an entry, in a buffer of the caller's of WAL_KEEP_SIZE_MAX. */
struct str wal_keep_content(uint64_t index, uint64_t term, size_t size, char *dst);
void wal_keep_put(struct wal *w, uint64_t index, uint64_t term, size_t size);

#endif
