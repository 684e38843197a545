/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/api_body.h"

bool api_body_failed(struct api_call *c, const char *what)
{
    return api_fail(c, 400, "Request decode failed: %s", what);
}

bool api_body_wrong_type(struct api_call *c, const char *name, const char *type)
{
    return api_fail(c, 400,
                    "Request decode failed: json: cannot unmarshal value into Go struct field "
                    "%s of type %s",
                    name, type);
}

bool api_body_known(struct api_call *c, const struct jvalue *object, const char *const *names)
{
    const struct jvalue *value;
    struct str name;
    size_t pos = 0;

    while (jread_next(object, &pos, &name, &value)) {
        bool known = false;
        for (const char *const *n = names; *n && !known; n++)
            known = str_eq_nocase(name, str_z(*n));
        if (known)
            continue;
        const char *more =
            str_eq_z(name, "Namespace") ? " - Namespaces are a Consul Enterprise feature" : "";
        return api_fail(c, 400, "Request decode failed: json: unknown field \"%.*s\"%s",
                        STR_ARG(name), more);
    }
    return true;
}

bool api_body_is_object_or_null(const struct jvalue *v)
{
    return jread_type(v) == JREAD_NULL || jread_type(v) == JREAD_OBJECT;
}

bool api_body_str(struct api_call *c, const struct jvalue *object, const char *name,
                  struct str *ret)
{
    return jread_str(jread_get(object, name), ret) == 0 || api_body_wrong_type(c, name, "string");
}

bool api_body_i64(struct api_call *c, const struct jvalue *object, const char *name, int64_t *ret)
{
    return jread_i64(jread_get(object, name), ret) == 0 || api_body_wrong_type(c, name, "int");
}

bool api_body_bool(struct api_call *c, const struct jvalue *object, const char *name, bool *ret)
{
    return jread_bool(jread_get(object, name), ret) == 0 || api_body_wrong_type(c, name, "bool");
}

struct str api_body_keep(struct api_call *c, struct buf *b)
{
    struct str kept = api_keep(c, buf_str(b));

    buf_fini(b);
    return kept;
}

bool api_body_pairs(struct api_call *c, const struct jvalue *object, const char *name,
                    struct pairs *ret)
{
    const struct jvalue *map = jread_get(object, name), *value;
    size_t n = jread_count(map), i = 0, pos = 0;
    struct buf packed;

    if (jread_type(map) == JREAD_NULL)
        return true;
    if (jread_type(map) != JREAD_OBJECT || n > API_BODY_PAIRS_MAX)
        return api_body_wrong_type(c, name, "map[string]string");
    struct pair *list = arena_alloc(&c->arena, (n + 1) * sizeof *list);
    for (struct pair p = {0}; jread_next(map, &pos, &p.name, &value); i++) {
        p.value = STR_LIT("");
        if (jread_str(value, &p.value) < 0)
            return api_body_wrong_type(c, name, "string");
        list[i] = p;
    }
    buf_init(&packed, 0);
    pairs_pack(list, i, &packed);
    ret->packed = api_body_keep(c, &packed);
    return true;
}

bool api_body_texts(struct api_call *c, const struct jvalue *object, const char *name,
                    struct str *ret)
{
    const struct jvalue *list = jread_get(object, name);
    size_t n = jread_count(list);
    struct buf packed;

    if (jread_type(list) == JREAD_NULL)
        return true;
    if (jread_type(list) != JREAD_ARRAY)
        return api_body_wrong_type(c, name, "[]string");
    buf_init(&packed, 0);
    pack_array(&packed, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        struct str text = STR_LIT("");
        if (jread_str(jread_at(list, i), &text) < 0) {
            buf_fini(&packed);
            return api_body_wrong_type(c, name, "string");
        }
        pack_str(&packed, text);
    }
    *ret = api_body_keep(c, &packed);
    return true;
}

bool api_body_parse(struct api_call *c, struct jvalue **ret)
{
    struct error err = {0};

    if (c->request.body.n == 0)
        return api_body_failed(c, "EOF");
    return jread_parse(c->request.body, ret, &err) == 0 || api_body_failed(c, err.text);
}
