/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pack.h"

#include <msgpack.h>

static int on_write(void *data, const char *p, size_t n)
{
    buf_put(data, p, n);
    return 0;
}

static msgpack_packer packer(struct buf *out)
{
    return (msgpack_packer){.data = out, .callback = on_write};
}

void pack_nil(struct buf *out)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_nil(&pk);
}

void pack_bool(struct buf *out, bool v)
{
    msgpack_packer pk = packer(out);

    if (v)
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
}

void pack_uint(struct buf *out, uint64_t v)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_uint64(&pk, v);
}

void pack_int(struct buf *out, int64_t v)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_int64(&pk, v);
}

void pack_double(struct buf *out, double v)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_double(&pk, v);
}

void pack_str(struct buf *out, struct str s)
{
    msgpack_packer pk = packer(out);

    if (s.n > UINT32_MAX) {
        out->failed = true;
        return;
    }
    msgpack_pack_str(&pk, s.n);
    buf_put_str(out, s);
}

void pack_bin(struct buf *out, struct str s)
{
    msgpack_packer pk = packer(out);

    if (s.n > UINT32_MAX) {
        out->failed = true;
        return;
    }
    msgpack_pack_bin(&pk, s.n);
    buf_put_str(out, s);
}

void pack_raw(struct buf *out, struct str s)
{
    msgpack_packer pk = packer(out);

    if (s.n > UINT32_MAX) {
        out->failed = true;
        return;
    }
    msgpack_pack_v4raw(&pk, s.n);
    buf_put_str(out, s);
}

void pack_array(struct buf *out, uint32_t n)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_array(&pk, n);
}

void pack_map(struct buf *out, uint32_t n)
{
    msgpack_packer pk = packer(out);

    msgpack_pack_map(&pk, n);
}

/*
 * The reader. One head says what follows: its kind, and the number, length or
 * count that goes with it.
 */
enum kind { BAD, NIL, BOOL, UINT, NEGATIVE, DOUBLE, BYTES, ARRAY, MAP, EXT };
struct head {
    enum kind kind;
    uint64_t v; /* the value, the bits of the double or of the negative number, or the length */
};

struct unpack unpack_make(struct str s)
{
    return (struct unpack){cursor_make(s), false};
}

/* A big-endian number of 1, 2, 4 or 8 bytes: 1 << size_log */
static uint64_t read_uint(struct cursor *in, unsigned size_log)
{
    switch (size_log) {
    case 0:
        return cursor_u8(in);
    case 1:
        return cursor_u16(in);
    case 2:
        return cursor_u32(in);
    default:
        return cursor_u64(in);
    }
}

static struct head signed_head(int64_t v)
{
    return (struct head){v < 0 ? NEGATIVE : UINT, (uint64_t)v};
}

static struct head read_int(struct cursor *in, unsigned size_log)
{
    uint64_t v = read_uint(in, size_log);

    switch (size_log) {
    case 0:
        return signed_head((int8_t)v);
    case 1:
        return signed_head((int16_t)v);
    case 2:
        return signed_head((int32_t)v);
    default:
        return signed_head((int64_t)v);
    }
}

static struct head float_head(double v)
{
    struct head h = {DOUBLE, 0};

    memcpy(&h.v, &v, sizeof(v));
    return h;
}

static struct head read_float32(struct cursor *in)
{
    uint32_t bits = cursor_u32(in);
    float f;

    memcpy(&f, &bits, sizeof(f));
    return float_head((double)f);
}

/* Heads of one byte and more that begin with c0..df. */
static struct head read_long_head(struct cursor *in, uint8_t c)
{
    switch (c) {
    case 0xc0:
        return (struct head){NIL, 0};
    case 0xc2:
    case 0xc3:
        return (struct head){BOOL, c & 1};
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return (struct head){BYTES, read_uint(in, c - 0xc4U)};
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return (struct head){EXT, read_uint(in, c - 0xc7U) + 1};
    case 0xca:
        return read_float32(in);
    case 0xcb:
        return (struct head){DOUBLE, cursor_u64(in)};
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return (struct head){UINT, read_uint(in, c - 0xccU)};
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return read_int(in, c - 0xd0U);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return (struct head){EXT, (UINT64_C(1) << (c - 0xd4)) + 1};
    case 0xd9:
    case 0xda:
    case 0xdb:
        return (struct head){BYTES, read_uint(in, c - 0xd9U)};
    case 0xdc:
    case 0xdd:
        return (struct head){ARRAY, read_uint(in, c - 0xdbU)};
    case 0xde:
    case 0xdf:
        return (struct head){MAP, read_uint(in, c - 0xddU)};
    }
    return (struct head){BAD, 0};
}

static struct head fail(struct unpack *u)
{
    u->bad = true;
    u->in.bad = true;
    return (struct head){BAD, 0};
}

static struct head read_head(struct unpack *u)
{
    uint8_t c = cursor_u8(&u->in);
    struct head h;

    if (c < 0x80)
        h = (struct head){UINT, c};
    else if (c < 0x90)
        h = (struct head){MAP, c & 0x0f};
    else if (c < 0xa0)
        h = (struct head){ARRAY, c & 0x0f};
    else if (c < 0xc0)
        h = (struct head){BYTES, c & 0x1f};
    else if (c >= 0xe0)
        h = signed_head((int8_t)c);
    else
        h = read_long_head(&u->in, c);
    if (u->bad || u->in.bad || h.kind == BAD)
        return fail(u);
    /* each element takes a byte at least, each pair two */
    if ((h.kind == BYTES || h.kind == EXT || h.kind == ARRAY) && h.v > cursor_left(&u->in))
        return fail(u);
    if (h.kind == MAP && h.v > cursor_left(&u->in) / 2)
        return fail(u);
    return h;
}

static uint64_t expect(struct unpack *u, enum kind kind)
{
    struct head h = read_head(u);

    return h.kind == kind ? h.v : fail(u).v;
}

bool unpack_bool(struct unpack *u)
{
    return expect(u, BOOL);
}

uint64_t unpack_uint(struct unpack *u)
{
    return expect(u, UINT);
}

int64_t unpack_int(struct unpack *u)
{
    struct head h = read_head(u);

    if (h.kind == NEGATIVE || (h.kind == UINT && h.v <= INT64_MAX))
        return (int64_t)h.v;
    fail(u);
    return 0;
}

double unpack_double(struct unpack *u)
{
    struct head h = read_head(u);
    double v = 0;

    if (h.kind == UINT)
        return (double)h.v;
    if (h.kind == NEGATIVE)
        return (double)(int64_t)h.v;
    if (h.kind == DOUBLE)
        memcpy(&v, &h.v, sizeof(v));
    else
        fail(u);
    return v;
}

struct str unpack_str(struct unpack *u)
{
    struct head h = read_head(u);

    if (h.kind == BYTES)
        return cursor_bytes(&u->in, h.v);
    if (h.kind != NIL)
        fail(u);
    return STR_NONE;
}

uint32_t unpack_array(struct unpack *u)
{
    return (uint32_t)expect(u, ARRAY);
}

uint32_t unpack_map(struct unpack *u)
{
    return (uint32_t)expect(u, MAP);
}

bool unpack_is_nil(struct unpack *u)
{
    if (cursor_left(&u->in) == 0 || (uint8_t)*u->in.p != 0xc0)
        return false;
    cursor_u8(&u->in);
    return true;
}

static void skip(struct unpack *u, int depth)
{
    struct head h = read_head(u);
    uint64_t n = h.kind == ARRAY ? h.v : h.kind == MAP ? 2 * h.v : 0;

    if (h.kind == BYTES || h.kind == EXT)
        cursor_bytes(&u->in, h.v);
    if (n && depth == UNPACK_DEPTH_MAX)
        fail(u);
    for (; n && !u->bad; n--)
        skip(u, depth + 1);
}

void unpack_skip(struct unpack *u)
{
    skip(u, 1);
}

bool unpack_is_end(const struct unpack *u)
{
    return !u->bad && cursor_left(&u->in) == 0;
}
