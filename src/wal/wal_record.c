/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A batch is the unit of tearing: one write, made durable by one sync, before
 * the next batch is begun. So a crash leaves of the last batch any subset of
 * its sectors; those that did not arrive read as zeros, because segments are
 * preallocated and never used twice.
 *
 * That tells a torn write from a flipped bit: the batch's header says how many
 * of its sectors are zeros by nature. If a batch does not check and has more
 * zero sectors than that, sectors are missing: torn. If it has not, all of it
 * was written and something changed it since: damaged. (A batch that checks
 * has all its bytes.) Whether later batches exist is asked by the caller.
 */
#include "wal/wal_record.h"

#include "base/digest.h"

#define BATCH_MAGIC 0xd15c0ba7u
static const char header_magic[8] = {'D', 'I', 'S', 'C', 'O', 'W', 'A', 'L'};

static void put_u32(char *dst, uint32_t v)
{
    for (int i = 3; i >= 0; i--, v >>= 8)
        dst[i] = (char)v;
}

static void put_u64(char *dst, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        dst[i] = (char)v;
}

static uint32_t get_u32(const char *src)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 8 | (uint8_t)src[i];
    return v;
}

static uint64_t get_u64(const char *src)
{
    return (uint64_t)get_u32(src) << 32 | get_u32(src + 4);
}

static uint32_t crc(uint32_t seed, const char *p, size_t n)
{
    return digest_crc32c(seed, (struct str){p, n});
}

static bool is_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

/* ---- segment header: magic 8, format 4, number 8, log id 16, server 40, term 8, vote 8,
 * next index 8, next batch 8, prev end 8, chain 4, crc 4 ---- */

void wal_header_encode(const struct wal_header *h, char dst[WAL_SECTOR])
{
    memset(dst, 0, WAL_SECTOR);
    memcpy(dst, header_magic, 8);
    put_u32(dst + 8, WAL_FORMAT);
    put_u64(dst + 12, h->number);
    memcpy(dst + 20, h->log_id, 16);
    memcpy(dst + 36, h->server, WAL_SERVER_SIZE);
    put_u64(dst + 76, h->term);
    put_u64(dst + 84, h->vote);
    put_u64(dst + 92, h->next_index);
    put_u64(dst + 100, h->next_batch);
    put_u64(dst + 108, h->prev_end);
    put_u32(dst + 116, h->chain);
    put_u32(dst + 120, crc(0, dst, 120));
}

int wal_header_decode(const char src[WAL_SECTOR], struct wal_header *ret)
{
    if (memcmp(src, header_magic, 8) != 0)
        return ERR_INVALID;
    if (get_u32(src + 8) != WAL_FORMAT) {
        ret->number = get_u32(src + 8);
        return ERR_UNSUPPORTED;
    }
    if (get_u32(src + 120) != crc(0, src, 120) || !is_zero(src + 124, WAL_SECTOR - 124) ||
        src[36 + WAL_SERVER_SIZE - 1] != 0)
        return ERR_CORRUPT;
    ret->number = get_u64(src + 12);
    memcpy(ret->log_id, src + 20, 16);
    memcpy(ret->server, src + 36, WAL_SERVER_SIZE);
    ret->term = get_u64(src + 76);
    ret->vote = get_u64(src + 84);
    ret->next_index = get_u64(src + 92);
    ret->next_batch = get_u64(src + 100);
    ret->prev_end = get_u64(src + 108);
    ret->chain = get_u32(src + 116);
    return 0;
}

/* ---- batches: magic 4, number 8, size 4, records 4, zero sectors 4, chain 4, crc 4 ---- */

uint32_t wal_batch_seed(const uint8_t log_id[16], uint64_t segment)
{
    char bytes[24];

    memcpy(bytes, log_id, 16);
    put_u64(bytes + 16, segment);
    return crc(0, bytes, sizeof bytes);
}

void wal_batch_begin(struct wal_batch *b)
{
    buf_clear(&b->out);
    b->out.max = WAL_BATCH_SIZE_MAX + WAL_SECTOR;
    b->records = 0;
    char *p = buf_reserve(&b->out, WAL_BATCH_HEADER_SIZE);
    ASSERT(p != NULL);
    memset(p, 0, WAL_BATCH_HEADER_SIZE);
    b->out.n = WAL_BATCH_HEADER_SIZE;
}

/* The crc is filled in at the end, when the header's, on which it is chained, is known. */
void wal_batch_put(struct wal_batch *b, const struct wal_record *r)
{
    size_t start = b->out.n;

    buf_put_u32(&b->out, 0);
    buf_put_u32(&b->out, 0);
    buf_put_u8(&b->out, (uint8_t)r->kind);
    switch (r->kind) {
    case WAL_STATE:
        buf_put_u64(&b->out, r->term);
        buf_put_u64(&b->out, r->vote);
        break;
    case WAL_ENTRY:
        buf_put_u64(&b->out, r->index);
        buf_put_u64(&b->out, r->term);
        buf_put_u8(&b->out, r->entry_kind);
        buf_put_str(&b->out, r->bytes);
        break;
    case WAL_TRUNCATE:
        buf_put_u64(&b->out, r->index);
        break;
    case WAL_RESET:
        buf_put_u64(&b->out, r->index);
        buf_put_u64(&b->out, r->term);
        break;
    case WAL_RECORD_KINDS:
        ASSERT(!"a record of no kind");
    }
    ASSERT(!b->out.failed); /* the caller keeps batches below WAL_BATCH_SIZE_MAX */
    put_u32(b->out.p + start + 4, (uint32_t)(b->out.n - start - WAL_RECORD_HEADER_SIZE));
    b->records++;
}

static uint32_t zero_sectors(const char *p, size_t padded)
{
    uint32_t n = 0;

    for (size_t i = 0; i < padded; i += WAL_SECTOR)
        n += is_zero(p + i, WAL_SECTOR);
    return n;
}

void wal_batch_end(struct wal_batch *b, uint32_t seed, uint64_t number, uint32_t chain)
{
    size_t size = b->out.n, pad = (WAL_SECTOR - size % WAL_SECTOR) % WAL_SECTOR;
    char *p = buf_reserve(&b->out, pad);

    ASSERT(p != NULL && size <= WAL_BATCH_SIZE_MAX);
    memset(p, 0, pad);
    b->out.n += pad;
    p = b->out.p;
    put_u32(p, BATCH_MAGIC);
    put_u64(p + 4, number);
    put_u32(p + 12, (uint32_t)size);
    put_u32(p + 16, b->records);
    put_u32(p + 24, chain);
    /* The records' checksums decide which sectors are zeros, the header's comes before theirs in
     * the chain and covers the count: so the chain starts from the header without the count. */
    b->crc = crc(seed, p, 20) ^ chain;
    for (size_t at = WAL_BATCH_HEADER_SIZE; at < size;) {
        size_t n = WAL_RECORD_HEADER_SIZE + get_u32(p + at + 4);
        b->crc = crc(b->crc, p + at + 4, n - 4);
        put_u32(p + at, b->crc);
        at += n;
    }
    put_u32(p + 20, zero_sectors(p, b->out.n));
    put_u32(p + 28, crc(seed, p, 28));
}

bool wal_batch_peek(struct str at, uint32_t seed, struct wal_batch_view *ret)
{
    if (at.n < WAL_SECTOR || get_u32(at.p) != BATCH_MAGIC ||
        get_u32(at.p + 28) != crc(seed, at.p, 28))
        return false;
    size_t size = get_u32(at.p + 12);
    if (size < WAL_BATCH_HEADER_SIZE)
        return false;
    *ret = (struct wal_batch_view){
        .number = get_u64(at.p + 4),
        .chain = get_u32(at.p + 24),
        .records = get_u32(at.p + 16),
        .size = size,
        .padded = (size + WAL_SECTOR - 1) / WAL_SECTOR * WAL_SECTOR,
        .crc = crc(seed, at.p, 20) ^ get_u32(at.p + 24),
    };
    return true;
}

static bool record_is_sane(const char *p, size_t n)
{
    switch ((uint8_t)p[8]) {
    case WAL_STATE:
    case WAL_RESET:
        return n == WAL_RECORD_HEADER_SIZE + 16;
    case WAL_ENTRY:
        return n >= WAL_RECORD_HEADER_SIZE + 17;
    case WAL_TRUNCATE:
        return n == WAL_RECORD_HEADER_SIZE + 8;
    default:
        return false;
    }
}

/* All records, and zeros behind them. */
static bool body_checks(const char *p, struct wal_batch_view *v)
{
    uint32_t n = 0, chain = v->crc;

    for (size_t at = WAL_BATCH_HEADER_SIZE; at < v->size; n++) {
        if (v->size - at < WAL_RECORD_HEADER_SIZE ||
            get_u32(p + at + 4) > v->size - at - WAL_RECORD_HEADER_SIZE)
            return false;
        size_t size = WAL_RECORD_HEADER_SIZE + get_u32(p + at + 4);
        chain = crc(chain, p + at + 4, size - 4);
        if (chain != get_u32(p + at) || !record_is_sane(p + at, size))
            return false;
        at += size;
    }
    if (n != v->records || !is_zero(p + v->size, v->padded - v->size))
        return false;
    v->crc = chain;
    v->body = (struct str){p + WAL_BATCH_HEADER_SIZE, v->size - WAL_BATCH_HEADER_SIZE};
    return true;
}

enum wal_batch_verdict wal_batch_check(struct str at, uint32_t seed, struct wal_batch_view *ret)
{
    if (at.n < WAL_SECTOR || is_zero(at.p, WAL_SECTOR))
        return WAL_BATCH_ABSENT;
    if (!wal_batch_peek(at, seed, ret) || ret->padded > at.n)
        return WAL_BATCH_DAMAGED;
    if (body_checks(at.p, ret))
        return WAL_BATCH_GOOD;
    return zero_sectors(at.p, ret->padded) > get_u32(at.p + 20) ? WAL_BATCH_TORN
                                                                : WAL_BATCH_DAMAGED;
}

bool wal_record_next(struct str *body, struct wal_record *ret)
{
    struct cursor in = cursor_make(*body);

    if (body->n < WAL_RECORD_HEADER_SIZE)
        return false;
    (void)cursor_u32(&in);
    uint32_t size = cursor_u32(&in);
    *ret = (struct wal_record){.kind = (enum wal_record_kind)cursor_u8(&in)};
    switch (ret->kind) {
    case WAL_STATE:
        ret->term = cursor_u64(&in);
        ret->vote = cursor_u64(&in);
        break;
    case WAL_ENTRY:
        ret->index = cursor_u64(&in);
        ret->term = cursor_u64(&in);
        ret->entry_kind = cursor_u8(&in);
        ret->bytes = size >= 17 ? cursor_bytes(&in, size - 17) : STR_NONE;
        break;
    case WAL_TRUNCATE:
        ret->index = cursor_u64(&in);
        break;
    case WAL_RESET:
        ret->index = cursor_u64(&in);
        ret->term = cursor_u64(&in);
        break;
    default:
        return false;
    }
    *body = str_drop(*body, WAL_RECORD_HEADER_SIZE + size);
    return !in.bad;
}
