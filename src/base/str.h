/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * String slices: a pointer and a length, not NUL-terminated, never owning.
 */
#ifndef DISCO_BASE_STR_H
#define DISCO_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

struct str {
    const char *p;
    size_t n;
};

#define STR_LIT(s) ((struct str){("" s), sizeof(s) - 1})
#define STR_NONE   ((struct str){NULL, 0})
/* For printf("%.*s"); texts longer than INT_MAX are cut. */
#define STR_ARG(s) (int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n), ((s).p ? (s).p : "")

/* The slice of a C string; NULL gives the empty slice. */
struct str str_z(const char *z);
struct str str_make(const void *p, size_t n);
bool str_eq(struct str a, struct str b);
bool str_eq_z(struct str a, const char *z);
/* ASCII case ignored, as node and service names are compared. */
bool str_eq_nocase(struct str a, struct str b);
/* <0, 0, >0 in byte order. */
int str_cmp(struct str a, struct str b);
bool str_has_prefix(struct str s, struct str prefix);
bool str_has_suffix(struct str s, struct str suffix);
/* Without the first/last n bytes (n may exceed the length). */
struct str str_drop(struct str s, size_t n);
struct str str_take(struct str s, size_t n);
struct str str_trim(struct str s); /* ASCII white space at both ends */
/* Position of byte c at or after `from`, or s.n. */
size_t str_find(struct str s, char c, size_t from);
/* Position of `needle`, or s.n. */
size_t str_search(struct str s, struct str needle);
/* Cuts the part before the first `c` off *rest and returns it; *rest is then what follows it, or
 * STR_NONE (p NULL) when there was no `c`. Loop: while (rest.p) { part = str_split(&rest, ','); }
 */
struct str str_split(struct str *rest, char c);
/* Whole slice as a decimal number; ERR_INVALID on anything else, also on overflow. */
int str_to_u64(struct str s, uint64_t *ret) MUST_USE;
int str_to_i64(struct str s, int64_t *ret) MUST_USE;
/* NUL-terminated copy from mem_alloc; the caller's, to mem_free. */
char *str_dup_z(struct str s);
/* Copies at most size-1 bytes and a NUL; returns false when it was cut. */
bool str_copy_z(struct str s, char *dst, size_t size);
/* Seeded hash for tables in memory; the seed comes from rng, the value never leaves the process. */
uint64_t str_hash(struct str s, uint64_t seed);
bool str_is_utf8(struct str s);
/* Bytes of the UTF-8 character s begins with; 0 when it begins with none (RFC 3629). */
size_t str_utf8_size(struct str s);
/* ASCII lower case into dst, which has room for s.n bytes (may be s.p itself). */
void str_lower(struct str s, char *dst);

#endif
