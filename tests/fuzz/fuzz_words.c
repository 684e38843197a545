/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small parsers of base/, one line of text each: what they accept, they write back. */
#include "base/addr.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "store/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_duration(struct str in, struct buf *out)
{
    struct duration d, again;

    if (duration_parse(in, DURATION_S(1), &d) < 0)
        return;
    duration_format(d, out);
    if (d.ns != INT64_MIN)
        ASSERT(duration_parse(buf_str(out), (struct duration){0}, &again) == 0);
}

static void try_addr(struct str in)
{
    char text[ADDR_TEXT_MAX];
    struct addr a, again;

    if (addr_parse_port(in, 1, &a) < 0)
        return;
    addr_format(&a, text);
    ASSERT(addr_parse_port(str_z(text), 0, &again) == 0);
    ASSERT(addr_eq(&a, &again));
}

static void try_encodings(struct str in, struct buf *out, struct buf *back)
{
    if (encode_base64_parse(in, out) == 0)
        encode_base64(buf_str(out), back);
    ASSERT(back->n == 0 || back->n == in.n);
    buf_clear(out);
    buf_clear(back);
    if (encode_percent_parse(in, true, out) == 0) {
        encode_percent(buf_str(out), true, back);
        buf_clear(out);
        ASSERT(encode_percent_parse(buf_str(back), true, out) == 0);
    }
    buf_clear(out);
    if (encode_hex_parse(in, out) == 0)
        ASSERT(out->n * 2 == in.n);
    ASSERT(!encode_is_uuid(in) || in.n == 36);
}

static void try_numbers(struct str in, struct buf *out)
{
    uint64_t u, again;
    int64_t i;

    if (str_to_u64(in, &u) == 0) {
        buf_put_u64_dec(out, u);
        ASSERT(str_to_u64(buf_str(out), &again) == 0 && again == u);
    }
    if (str_to_i64(in, &i) == 0 && i >= 0 && in.p[0] != '+' && in.p[0] != '-')
        ASSERT(str_to_u64(in, &again) == 0 && again == (uint64_t)i);
}

/* A message never leaves its line. */
static void try_log(struct str in)
{
    char line[2000];
    size_t n;

    for (int json = 0; json < 2; json++) {
        log_format(LOG_WARN, "fuzz", in, json, 0, line, sizeof(line), &n);
        ASSERT(n < sizeof(line));
        for (size_t i = 0; i < n; i++)
            ASSERT((unsigned char)line[i] >= 0x20);
    }
}

static void try_keys(struct str in, struct buf *out)
{
    struct cursor c = cursor_make(in);

    while (keys_get_text(&c, out))
        ASSERT(out->n <= in.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = str_make(data, size);
    struct buf out = {0}, back = {0};

    try_duration(in, &out);
    try_addr(in);
    buf_clear(&out);
    try_encodings(in, &out, &back);
    buf_clear(&out);
    try_numbers(in, &out);
    try_log(in);
    buf_clear(&out);
    try_keys(in, &out);
    buf_fini(&out);
    buf_fini(&back);
    return 0;
}
