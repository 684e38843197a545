/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/str.h"

#include "base/mem.h"

static inline char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_z(const char *z)
{
    return (struct str){z, z ? strlen(z) : 0};
}

struct str str_make(const void *p, size_t n)
{
    return (struct str){p, n};
}

bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eq_z(struct str a, const char *z)
{
    return str_eq(a, str_z(z));
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    if (c)
        return c;
    return (a.n > b.n) - (a.n < b.n);
}

bool str_has_prefix(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_has_suffix(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

struct str str_drop(struct str s, size_t n)
{
    if (n > s.n)
        n = s.n;
    return (struct str){s.p ? s.p + n : NULL, s.n - n};
}

struct str str_take(struct str s, size_t n)
{
    return (struct str){s.p, n < s.n ? n : s.n};
}

struct str str_trim(struct str s)
{
    while (s.n && is_space(s.p[0]))
        s = str_drop(s, 1);
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

size_t str_find(struct str s, char c, size_t from)
{
    const char *found = from < s.n ? memchr(s.p + from, c, s.n - from) : NULL;

    return found ? (size_t)(found - s.p) : s.n;
}

size_t str_search(struct str s, struct str needle)
{
    const char *found;

    if (needle.n == 0)
        return 0;
    if (needle.n > s.n)
        return s.n;
    found = memmem(s.p, s.n, needle.p, needle.n);
    return found ? (size_t)(found - s.p) : s.n;
}

struct str str_split(struct str *rest, char c)
{
    size_t at = str_find(*rest, c, 0);
    struct str part = str_take(*rest, at);

    *rest = at < rest->n ? str_drop(*rest, at + 1) : STR_NONE;
    return part;
}

int str_to_u64(struct str s, uint64_t *ret)
{
    uint64_t v = 0;

    if (s.n == 0)
        return ERR_INVALID;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v))
            return ERR_INVALID;
    }
    *ret = v;
    return 0;
}

int str_to_i64(struct str s, int64_t *ret)
{
    bool negative = s.n && s.p[0] == '-';
    uint64_t v;

    if (negative || (s.n && s.p[0] == '+'))
        s = str_drop(s, 1);
    if (str_to_u64(s, &v) < 0 || v > (uint64_t)INT64_MAX + negative)
        return ERR_INVALID;
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return 0;
}

char *str_dup_z(struct str s)
{
    char *z = mem_alloc(s.n + 1);

    if (s.n)
        memcpy(z, s.p, s.n);
    return z;
}

bool str_copy_z(struct str s, char *dst, size_t size)
{
    size_t n = s.n < size ? s.n : size - 1;

    ASSERT(size > 0);
    if (n)
        memcpy(dst, s.p, n);
    dst[n] = '\0';
    return n == s.n;
}

/* Multiply two words and fold the 128 bits: the mixing step of the wyhash family. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 r = (unsigned __int128)a * b;

    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

uint64_t str_hash(struct str s, uint64_t seed)
{
    /* Odd constants with about as many ones as zeros (digits of pi). */
    const uint64_t k0 = UINT64_C(0x243f6a8885a308d3), k1 = UINT64_C(0x13198a2e03707345);
    uint64_t h = seed ^ mix(seed ^ k0, s.n + k1), word;

    while (s.n >= 8) {
        memcpy(&word, s.p, 8);
        h = mix(h ^ word ^ k0, k1 ^ (h >> 32));
        s.p += 8;
        s.n -= 8;
    }
    if (s.n) {
        word = 0;
        memcpy(&word, s.p, s.n);
        h = mix(h ^ word ^ k0, k1 ^ (h >> 32));
    }
    return mix(h ^ k1, seed ^ k0);
}

size_t str_utf8_size(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t size;

    if (s.n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    size = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (s.n < size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    /* RFC 3629 4: overlong forms, surrogates, and what is above U+10FFFF */
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return size;
}

bool str_is_utf8(struct str s)
{
    while (s.n) {
        size_t size = str_utf8_size(s);

        if (size == 0)
            return false;
        s = str_drop(s, size);
    }
    return true;
}

void str_lower(struct str s, char *dst)
{
    for (size_t i = 0; i < s.n; i++)
        dst[i] = lower(s.p[i]);
}
