/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/param.h"

#include <stdlib.h>

#include "base/encode.h"

static bool pair_text(struct str raw, struct arena *arena, struct str *ret)
{
    struct buf decoded;
    bool ok;

    if (str_find(raw, '%', 0) == raw.n && str_find(raw, '+', 0) == raw.n) {
        *ret = raw;
        return true;
    }
    buf_init(&decoded, 0);
    ok = encode_percent_parse(raw, true, &decoded) == 0;
    if (ok)
        *ret = str_make(arena_dup(arena, decoded.p, decoded.n), decoded.n);
    buf_fini(&decoded);
    return ok;
}

void param_parse(struct str query, struct arena *arena, struct param *ret)
{
    size_t n = 1;

    *ret = (struct param){0};
    if (query.n == 0)
        return;
    for (size_t i = 0; i < query.n; i++)
        n += query.p[i] == '&';
    if (n > PARAM_PAIRS_MAX)
        n = PARAM_PAIRS_MAX;
    ret->pairs = arena_alloc(arena, n * sizeof(*ret->pairs));
    while (query.p && ret->n < n) {
        struct str value = str_split(&query, '&'), name;
        struct param_pair *pair = &ret->pairs[ret->n];

        if (value.n == 0 || str_find(value, ';', 0) < value.n) /* Go: since 1.17 */
            continue;
        name = str_split(&value, '=');
        if (!value.p)
            value = STR_LIT("");
        if (pair_text(name, arena, &pair->name) && pair_text(value, arena, &pair->value))
            ret->n++;
    }
}

struct str param_get_nth(const struct param *p, const char *name, size_t n)
{
    size_t size = strlen(name);

    for (size_t i = 0; i < p->n; i++)
        if (p->pairs[i].name.n == size && memcmp(p->pairs[i].name.p, name, size) == 0 && n-- == 0)
            return p->pairs[i].value;
    return STR_NONE;
}

struct str param_get(const struct param *p, const char *name)
{
    return param_get_nth(p, name, 0);
}

bool param_has(const struct param *p, const char *name)
{
    return param_get(p, name).p != NULL;
}

bool param_is_given(const struct param *p, const char *name)
{
    return param_get(p, name).n > 0;
}

/* consul: agent/http.go, parseConsistency. That parameters are present is enough: ?stale=false is
 * stale. */
static int parse_consistency(struct param *p, struct error *err)
{
    bool stale = param_has(p, "stale"), consistent = param_has(p, "consistent");
    struct str max_stale = param_get(p, "max_stale");

    p->cached = param_has(p, "cached");
    if (max_stale.n) {
        if (duration_parse(max_stale, (struct duration){0}, &p->max_stale))
            return error_set(err, ERR_INVALID, "Invalid max_stale value \"%.*s\"",
                             STR_ARG(max_stale));
        stale = stale || p->max_stale.ns > 0;
    }
    if (stale && consistent)
        return error_set(err, ERR_INVALID,
                         "Cannot specify ?stale with ?consistent, conflicting semantics.");
    if (p->cached && consistent)
        return error_set(err, ERR_INVALID,
                         "Cannot specify ?cached with ?consistent, conflicting semantics.");
    p->mode = stale ? READ_STALE : consistent ? READ_CONSISTENT : READ_DEFAULT;
    return 0;
}

int param_options(struct param *p, struct error *err)
{
    struct str wait, index;
    int r;

    if (p->n == 0)
        return 0;
    r = parse_consistency(p, err);
    if (r)
        return r;
    wait = param_get(p, "wait");
    index = param_get(p, "index");
    if (wait.n && duration_parse(wait, (struct duration){0}, &p->wait))
        return error_set(err, ERR_INVALID, "Invalid wait time");
    if (index.n && str_to_u64(index, &p->index))
        return error_set(err, ERR_INVALID, "Invalid index");
    if (p->wait.ns < 0)
        p->wait.ns = 0;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct param_pair *const *x = a, *const *y = b;
    int order = str_cmp((*x)->name, (*y)->name);

    /* equal names keep their order: they stand in one array */
    return order ? order : (*x > *y) - (*x < *y);
}

static void put_escaped(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == ' ')
            buf_put_c(out, '+'); /* Go: QueryEscape */
        else
            encode_percent(str_make(s.p + i, 1), false, out);
    }
}

void param_encode(const struct param *p, struct buf *out)
{
    const struct param_pair *sorted[PARAM_PAIRS_MAX];

    ASSERT(p->n <= PARAM_PAIRS_MAX);
    for (size_t i = 0; i < p->n; i++)
        sorted[i] = &p->pairs[i];
    qsort(sorted, p->n, sizeof(sorted[0]), by_name);
    for (size_t i = 0; i < p->n; i++) {
        if (i)
            buf_put_c(out, '&');
        put_escaped(sorted[i]->name, out);
        buf_put_c(out, '=');
        put_escaped(sorted[i]->value, out);
    }
}

int param_u64(struct str s, uint64_t *ret, struct error *err)
{
    bool digits = s.n > 0;

    if (str_to_u64(s, ret) == 0)
        return 0;
    for (size_t i = 0; i < s.n; i++)
        digits = digits && s.p[i] >= '0' && s.p[i] <= '9';
    return error_set(err, ERR_INVALID, "strconv.ParseUint: parsing \"%.*s\": %s", STR_ARG(s),
                     digits ? "value out of range" : "invalid syntax");
}
