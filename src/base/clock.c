/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    ASSERT(clock_gettime(id, &ts) == 0);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

struct instant clock_now(void)
{
    return (struct instant){read_clock(CLOCK_MONOTONIC)};
}

int64_t clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

void clock_format_wall(int64_t wall_ns, char dst[32])
{
    int64_t ns = wall_ns % NS_PER_S;
    time_t s = (time_t)(wall_ns / NS_PER_S);
    struct tm tm;

    if (ns < 0) {
        ns += NS_PER_S;
        s--;
    }
    ASSERT(gmtime_r(&s, &tm) != NULL);
    snprintf(dst, 32, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (tm.tm_year + 1900) % 10000,
             (tm.tm_mon + 1) % 100, tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100,
             tm.tm_sec % 100, (int)(ns / 1000000) % 1000);
}

struct instant instant_add(struct instant t, struct duration d)
{
    int64_t sum;

    if (t.ns == INT64_MAX || (__builtin_add_overflow(t.ns, d.ns, &sum) && d.ns > 0))
        return INSTANT_NEVER;
    return (struct instant){__builtin_add_overflow(t.ns, d.ns, &sum) ? INT64_MIN : sum};
}

struct duration instant_since(struct instant later, struct instant earlier)
{
    int64_t d;

    if (__builtin_sub_overflow(later.ns, earlier.ns, &d))
        d = later.ns > earlier.ns ? INT64_MAX : INT64_MIN;
    return (struct duration){d};
}

bool instant_before(struct instant a, struct instant b)
{
    return a.ns < b.ns;
}

int64_t duration_ms(struct duration d)
{
    return d.ns / 1000000 + (d.ns % 1000000 > 0);
}

static const struct unit {
    const char *name;
    int64_t ns;
} units[] = {
    {"ns", 1},           {"us", 1000},    {"\xc2\xb5s", 1000}, /* U+00B5, micro */
    {"\xce\xbcs", 1000},                                       /* U+03BC, mu */
    {"ms", 1000000},     {"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Cuts one number with its unit off *s and adds it to *total. */
static int parse_term(struct str *s, uint64_t *total)
{
    uint64_t whole = 0, ns;
    double fraction = 0, scale = 1;
    size_t i = 0, digits = 0, unit_n;

    for (; i < s->n && is_digit(s->p[i]); i++, digits++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(s->p[i] - '0'), &whole))
            return ERR_INVALID;
    if (i < s->n && s->p[i] == '.')
        for (i++; i < s->n && is_digit(s->p[i]); i++, digits++) {
            fraction = fraction * 10 + (s->p[i] - '0');
            scale *= 10;
        }
    if (digits == 0 || digits > 40)
        return ERR_INVALID;
    *s = str_drop(*s, i);
    for (unit_n = 0; unit_n < s->n && s->p[unit_n] != '.' && !is_digit(s->p[unit_n]); unit_n++)
        ;
    for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
        if (!str_eq_z(str_take(*s, unit_n), units[u].name))
            continue;
        *s = str_drop(*s, unit_n);
        if (__builtin_mul_overflow(whole, (uint64_t)units[u].ns, &ns) ||
            __builtin_add_overflow(ns, (uint64_t)(fraction * ((double)units[u].ns / scale)), &ns) ||
            __builtin_add_overflow(*total, ns, total))
            return ERR_INVALID;
        return 0;
    }
    return ERR_INVALID;
}

int duration_parse(struct str s, struct duration bare_unit, struct duration *ret)
{
    bool negative = s.n && s.p[0] == '-';
    uint64_t total = 0;
    int64_t bare;

    if (bare_unit.ns && str_to_i64(s, &bare) == 0) {
        if (__builtin_mul_overflow(bare, bare_unit.ns, &ret->ns))
            return ERR_INVALID;
        return 0;
    }
    if (negative || (s.n && s.p[0] == '+'))
        s = str_drop(s, 1);
    if (s.n == 0)
        return ERR_INVALID;
    if (str_eq_z(s, "0"))
        s = STR_NONE;
    while (s.n)
        if (parse_term(&s, &total) < 0)
            return ERR_INVALID;
    if (total > (uint64_t)INT64_MAX)
        return ERR_INVALID;
    ret->ns = negative ? -(int64_t)total : (int64_t)total;
    return 0;
}

/* v / 10^digits with the fraction's trailing zeros left out. */
static void put_fraction(struct buf *out, uint64_t v, int digits)
{
    char text[16];
    uint64_t power = 1;
    int n;

    for (int i = 0; i < digits; i++)
        power *= 10;
    buf_put_u64_dec(out, v / power);
    if (v % power == 0)
        return;
    n = snprintf(text, sizeof(text), "%0*llu", digits, (unsigned long long)(v % power));
    while (n > 0 && text[n - 1] == '0')
        n--;
    buf_put_c(out, '.');
    buf_put(out, text, (size_t)n);
}

void duration_format(struct duration d, struct buf *out)
{
    uint64_t ns = d.ns < 0 ? 0 - (uint64_t)d.ns : (uint64_t)d.ns, minutes;

    if (d.ns < 0)
        buf_put_c(out, '-');
    if (ns == 0) {
        buf_put_z(out, "0s");
    } else if (ns < 1000) {
        buf_put_u64_dec(out, ns);
        buf_put_z(out, "ns");
    } else if (ns < 1000000) {
        put_fraction(out, ns, 3);
        buf_put_z(out, "\xc2\xb5s");
    } else if (ns < (uint64_t)NS_PER_S) {
        put_fraction(out, ns, 6);
        buf_put_z(out, "ms");
    } else {
        minutes = ns / (60 * (uint64_t)NS_PER_S);
        if (minutes >= 60) {
            buf_put_u64_dec(out, minutes / 60);
            buf_put_c(out, 'h');
        }
        if (minutes) {
            buf_put_u64_dec(out, minutes % 60);
            buf_put_c(out, 'm');
        }
        put_fraction(out, ns % (60 * (uint64_t)NS_PER_S), 9);
        buf_put_c(out, 's');
    }
}
