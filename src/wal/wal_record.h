/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of a segment: its header, batches, records. Pure.
 *
 *     segment  header (one sector), then batches, each from the start of a sector, then zeros
 *     batch    what one write and one sync make durable: header, records, zeros to the sector's end
 *     record   crc, size, kind, body; the crc covers what follows it and goes on from the crc of
 *              the record before (of the batch's header for the first): a chain over the whole log
 *
 * No sector holds parts of two batches, so what was acknowledged is never written again. All
 * integers are big-endian. The numbers here are on disk: for ever, or WAL_FORMAT grows.
 */
#ifndef DISCO_WAL_WAL_RECORD_H
#define DISCO_WAL_WAL_RECORD_H

#include "base/buf.h"

#define WAL_FORMAT             1
#define WAL_SECTOR             ((size_t)512)
#define WAL_BATCH_HEADER_SIZE  ((size_t)32)
#define WAL_RECORD_HEADER_SIZE ((size_t)9)
#define WAL_BATCH_SIZE_MAX     ((size_t)128 << 20)
#define WAL_SERVER_SIZE        40

struct wal_header {
    uint64_t number; /* of the segment */
    uint8_t log_id[16];
    char server[WAL_SERVER_SIZE];
    uint64_t term, vote; /* as they stood at the segment's beginning */
    uint64_t next_index; /* of the next entry, at the segment's beginning */
    uint64_t next_batch; /* number of the first batch */
    uint64_t prev_end;   /* where the segment before ends: what stands behind that is void */
    uint32_t chain;      /* crc of the last record before */
};
void wal_header_encode(const struct wal_header *h, char dst[WAL_SECTOR]);
/* ERR_INVALID: not a segment of ours. ERR_UNSUPPORTED: of another format (h->number has it).
 * ERR_CORRUPT: damaged. */
int wal_header_decode(const char src[WAL_SECTOR], struct wal_header *ret) MUST_USE;

/* Numbers on disk. */
enum wal_record_kind {
    WAL_STATE = 1,    /* term u64, vote u64 */
    WAL_ENTRY = 2,    /* index u64, term u64, kind u8, bytes */
    WAL_TRUNCATE = 3, /* from u64: entries >= from go */
    WAL_RESET = 4,    /* index u64, term u64: all go, the next is index + 1 */
    WAL_RECORD_KINDS
};
struct wal_record {
    enum wal_record_kind kind;
    uint64_t index; /* entry, truncate (from), reset */
    uint64_t term;  /* state, entry, reset */
    uint64_t vote;  /* state */
    uint8_t entry_kind;
    struct str bytes; /* entry */
};

/* ---- writing: begin, put..., end ---- */
struct wal_batch {
    struct buf out; /* padded to whole sectors after end */
    uint32_t records;
    uint32_t crc; /* of the last record */
};
/* Seed of a batch header's crc: a stale or foreign batch never passes. */
uint32_t wal_batch_seed(const uint8_t log_id[16], uint64_t segment);
/* The headers' crc stands in the chain before the records, so all of it must be known at the
 * beginning but what end fills in, which is covered by the last word of the header. */
void wal_batch_begin(struct wal_batch *b);
void wal_batch_put(struct wal_batch *b, const struct wal_record *r);
/* Numbers, chains, checksums and pads the batch: b->out is what is to be written. */
void wal_batch_end(struct wal_batch *b, uint32_t seed, uint64_t number, uint32_t chain);

/* ---- reading ---- */
enum wal_batch_verdict {
    WAL_BATCH_GOOD,
    WAL_BATCH_ABSENT,  /* its first sector is zeros */
    WAL_BATCH_TORN,    /* sectors of it were never written */
    WAL_BATCH_DAMAGED, /* it was written whole, and reads otherwise */
};
struct wal_batch_view {
    uint64_t number;
    uint32_t chain, records;
    size_t size, padded; /* of header and records; in whole sectors */
    struct str body;     /* the records */
    uint32_t crc;        /* of the header; of the last record after wal_batch_check */
};
/* Is there a batch header at the beginning of `at` (a sector's start)? Checks it alone. */
bool wal_batch_peek(struct str at, uint32_t seed, struct wal_batch_view *ret);
/* Judges what stands at the beginning of `at`, which runs to the segment's end. ret is filled when
 * the header is good. */
enum wal_batch_verdict wal_batch_check(struct str at, uint32_t seed, struct wal_batch_view *ret);
/* The next record off *body (of a good batch); false at the end. */
bool wal_record_next(struct str *body, struct wal_record *ret);

#endif
