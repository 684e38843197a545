/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * msgpack: the door to msgpack-c for writing, and a bounded reader of our own
 * (msgpack-c allocates what a length field claims before the data is there).
 *
 * The reader is a cursor: it allocates nothing, borrows from the input, and
 * becomes `bad` at the first thing that does not fit, yielding zeros after.
 * Both str and bin are accepted as bytes.
 */
#ifndef DISCO_BASE_PACK_H
#define DISCO_BASE_PACK_H

#include "base/buf.h"

void pack_nil(struct buf *out);
void pack_bool(struct buf *out, bool v);
void pack_uint(struct buf *out, uint64_t v);
void pack_int(struct buf *out, int64_t v);
void pack_double(struct buf *out, double v);
void pack_str(struct buf *out, struct str s); /* text */
void pack_bin(struct buf *out, struct str s); /* bytes */
/* Text or bytes in the dialect of before 2013, which has neither str8 nor bin. */
void pack_raw(struct buf *out, struct str s);
void pack_array(struct buf *out, uint32_t n);
void pack_map(struct buf *out, uint32_t n);

#define UNPACK_DEPTH_MAX 32

struct unpack {
    struct cursor in;
    bool bad;
};
struct unpack unpack_make(struct str s);
bool unpack_bool(struct unpack *u);
uint64_t unpack_uint(struct unpack *u); /* negative numbers are bad */
int64_t unpack_int(struct unpack *u);
double unpack_double(struct unpack *u);  /* integers too */
struct str unpack_str(struct unpack *u); /* str or bin; nil gives STR_NONE */
/* Number of elements, never more than the bytes left. */
uint32_t unpack_array(struct unpack *u);
uint32_t unpack_map(struct unpack *u); /* pairs */
bool unpack_is_nil(struct unpack *u);  /* consumes it when it is */
void unpack_skip(struct unpack *u);    /* one value of any kind, depth bounded */
bool unpack_is_end(const struct unpack *u);

#endif
