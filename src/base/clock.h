/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time as types: an instant (monotonic, no calendar meaning) and a duration.
 * Only this file and agent/loop_uv.c read a clock; everybody else is handed
 * an instant.
 */
#ifndef DISCO_BASE_CLOCK_H
#define DISCO_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct duration {
    int64_t ns;
};
struct instant {
    int64_t ns; /* since some fixed point of this boot */
};
#define INSTANT_NEVER   ((struct instant){INT64_MAX})
#define DURATION_MS(ms) ((struct duration){(int64_t)(ms)*1000000})
#define DURATION_S(s)   ((struct duration){(int64_t)(s)*1000000000})

struct instant clock_now(void);
/* Nanoseconds since 1970, for people and for commands' time stamps only. */
int64_t clock_wall_ns(void);
/* "2026-01-31T12:00:00.123Z" */
void clock_format_wall(int64_t wall_ns, char dst[32]);

struct instant instant_add(struct instant t, struct duration d); /* saturates at NEVER */
struct duration instant_since(struct instant later, struct instant earlier);
bool instant_before(struct instant a, struct instant b);
int64_t duration_ms(struct duration d); /* rounded up */

/* Go's notation: "1h2m3.5s", "10ms", "-1s", "0"; also a bare number as `bare_unit` when that is
 * not zero. ERR_INVALID otherwise. */
int duration_parse(struct str s, struct duration bare_unit, struct duration *ret) MUST_USE;
/* Go's String(): "1m0s", "150ms", "0s". */
void duration_format(struct duration d, struct buf *out);

#endif
