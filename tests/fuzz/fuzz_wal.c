/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A segment of any bytes: judged without a crash. The checksums of header and
 * batches are mended first where the input asks for it (first byte odd), or
 * nothing behind them would ever be reached.
 */
#include "base/digest.h"
#include "base/mem.h"
#include "wal/wal_segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_u32(char *dst, uint32_t v)
{
    for (int i = 3; i >= 0; i--, v >>= 8)
        dst[i] = (char)v;
}

static int on_batch(void *data, uint64_t at, const struct wal_batch_view *batch)
{
    struct str body = batch->body;
    struct wal_record r;
    uint64_t *sum = data;

    while (wal_record_next(&body, &r))
        *sum += r.index + r.bytes.n + at;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wal_segment s = {0};
    struct wal_place place;
    struct error err = {0};
    uint64_t cut, sum = 0;

    if (size < 1 || size > 65536)
        return 0;
    buf_init(&s.bytes, 0);
    buf_put(&s.bytes, data + 1, size - 1);
    while (s.bytes.n < 2 * WAL_SECTOR || s.bytes.n % WAL_SECTOR)
        buf_put_u8(&s.bytes, 0);
    if (data[0] & 1)
        put_u32(s.bytes.p + 120, digest_crc32c(0, str_take(buf_str(&s.bytes), 120)));
    if (wal_header_decode(s.bytes.p, &s.header) == 0) {
        uint32_t seed = wal_batch_seed(s.header.log_id, s.header.number);
        for (size_t at = WAL_SECTOR; data[0] & 1 && at < s.bytes.n; at += WAL_SECTOR)
            put_u32(s.bytes.p + at + 28, digest_crc32c(seed, (struct str){s.bytes.p + at, 28}));
        if (wal_segment_scan(&s, data[0] & 2 ? s.bytes.n : 0, on_batch, &sum, &place, &cut, &err) <
            0)
            ASSERT(err.code < 0 && err.text[0]);
    }
    wal_segment_fini(&s);
    return 0;
}
