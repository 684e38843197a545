/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The query string, and the options that most endpoints take from it: index, wait, consistency.
 * Pure. Pairs and their texts live in the arena given, or borrow from the query.
 */
#ifndef DISCO_API_PARAM_H
#define DISCO_API_PARAM_H

#include "agent/read.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define PARAM_PAIRS_MAX 256 /* what is more is ignored */

struct param_pair {
    struct str name, value;
};
struct param {
    struct param_pair *pairs;
    size_t n;
    /* set by param_options */
    enum read_mode mode;
    uint64_t index;
    struct duration wait, max_stale;
    bool cached;
};

/* As Go's url.ParseQuery: pairs between '&', '+' is a space; a pair with a bad escape or a
 * semicolon is left out. */
void param_parse(struct str query, struct arena *arena, struct param *ret);
bool param_has(const struct param *p, const char *name);
/* The first value of this name; STR_NONE when absent. */
struct str param_get(const struct param *p, const char *name);
/* The n-th value of this name, from 0; STR_NONE when there are not so many. */
struct str param_get_nth(const struct param *p, const char *name, size_t n);
/* Present with a value? (Go's Get(name) != "") */
bool param_is_given(const struct param *p, const char *name);
/* Reads stale, consistent, cached, max_stale, wait and index. On ERR_INVALID, err words it as
 * Consul does. */
int param_options(struct param *p, struct error *err) MUST_USE;
/* Go's url.Values.Encode: sorted by name, escaped. */
void param_encode(const struct param *p, struct buf *out);

/* strconv.ParseUint(s, 10, 64), with its error text. */
int param_u64(struct str s, uint64_t *ret, struct error *err) MUST_USE;

#endif
