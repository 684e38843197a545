/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/query_template.h"

#include "base/pattern.h"

struct render {
    struct str full, prefix, suffix;
    struct str groups[PATTERN_GROUPS_MAX];
    size_t group_n;
    struct arena *arena;
    bool remove_empty_tags;
    struct error *err;
};

/* ---- one text ---- */

static int fail(struct render *r, struct str text, const char *field, size_t at, const char *what,
                struct str name)
{
    return error_set(r->err, ERR_INVALID, "Bad evaluation for '%.*s' in Service.%s: 1:%zu: %s%.*s",
                     STR_ARG(str_take(text, 200)), field, at, what, STR_ARG(str_take(name, 100)));
}

/* "match(N)"; false when it is not of that form. */
static bool take_match(const struct render *r, struct str expression, struct str *ret)
{
    struct str number;
    uint64_t n;

    if (!str_has_prefix(expression, STR_LIT("match(")) || expression.p[expression.n - 1] != ')')
        return false;
    number = str_trim(str_make(expression.p + 6, expression.n - 7));
    if (str_to_u64(number, &n) != 0)
        return false;
    *ret = n < r->group_n ? r->groups[n] : STR_NONE;
    return true;
}

static bool evaluate(const struct render *r, struct str expression, struct str *ret)
{
    *ret = STR_NONE;
    if (str_eq_z(expression, "name.full"))
        *ret = r->full;
    else if (str_eq_z(expression, "name.prefix"))
        *ret = r->prefix;
    else if (str_eq_z(expression, "name.suffix"))
        *ret = r->suffix;
    else if (!str_eq_z(expression, "agent.segment")) /* there is one segment, without a name */
        return take_match(r, expression, ret);
    return true;
}

static int fill_in(struct render *r, const char *field, struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.n;) {
        struct str rest = str_drop(text, i), value;
        size_t end;

        if (str_has_prefix(rest, STR_LIT("$${"))) {
            buf_put_z(out, "${");
            i += 3;
            continue;
        }
        if (!str_has_prefix(rest, STR_LIT("${"))) {
            buf_put_c(out, text.p[i++]);
            continue;
        }
        end = str_find(rest, '}', 2);
        if (end >= rest.n)
            return fail(r, text, field, text.n, "expected closing brace", STR_NONE);
        struct str expression = str_trim(str_make(rest.p + 2, end - 2));
        if (!evaluate(r, expression, &value))
            return fail(r, text, field, i + 3, "unknown variable accessed: ", expression);
        buf_put_str(out, value);
        i += end + 1;
    }
    return 0;
}

static struct str keep(struct render *r, struct buf *b)
{
    struct str kept = str_make(arena_dup(r->arena, b->n ? b->p : "", b->n), b->n);

    buf_fini(b);
    return kept;
}

static int render_text(struct render *r, const char *field, struct str *text)
{
    struct buf out;
    int rc;

    if (str_find(*text, '$', 0) >= text->n)
        return 0;
    buf_init(&out, 0);
    rc = fill_in(r, field, *text, &out);
    *text = keep(r, &out);
    return rc;
}

/* ---- lists ---- */

static int render_list(struct render *r, const char *field, bool are_tags, struct str *packed)
{
    struct unpack u = unpack_make(*packed);
    struct buf items, out;
    uint32_t n, kept = 0;
    int rc = 0;

    if (!packed->p)
        return 0;
    buf_init(&items, 0);
    n = unpack_array(&u);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        struct str text = unpack_str(&u);

        rc = render_text(r, field, &text);
        if (are_tags && r->remove_empty_tags && text.n == 0)
            continue;
        pack_str(&items, text);
        kept++;
    }
    buf_init(&out, 0);
    pack_array(&out, kept);
    buf_put_str(&out, buf_str(&items));
    buf_fini(&items);
    *packed = keep(r, &out);
    return rc;
}

static int render_pairs(struct render *r, const char *field, struct pairs *p)
{
    struct pairs_iter i = pairs_begin(*p);
    struct str name, value;
    struct buf out;
    int rc = 0;

    if (!p->packed.p)
        return 0;
    buf_init(&out, 0);
    pack_map(&out, pairs_count(*p));
    while (rc == 0 && pairs_next(&i, &name, &value)) {
        rc = render_text(r, field, &value);
        pack_str(&out, name);
        pack_str(&out, value);
    }
    p->packed = keep(r, &out);
    return rc;
}

static int render_all(struct render *r, struct query *q)
{
    int rc = render_text(r, "Service", &q->service);

    if (rc == 0)
        rc = render_text(r, "Near", &q->near);
    if (rc == 0)
        rc = render_list(r, "Failover.Datacenters", false, &q->failover_datacenters);
    if (rc == 0)
        rc = render_list(r, "IgnoreCheckIDs", false, &q->ignored_checks);
    if (rc == 0)
        rc = render_list(r, "Tags", true, &q->tags);
    if (rc == 0)
        rc = render_pairs(r, "NodeMeta", &q->node_meta);
    if (rc == 0)
        rc = render_pairs(r, "ServiceMeta", &q->service_meta);
    return rc;
}

static int match_name(struct render *r, struct str regexp, struct str name)
{
    struct error why;
    regex_t pattern;

    if (regexp.n == 0)
        return 0;
    if (pattern_compile(regexp, &pattern, &why) < 0)
        return error_set(r->err, ERR_INVALID, "Bad Regexp: %s", why.text);
    r->group_n = pattern_groups(&pattern, name, r->groups);
    regfree(&pattern);
    return 0;
}

static int render(const struct query *q, struct str name, struct arena *arena, struct query *ret,
                  struct error *err)
{
    struct render r = {.full = name,
                       .prefix = q->name,
                       .suffix = str_drop(name, q->name.n < name.n ? q->name.n : name.n),
                       .arena = arena,
                       .remove_empty_tags = q->remove_empty_tags,
                       .err = err};
    int rc;

    *ret = *q;
    rc = match_name(&r, q->regexp, name);
    return rc == 0 ? render_all(&r, ret) : rc;
}

int query_template_check(const struct query *q, struct error *err)
{
    struct arena arena = {0};
    struct query filled;
    int rc;

    if (!query_is_template(q))
        return 0;
    if (!str_eq_z(q->template_type, "name_prefix_match"))
        return error_set(err, ERR_INVALID, "Bad Template.Type '%.*s'",
                         STR_ARG(str_take(q->template_type, 100)));
    rc = render(q, q->name, &arena, &filled, err);
    arena_fini(&arena);
    return rc;
}

int query_template_render(const struct query *q, struct str name, struct arena *arena,
                          struct query *ret)
{
    *ret = *q;
    return query_is_template(q) ? render(q, name, arena, ret, NULL) : 0;
}
