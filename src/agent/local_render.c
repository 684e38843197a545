/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is asked of the local services and checks, in the order of their ids. */
#include <stdlib.h>

#include "agent/local_state.h"
#include "base/digest.h"
#include "base/encode.h"

static int by_service_id(const void *a, const void *b)
{
    const struct local_service *const *x = a, *const *y = b;
    return str_cmp((*x)->row.id, (*y)->row.id);
}

static int by_check_id(const void *a, const void *b)
{
    const struct local_check *const *x = a, *const *y = b;
    return str_cmp((*x)->row.check_id, (*y)->row.check_id);
}

static void hash_str(struct buf *b, struct str s)
{
    buf_put_u32(b, (uint32_t)s.n);
    buf_put_str(b, s);
}

static void info_of(const struct local_service *s, struct local_service_info *ret)
{
    const struct catalog_service *r = &s->row;
    uint8_t digest[32];
    struct buf all, hex;
    buf_init(&all, 0);
    buf_init(&hex, 0);
    const struct str texts[] = {r->id,          r->name,        r->address,          r->kind,
                                r->tags,        r->meta.packed, r->tagged_addresses, r->proxy_json,
                                r->connect_json};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        hash_str(&all, texts[i]);
    buf_putf(&all, "%lld %lld %lld %d", (long long)r->port, (long long)r->weight_passing,
             (long long)r->weight_warning, r->enable_tag_override);
    digest_sha256(buf_str(&all), digest);
    encode_hex(str_make(digest, 8), &hex);
    *ret = (struct local_service_info){.row = r, .token = s->token};
    str_copy_z(buf_str(&hex), ret->hash, sizeof ret->hash);
    buf_fini(&hex);
    buf_fini(&all);
}

bool local_service_find(struct local *l, struct str id, struct local_service_info *ret)
{
    const struct local_service *s = local_service_get(l, id);
    if (s)
        info_of(s, ret);
    return s;
}

void local_services(struct local *l, void (*each)(void *data, const struct local_service_info *s),
                    void *data)
{
    const struct local_service **all = mem_alloc((l->services.n + 1) * sizeof *all);
    struct local_service_info info;
    size_t n = 0;
    MAP_FOREACH (&l->services, e)
        if (!((struct local_service *)e->value)->is_deleted)
            all[n++] = e->value;
    qsort(all, n, sizeof *all, by_service_id);
    for (size_t i = 0; i < n; i++) {
        info_of(all[i], &info);
        each(data, &info);
    }
    mem_free(all);
}

void local_checks(struct local *l, void (*each)(void *data, const struct health_check *c),
                  void *data)
{
    const struct local_check **all = mem_alloc((l->checks.n + 1) * sizeof *all);
    size_t n = 0;
    MAP_FOREACH (&l->checks, e)
        if (!((struct local_check *)e->value)->is_deleted)
            all[n++] = e->value;
    qsort(all, n, sizeof *all, by_check_id);
    for (size_t i = 0; i < n; i++)
        each(data, &all[i]->row);
    mem_free(all);
}

struct pick {
    struct str service_id;
    void (*each)(void *data, const struct health_check *c);
    void *data;
};

static void pick_one(void *data, const struct health_check *c)
{
    struct pick *p = data;
    if (str_eq(c->service_id, p->service_id))
        p->each(p->data, c);
}

void local_service_checks(struct local *l, struct str service_id,
                          void (*each)(void *data, const struct health_check *c), void *data)
{
    struct pick own = {service_id, each, data}, node = {STR_NONE, each, data};
    local_checks(l, pick_one, &own);
    local_checks(l, pick_one, &node);
}

/* ---- as a definition ---- */

static void put_text(struct jwrite *w, const char *name, struct str s)
{
    if (s.n == 0)
        return;
    jwrite_name(w, name);
    jwrite_str(w, s);
}

static void put_number(struct jwrite *w, const char *name, int64_t v)
{
    jwrite_name(w, name);
    jwrite_i64(w, v);
}

static void put_tags(struct jwrite *w, struct str packed)
{
    struct unpack u = unpack_make(packed);
    uint32_t left = packed.n ? unpack_array(&u) : 0;
    if (left == 0)
        return;
    jwrite_name(w, "Tags");
    jwrite_array(w);
    for (; left > 0 && !u.bad; left--)
        jwrite_str(w, unpack_str(&u));
    jwrite_close(w);
}

static void put_meta(struct jwrite *w, struct pairs p)
{
    struct str name, value;
    if (pairs_count(p) == 0)
        return;
    jwrite_name(w, "Meta");
    jwrite_object(w);
    for (struct pairs_iter i = pairs_begin(p); pairs_next(&i, &name, &value);) {
        jwrite_name_str(w, name);
        jwrite_str(w, value);
    }
    jwrite_close(w);
}

static void put_tagged(struct jwrite *w, struct str packed)
{
    struct unpack u = unpack_make(packed);
    uint32_t left = packed.n ? unpack_map(&u) : 0;
    struct str name, address;
    int64_t port;
    if (left == 0)
        return;
    jwrite_name(w, "TaggedAddresses");
    jwrite_object(w);
    while (catalog_tagged_next(&u, &left, &name, &address, &port)) {
        jwrite_name_str(w, name);
        jwrite_object(w);
        put_text(w, "Address", address);
        put_number(w, "Port", port);
        jwrite_close(w);
    }
    jwrite_close(w);
}

static void put_checks(struct local *l, struct jwrite *w, struct str service_id)
{
    struct local_service *s = local_service_get(l, service_id);
    bool any = false;
    LIST_FOREACH (&s->checks, i) {
        struct local_check *c = LIST_ITEM(i, struct local_check, in_service);
        if (c->is_deleted || check_type_kind(&c->type) == CHECK_KIND_NONE)
            continue;
        if (!any) {
            jwrite_name(w, "Checks");
            jwrite_array(w);
        }
        any = true;
        struct check_type t = c->type;
        t.token = STR_NONE; /* a secret; the service's goes with it again */
        t.service_id = STR_NONE;
        t.check_id = c->row.check_id;
        t.name = c->row.name;
        check_type_render(&t, w);
    }
    if (any)
        jwrite_close(w);
}

void local_render_service(const struct catalog_service *r, struct jwrite *w)
{
    put_text(w, "Kind", r->kind);
    put_text(w, "ID", r->id);
    put_text(w, "Name", r->name);
    put_tags(w, r->tags);
    put_text(w, "Address", r->address);
    put_number(w, "Port", r->port);
    put_tagged(w, r->tagged_addresses);
    put_meta(w, r->meta);
    jwrite_name(w, "Weights");
    jwrite_object(w);
    put_number(w, "Passing", r->weight_passing);
    put_number(w, "Warning", r->weight_warning);
    jwrite_close(w);
    jwrite_name(w, "EnableTagOverride");
    jwrite_bool(w, r->enable_tag_override);
    if (r->proxy_json.n) {
        jwrite_name(w, "Proxy");
        jwrite_raw(w, r->proxy_json);
    }
    if (r->connect_json.n) {
        jwrite_name(w, "Connect");
        jwrite_raw(w, r->connect_json);
    }
}

bool local_definition(struct local *l, struct str service_id, struct jwrite *w)
{
    const struct local_service *s = local_service_get(l, service_id);
    if (!s)
        return false;
    jwrite_object(w);
    local_render_service(&s->row, w);
    put_checks(l, w, service_id);
    jwrite_close(w);
    return true;
}
