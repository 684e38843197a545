/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growing bytes with a maximum, and a cursor that reads with bounds.
 *
 * A buf that would pass its maximum becomes `failed`: it keeps what it had and
 * ignores everything put after; the writer checks once, at the end. A cursor
 * that would pass its end becomes `bad` and yields zeros from then on.
 */
#ifndef DISCO_BASE_BUF_H
#define DISCO_BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

struct buf {
    char *p; /* owned */
    size_t n, cap;
    size_t max; /* 0: BUF_MAX_DEFAULT */
    bool failed;
};
#define BUF_MAX_DEFAULT ((size_t)1 << 30)

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);  /* frees, and leaves an empty buf that may be used again */
void buf_clear(struct buf *b); /* n = 0, memory kept */
void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_str(struct buf *b, struct str s);
void buf_put_z(struct buf *b, const char *z);
void buf_put_c(struct buf *b, char c);
void buf_putf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_put_u64_dec(struct buf *b, uint64_t v); /* decimal digits, faster than buf_putf */
/* Big-endian integers: their byte order is their numeric order. */
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
/* Room for n more bytes at b->p + b->n, or NULL when that fails; the caller then adds to b->n. */
char *buf_reserve(struct buf *b, size_t n);
struct str buf_str(const struct buf *b);
/* Moves the bytes to the caller (mem_free); b is empty afterwards. */
struct str buf_take(struct buf *b);
/* NUL after the bytes (not counted); returns b->p. "" if failed. */
const char *buf_z(struct buf *b);

struct cursor {
    const char *p, *end;
    bool bad;
};
struct cursor cursor_make(struct str s);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
struct str cursor_bytes(struct cursor *c, size_t n); /* borrowed from the input */
size_t cursor_left(const struct cursor *c);

#endif
