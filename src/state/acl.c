/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/acl.h"

#include "state/indexes.h"
#include "state/row.h"

#define TOKEN_FIELDS  12
#define POLICY_FIELDS 7
#define ROLE_FIELDS   8

/* ---- rows ---- */

void acl_put_token(struct buf *out, const struct acl_token *t)
{
    pack_array(out, TOKEN_FIELDS);
    pack_str(out, t->accessor);
    pack_str(out, t->secret);
    pack_str(out, t->description);
    row_put_packed(out, t->policies);
    row_put_packed(out, t->roles);
    row_put_packed(out, t->services);
    row_put_packed(out, t->nodes);
    pack_bool(out, t->local);
    pack_int(out, t->created_ns);
    pack_int(out, t->expires_ns);
    pack_uint(out, t->create_index);
    pack_uint(out, t->modify_index);
}

void acl_put_policy(struct buf *out, const struct acl_policy *p)
{
    pack_array(out, POLICY_FIELDS);
    pack_str(out, p->id);
    pack_str(out, p->name);
    pack_str(out, p->description);
    pack_str(out, p->rules);
    row_put_packed(out, p->datacenters);
    pack_uint(out, p->create_index);
    pack_uint(out, p->modify_index);
}

void acl_put_role(struct buf *out, const struct acl_role *r)
{
    pack_array(out, ROLE_FIELDS);
    pack_str(out, r->id);
    pack_str(out, r->name);
    pack_str(out, r->description);
    row_put_packed(out, r->policies);
    row_put_packed(out, r->services);
    row_put_packed(out, r->nodes);
    pack_uint(out, r->create_index);
    pack_uint(out, r->modify_index);
}

bool acl_pair_next(struct unpack *u, uint32_t *left, struct str *ret_a, struct str *ret_b)
{
    if (*left == 0 || u->bad)
        return false;
    --*left;
    if (unpack_array(u) != 2)
        u->bad = true;
    *ret_a = unpack_str(u);
    *ret_b = unpack_str(u);
    return !u->bad;
}

bool acl_service_next(struct unpack *u, uint32_t *left, struct str *ret_name,
                      struct str *ret_datacenters)
{
    if (*left == 0 || u->bad)
        return false;
    --*left;
    if (unpack_array(u) != 2)
        u->bad = true;
    *ret_name = unpack_str(u);
    const char *from = u->in.p;
    for (uint32_t n = unpack_array(u); n > 0 && !u->bad; n--)
        (void)unpack_str(u);
    *ret_datacenters = str_make(from, (size_t)(u->in.p - from));
    return !u->bad;
}

static bool is_list(struct str packed,
                    bool (*next)(struct unpack *u, uint32_t *left, struct str *a, struct str *b))
{
    struct unpack u = unpack_make(packed);
    struct str a, b;
    uint32_t left;

    if (packed.n == 0)
        return true;
    left = unpack_array(&u);
    if (left > ACL_LINKS_MAX)
        return false;
    while (next(&u, &left, &a, &b))
        ;
    return unpack_is_end(&u) && !u.bad;
}

static bool are_texts(struct str packed)
{
    struct unpack u = unpack_make(packed);

    if (packed.n == 0)
        return true;
    for (uint32_t n = unpack_array(&u); n > 0 && !u.bad; n--)
        (void)unpack_str(&u);
    return unpack_is_end(&u) && !u.bad;
}

bool acl_read_token(struct str row, struct acl_token *ret)
{
    struct unpack u = unpack_make(row);
    bool fits = unpack_array(&u) == TOKEN_FIELDS;

    ret->accessor = unpack_str(&u);
    ret->secret = unpack_str(&u);
    ret->description = unpack_str(&u);
    ret->policies = unpack_str(&u);
    ret->roles = unpack_str(&u);
    ret->services = unpack_str(&u);
    ret->nodes = unpack_str(&u);
    ret->local = unpack_bool(&u);
    ret->created_ns = unpack_int(&u);
    ret->expires_ns = unpack_int(&u);
    ret->create_index = unpack_uint(&u);
    ret->modify_index = unpack_uint(&u);
    return fits && !u.bad && unpack_is_end(&u) && ret->description.n <= ACL_TEXT_SIZE_MAX &&
           is_list(ret->policies, acl_pair_next) && is_list(ret->roles, acl_pair_next) &&
           is_list(ret->services, acl_service_next) && is_list(ret->nodes, acl_pair_next);
}

bool acl_read_policy(struct str row, struct acl_policy *ret)
{
    struct unpack u = unpack_make(row);
    bool fits = unpack_array(&u) == POLICY_FIELDS;

    ret->id = unpack_str(&u);
    ret->name = unpack_str(&u);
    ret->description = unpack_str(&u);
    ret->rules = unpack_str(&u);
    ret->datacenters = unpack_str(&u);
    ret->create_index = unpack_uint(&u);
    ret->modify_index = unpack_uint(&u);
    return fits && !u.bad && unpack_is_end(&u) && ret->description.n <= ACL_TEXT_SIZE_MAX &&
           are_texts(ret->datacenters);
}

bool acl_read_role(struct str row, struct acl_role *ret)
{
    struct unpack u = unpack_make(row);
    bool fits = unpack_array(&u) == ROLE_FIELDS;

    ret->id = unpack_str(&u);
    ret->name = unpack_str(&u);
    ret->description = unpack_str(&u);
    ret->policies = unpack_str(&u);
    ret->services = unpack_str(&u);
    ret->nodes = unpack_str(&u);
    ret->create_index = unpack_uint(&u);
    ret->modify_index = unpack_uint(&u);
    return fits && !u.bad && unpack_is_end(&u) && ret->description.n <= ACL_TEXT_SIZE_MAX &&
           is_list(ret->policies, acl_pair_next) && is_list(ret->services, acl_service_next) &&
           is_list(ret->nodes, acl_pair_next);
}

bool acl_name_is_valid(struct str name, size_t max)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return name.n > 0 && name.n <= max;
}

/* ---- reads ---- */

static void note(struct view *v, enum indexes_table table, uint64_t *ret_index)
{
    watch_key(v->watch, WATCH_ACL, STR_NONE);
    if (ret_index)
        *ret_index = indexes_shown(indexes_get(v, table));
}

bool acl_token_get(struct view *v, struct str accessor, struct acl_token *ret, uint64_t *ret_index)
{
    struct str row;

    note(v, INDEXES_ACL_TOKENS, ret_index);
    if (!store_get(v->store, TABLE_ACL_TOKEN, accessor, &row))
        return false;
    ASSERT(acl_read_token(row, ret));
    return true;
}

bool acl_token_by_secret(struct view *v, struct str secret, struct acl_token *ret)
{
    struct str accessor;

    return store_get(v->store, TABLE_ACL_SECRET, secret, &accessor) &&
           acl_token_get(v, accessor, ret, NULL);
}

bool acl_policy_get(struct view *v, struct str id, struct acl_policy *ret, uint64_t *ret_index)
{
    struct str row;

    note(v, INDEXES_ACL_POLICIES, ret_index);
    if (!store_get(v->store, TABLE_ACL_POLICY, id, &row))
        return false;
    ASSERT(acl_read_policy(row, ret));
    return true;
}

bool acl_policy_by_name(struct view *v, struct str name, struct acl_policy *ret,
                        uint64_t *ret_index)
{
    struct str id;

    note(v, INDEXES_ACL_POLICIES, ret_index);
    return store_get(v->store, TABLE_ACL_POLICY_NAME, name, &id) &&
           acl_policy_get(v, id, ret, NULL);
}

bool acl_role_get(struct view *v, struct str id, struct acl_role *ret, uint64_t *ret_index)
{
    struct str row;

    note(v, INDEXES_ACL_ROLES, ret_index);
    if (!store_get(v->store, TABLE_ACL_ROLE, id, &row))
        return false;
    ASSERT(acl_read_role(row, ret));
    return true;
}

bool acl_role_by_name(struct view *v, struct str name, struct acl_role *ret, uint64_t *ret_index)
{
    struct str id;

    note(v, INDEXES_ACL_ROLES, ret_index);
    return store_get(v->store, TABLE_ACL_ROLE_NAME, name, &id) && acl_role_get(v, id, ret, NULL);
}

void acl_tokens(struct view *v, bool (*each)(void *data, const struct acl_token *t), void *data,
                uint64_t *ret_index)
{
    struct store_cursor c;
    struct acl_token t;
    bool go = true;

    note(v, INDEXES_ACL_TOKENS, ret_index);
    for (store_seek(&c, v->store, TABLE_ACL_TOKEN, STR_NONE); go && c.valid; store_next(&c)) {
        ASSERT(acl_read_token(c.value, &t));
        go = each(data, &t);
    }
    store_cursor_fini(&c);
}

void acl_policies(struct view *v, bool (*each)(void *data, const struct acl_policy *p), void *data,
                  uint64_t *ret_index)
{
    struct store_cursor c;
    struct acl_policy p;
    bool go = true;

    note(v, INDEXES_ACL_POLICIES, ret_index);
    for (store_seek(&c, v->store, TABLE_ACL_POLICY, STR_NONE); go && c.valid; store_next(&c)) {
        ASSERT(acl_read_policy(c.value, &p));
        go = each(data, &p);
    }
    store_cursor_fini(&c);
}

void acl_roles(struct view *v, bool (*each)(void *data, const struct acl_role *r), void *data,
               uint64_t *ret_index)
{
    struct store_cursor c;
    struct acl_role r;
    bool go = true;

    note(v, INDEXES_ACL_ROLES, ret_index);
    for (store_seek(&c, v->store, TABLE_ACL_ROLE, STR_NONE); go && c.valid; store_next(&c)) {
        ASSERT(acl_read_role(c.value, &r));
        go = each(data, &r);
    }
    store_cursor_fini(&c);
}

uint64_t acl_bootstrap_index(struct view *v)
{
    return indexes_get(v, INDEXES_ACL_BOOTSTRAP);
}

uint64_t acl_index(struct view *v)
{
    static const enum indexes_table tables[] = {INDEXES_ACL_TOKENS, INDEXES_ACL_POLICIES,
                                                INDEXES_ACL_ROLES};
    uint64_t newest = 0;

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        uint64_t index = indexes_get(v, tables[i]);
        newest = index > newest ? index : newest;
    }
    return newest;
}
