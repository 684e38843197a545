/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/buf.h"

#include <endian.h>
#include <stdio.h>

#include "base/mem.h"

#define BUF_CAP_MIN ((size_t)64)

/* Makes room for n more bytes, or fails. One byte more than the bytes is always there for buf_z. */
static bool grow(struct buf *b, size_t n)
{
    size_t max = b->max ? b->max : BUF_MAX_DEFAULT;
    size_t cap;

    if (b->failed || n > max || b->n > max - n) {
        b->failed = true;
        return false;
    }
    cap = b->cap * 2 < BUF_CAP_MIN ? BUF_CAP_MIN : b->cap * 2;
    if (cap < b->n + n + 1)
        cap = b->n + n + 1;
    b->p = mem_realloc(b->p, cap);
    b->cap = cap;
    return true;
}

static inline bool room(struct buf *b, size_t n)
{
    size_t max = b->max ? b->max : BUF_MAX_DEFAULT;

    if (!b->failed && n < b->cap && b->n < b->cap - n && b->n + n <= max)
        return true;
    return grow(b, n);
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
    mem_free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    if (n == 0 || !room(b, n))
        return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

void buf_put_str(struct buf *b, struct str s)
{
    buf_put(b, s.p, s.n);
}

void buf_put_z(struct buf *b, const char *z)
{
    if (z)
        buf_put(b, z, strlen(z));
}

void buf_put_c(struct buf *b, char c)
{
    if (room(b, 1))
        b->p[b->n++] = c;
}

void buf_putf(struct buf *b, const char *fmt, ...)
{
    size_t left = b->failed ? 0 : b->cap - b->n;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(left ? b->p + b->n : NULL, left, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    if (!room(b, (size_t)n))
        return;
    if ((size_t)n >= left) {
        va_start(ap, fmt);
        vsnprintf(b->p + b->n, b->cap - b->n, fmt, ap);
        va_end(ap);
    }
    b->n += (size_t)n;
}

void buf_put_u64_dec(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t i = sizeof(digits);

    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_put(b, digits + i, sizeof(digits) - i);
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    buf_put_c(b, (char)v);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
    v = htobe16(v);
    buf_put(b, &v, sizeof(v));
}

void buf_put_u32(struct buf *b, uint32_t v)
{
    v = htobe32(v);
    buf_put(b, &v, sizeof(v));
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    v = htobe64(v);
    buf_put(b, &v, sizeof(v));
}

char *buf_reserve(struct buf *b, size_t n)
{
    return room(b, n) ? b->p + b->n : NULL;
}

struct str buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

struct str buf_take(struct buf *b)
{
    struct str s = {b->p, b->n};

    *b = (struct buf){.max = b->max};
    return s;
}

const char *buf_z(struct buf *b)
{
    if (b->failed || !room(b, 0))
        return "";
    b->p[b->n] = '\0';
    return b->p;
}

struct cursor cursor_make(struct str s)
{
    return (struct cursor){s.p, s.p ? s.p + s.n : NULL, false};
}

size_t cursor_left(const struct cursor *c)
{
    return c->bad || !c->p ? 0 : (size_t)(c->end - c->p);
}

struct str cursor_bytes(struct cursor *c, size_t n)
{
    struct str s = {c->p, n};

    if (c->bad || n > cursor_left(c)) {
        c->bad = true;
        return STR_NONE;
    }
    if (n)
        c->p += n;
    return s;
}

uint8_t cursor_u8(struct cursor *c)
{
    struct str s = cursor_bytes(c, 1);

    return s.p ? (uint8_t)s.p[0] : 0;
}

uint16_t cursor_u16(struct cursor *c)
{
    struct str s = cursor_bytes(c, 2);
    uint16_t v = 0;

    if (s.p)
        memcpy(&v, s.p, 2);
    return be16toh(v);
}

uint32_t cursor_u32(struct cursor *c)
{
    struct str s = cursor_bytes(c, 4);
    uint32_t v = 0;

    if (s.p)
        memcpy(&v, s.p, 4);
    return be32toh(v);
}

uint64_t cursor_u64(struct cursor *c)
{
    struct str s = cursor_bytes(c, 8);
    uint64_t v = 0;

    if (s.p)
        memcpy(&v, s.p, 8);
    return be64toh(v);
}
