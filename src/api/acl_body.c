/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/acl_body.h"

#include "base/digest.h"
#include "state/policy.h"

/* ---- in ---- */

bool acl_body_fail(struct acl_body *b, const char *what)
{
    return api_fail(b->c, 400, "Bad request: %s decoding failed: %s", b->noun, what);
}

static bool is_known(struct str name, const char *const *names)
{
    for (; *names; names++)
        if (str_eq_nocase(name, str_z(*names)))
            return true;
    return false;
}

bool acl_body_open(struct acl_body *b, struct api_call *c, const char *noun,
                   const char *const *names)
{
    const struct jvalue *value;
    struct error err = {0};
    struct str name;
    size_t at = 0;

    *b = (struct acl_body){.c = c, .noun = noun};
    if (c->request.body.n == 0)
        return true;
    if (jread_parse(c->request.body, &b->root, &err))
        return acl_body_fail(b, err.text);
    if (jread_type(b->root) != JREAD_OBJECT)
        return acl_body_fail(b, "json: cannot unmarshal into an object");
    while (jread_next(b->root, &at, &name, &value))
        if (!is_known(name, names))
            return acl_body_fail(b, api_printf(c, "json: unknown field \"%.*s\"%s", STR_ARG(name),
                                               str_eq_z(name, "Namespace")
                                                   ? " - Namespaces are a Consul Enterprise feature"
                                                   : "")
                                        .p);
    return true;
}

void acl_body_close(struct acl_body *b)
{
    jread_free(b->root);
}

static bool wrong_type(struct acl_body *b, const char *name)
{
    return acl_body_fail(b, api_printf(b->c, "json: cannot unmarshal field %s", name).p);
}

bool acl_body_str(struct acl_body *b, const char *name, struct str *ret)
{
    struct str s = STR_NONE;

    if (jread_str(jread_get(b->root, name), &s))
        return wrong_type(b, name);
    *ret = s.n ? api_keep(b->c, s) : STR_NONE;
    return true;
}

bool acl_body_bool(struct acl_body *b, const char *name, bool *ret)
{
    return !jread_bool(jread_get(b->root, name), ret) || wrong_type(b, name);
}

/* The list of that name, at most ACL_LINKS_MAX long; *ret_n 0 when it is absent. */
static bool take_list(struct acl_body *b, const char *name, const struct jvalue **ret,
                      size_t *ret_n)
{
    *ret = jread_get(b->root, name);
    *ret_n = jread_type(*ret) == JREAD_ARRAY ? jread_count(*ret) : 0;
    return ((jread_type(*ret) == JREAD_ARRAY || jread_type(*ret) == JREAD_NULL) &&
            *ret_n <= ACL_LINKS_MAX) ||
           wrong_type(b, name);
}

/* Moves what was packed into the call. */
static struct str keep(struct acl_body *b, struct buf *packed)
{
    struct str kept = api_keep(b->c, buf_str(packed));

    buf_fini(packed);
    return kept;
}

static bool take_pairs(struct acl_body *b, const char *list_name, const char *first,
                       const char *second, struct str *ret)
{
    const struct jvalue *list;
    struct buf out;
    size_t n;
    bool ok = true;

    if (!take_list(b, list_name, &list, &n))
        return false;
    if (n == 0)
        return true;
    buf_init(&out, 0);
    pack_array(&out, (uint32_t)n);
    for (size_t i = 0; i < n && ok; i++) {
        const struct jvalue *item = jread_at(list, i);
        struct str x = STR_NONE, y = STR_NONE;

        ok = jread_type(item) == JREAD_OBJECT && !jread_str(jread_get(item, first), &x) &&
             !jread_str(jread_get(item, second), &y);
        pack_array(&out, 2);
        pack_str(&out, x);
        pack_str(&out, y);
    }
    *ret = keep(b, &out);
    return ok || wrong_type(b, list_name);
}

bool acl_body_links(struct acl_body *b, const char *name, struct str *ret)
{
    return take_pairs(b, name, "ID", "Name", ret);
}

bool acl_body_nodes(struct acl_body *b, struct str *ret)
{
    return take_pairs(b, "NodeIdentities", "NodeName", "Datacenter", ret);
}

static bool pack_texts(const struct jvalue *list, struct buf *out)
{
    size_t n = jread_type(list) == JREAD_ARRAY ? jread_count(list) : 0;

    if ((jread_type(list) != JREAD_ARRAY && jread_type(list) != JREAD_NULL) || n > ACL_LINKS_MAX)
        return false;
    pack_array(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        struct str s = STR_NONE;
        if (jread_str(jread_at(list, i), &s))
            return false;
        pack_str(out, s);
    }
    return true;
}

bool acl_body_services(struct acl_body *b, struct str *ret)
{
    const struct jvalue *list;
    struct buf out;
    size_t n;
    bool ok = true;

    if (!take_list(b, "ServiceIdentities", &list, &n))
        return false;
    if (n == 0)
        return true;
    buf_init(&out, 0);
    pack_array(&out, (uint32_t)n);
    for (size_t i = 0; i < n && ok; i++) {
        const struct jvalue *item = jread_at(list, i);
        struct str name = STR_NONE;

        ok = jread_type(item) == JREAD_OBJECT && !jread_str(jread_get(item, "ServiceName"), &name);
        pack_array(&out, 2);
        pack_str(&out, name);
        ok = ok && pack_texts(jread_get(item, "Datacenters"), &out);
    }
    *ret = keep(b, &out);
    return ok || wrong_type(b, "ServiceIdentities");
}

bool acl_body_texts(struct acl_body *b, const char *name, struct str *ret)
{
    struct buf out;
    bool ok;

    buf_init(&out, 0);
    ok = pack_texts(jread_get(b->root, name), &out);
    *ret = jread_get(b->root, name) ? keep(b, &out) : STR_NONE;
    buf_fini(&out);
    return ok || wrong_type(b, name);
}

/* ---- out ---- */

static bool policy_name(struct view *v, struct str id, struct str *name)
{
    struct acl_policy p;

    if (!acl_policy_get(v, id, &p, NULL))
        return false;
    *name = p.name;
    return true;
}

static bool role_name(struct view *v, struct str id, struct str *name)
{
    struct acl_role r;

    if (!acl_role_get(v, id, &r, NULL))
        return false;
    *name = r.name;
    return true;
}

static void put_links(struct jwrite *w, const char *member, struct view *v, struct str links,
                      bool (*name_of)(struct view *v, struct str id, struct str *name))
{
    struct unpack u = unpack_make(links);
    uint32_t left = links.n ? unpack_array(&u) : 0;
    struct str id, name;
    bool any = false;

    while (acl_pair_next(&u, &left, &id, &name)) {
        if (v && !name_of(v, id, &name))
            continue;
        if (!any) {
            jwrite_name(w, member);
            jwrite_array(w);
            any = true;
        }
        jwrite_object(w);
        jwrite_name(w, "ID");
        jwrite_str(w, id);
        jwrite_name(w, "Name");
        jwrite_str(w, name);
        jwrite_close(w);
    }
    if (any)
        jwrite_close(w);
}

void acl_body_put_policies(struct jwrite *w, struct view *v, struct str links)
{
    put_links(w, "Policies", v, links, policy_name);
}

void acl_body_put_roles(struct jwrite *w, struct view *v, struct str links)
{
    put_links(w, "Roles", v, links, role_name);
}

void acl_body_put_texts(struct jwrite *w, const char *name, struct str texts)
{
    struct unpack u = unpack_make(texts);
    uint32_t n = texts.n ? unpack_array(&u) : 0;

    if (n == 0)
        return;
    jwrite_name(w, name);
    jwrite_array(w);
    for (; n > 0 && !u.bad; n--)
        jwrite_str(w, unpack_str(&u));
    jwrite_close(w);
}

void acl_body_put_services(struct jwrite *w, struct str services)
{
    struct unpack u = unpack_make(services);
    uint32_t left = services.n ? unpack_array(&u) : 0;
    struct str name, datacenters;

    if (left == 0)
        return;
    jwrite_name(w, "ServiceIdentities");
    jwrite_array(w);
    while (acl_service_next(&u, &left, &name, &datacenters)) {
        jwrite_object(w);
        jwrite_name(w, "ServiceName");
        jwrite_str(w, name);
        acl_body_put_texts(w, "Datacenters", datacenters);
        jwrite_close(w);
    }
    jwrite_close(w);
}

void acl_body_put_nodes(struct jwrite *w, struct str nodes)
{
    struct unpack u = unpack_make(nodes);
    uint32_t left = nodes.n ? unpack_array(&u) : 0;
    struct str name, datacenter;

    if (left == 0)
        return;
    jwrite_name(w, "NodeIdentities");
    jwrite_array(w);
    while (acl_pair_next(&u, &left, &name, &datacenter)) {
        jwrite_object(w);
        jwrite_name(w, "NodeName");
        jwrite_str(w, name);
        jwrite_name(w, "Datacenter");
        jwrite_str(w, datacenter);
        jwrite_close(w);
    }
    jwrite_close(w);
}

void acl_body_put_hash(struct jwrite *w, const struct str *parts, size_t n)
{
    uint8_t hash[32];
    struct buf all;

    buf_init(&all, 0);
    for (size_t i = 0; i < n; i++)
        pack_bin(&all, parts[i]);
    digest_sha256(buf_str(&all), hash);
    buf_fini(&all);
    jwrite_name(w, "Hash");
    jwrite_base64(w, str_make(hash, sizeof hash));
}

void acl_body_put_time(struct jwrite *w, const char *name, int64_t wall_ns)
{
    char text[32];

    clock_format_wall(wall_ns, text);
    jwrite_name(w, name);
    jwrite_z(w, text);
}

bool acl_body_has_link(struct str links, struct str wanted)
{
    struct unpack u = unpack_make(links);
    uint32_t left = links.n ? unpack_array(&u) : 0;
    struct str id, name;

    while (acl_pair_next(&u, &left, &id, &name))
        if (str_eq(id, wanted))
            return true;
    return false;
}

/* ---- both ---- */

bool acl_body_may_read(struct api_call *c, struct view *v)
{
    return policy_permits(v, ACL_ACL, STR_LIT(""), ACL_READ) || api_fail_code(c, ERR_DENIED, NULL);
}

int acl_body_missing(struct api_call *c)
{
    api_fail_code(c, ERR_NO_TOKEN, NULL);
    c->is_failure = false; /* its headers are those of an answer */
    return 0;
}
