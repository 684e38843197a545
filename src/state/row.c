/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/row.h"

#include "store/keys.h"

#define NODE_FIELDS    8
#define SERVICE_FIELDS 17
#define CHECK_FIELDS   13

/* ---- keys ---- */

void row_node_key(struct buf *key, struct str node)
{
    keys_put_lower(key, node);
}

void row_service_key(struct buf *key, struct str node, struct str id)
{
    keys_put_lower(key, node);
    keys_put_lower(key, id);
}

void row_by_service_key(struct buf *key, struct str service, struct str node, struct str id)
{
    keys_put_lower(key, service);
    row_service_key(key, node, id);
}

void row_check_key(struct buf *key, struct str node, struct str check_id)
{
    keys_put_lower(key, node);
    keys_put_lower(key, check_id);
}

void row_by_instance_key(struct buf *key, struct str node, struct str service_id,
                         struct str check_id)
{
    keys_put_lower(key, node);
    keys_put_lower(key, service_id);
    keys_put_lower(key, check_id);
}

/* ---- writing ---- */

void row_put_packed(struct buf *out, struct str packed)
{
    if (packed.p)
        pack_bin(out, packed);
    else
        pack_nil(out);
}

void row_put_node(struct buf *out, const struct catalog_node *n)
{
    pack_array(out, NODE_FIELDS);
    pack_str(out, n->name);
    pack_str(out, n->id);
    pack_str(out, n->address);
    pack_str(out, n->datacenter);
    row_put_packed(out, n->tagged_addresses.packed);
    row_put_packed(out, n->meta.packed);
    pack_uint(out, n->create_index);
    pack_uint(out, n->modify_index);
}

void row_put_service(struct buf *out, const struct catalog_service *s)
{
    pack_array(out, SERVICE_FIELDS);
    pack_str(out, s->node);
    pack_str(out, s->id);
    pack_str(out, s->name);
    pack_str(out, s->address);
    pack_str(out, s->kind);
    pack_str(out, s->namespace_);
    row_put_packed(out, s->tags);
    row_put_packed(out, s->meta.packed);
    row_put_packed(out, s->tagged_addresses);
    pack_int(out, s->port);
    pack_int(out, s->weight_passing);
    pack_int(out, s->weight_warning);
    pack_bool(out, s->enable_tag_override);
    pack_str(out, s->proxy_json);
    pack_str(out, s->connect_json);
    pack_uint(out, s->create_index);
    pack_uint(out, s->modify_index);
}

void row_put_check(struct buf *out, const struct health_check *c)
{
    pack_array(out, CHECK_FIELDS);
    pack_str(out, c->node);
    pack_str(out, c->check_id);
    pack_str(out, c->name);
    pack_str(out, c->notes);
    pack_str(out, c->output);
    pack_str(out, c->service_id);
    pack_str(out, c->service_name);
    pack_str(out, c->type);
    pack_str(out, c->status);
    row_put_packed(out, c->service_tags);
    pack_str(out, c->definition_json);
    pack_uint(out, c->create_index);
    pack_uint(out, c->modify_index);
}

/* ---- reading ---- */

static bool node_fields(struct str row, struct catalog_node *ret)
{
    struct unpack u = unpack_make(row);
    bool fits = unpack_array(&u) == NODE_FIELDS;

    ret->name = unpack_str(&u);
    ret->id = unpack_str(&u);
    ret->address = unpack_str(&u);
    ret->datacenter = unpack_str(&u);
    ret->tagged_addresses.packed = unpack_str(&u);
    ret->meta.packed = unpack_str(&u);
    ret->create_index = unpack_uint(&u);
    ret->modify_index = unpack_uint(&u);
    return fits && !u.bad && unpack_is_end(&u);
}

static bool service_fields(struct str row, struct catalog_service *ret)
{
    struct unpack u = unpack_make(row);
    bool fits = unpack_array(&u) == SERVICE_FIELDS;

    ret->node = unpack_str(&u);
    ret->id = unpack_str(&u);
    ret->name = unpack_str(&u);
    ret->address = unpack_str(&u);
    ret->kind = unpack_str(&u);
    ret->namespace_ = unpack_str(&u);
    ret->tags = unpack_str(&u);
    ret->meta.packed = unpack_str(&u);
    ret->tagged_addresses = unpack_str(&u);
    ret->port = unpack_int(&u);
    ret->weight_passing = unpack_int(&u);
    ret->weight_warning = unpack_int(&u);
    ret->enable_tag_override = unpack_bool(&u);
    ret->proxy_json = unpack_str(&u);
    ret->connect_json = unpack_str(&u);
    ret->create_index = unpack_uint(&u);
    ret->modify_index = unpack_uint(&u);
    return fits && !u.bad && unpack_is_end(&u);
}

static bool check_fields(struct str row, struct health_check *ret)
{
    struct unpack u = unpack_make(row);
    bool fits = unpack_array(&u) == CHECK_FIELDS;

    ret->node = unpack_str(&u);
    ret->check_id = unpack_str(&u);
    ret->name = unpack_str(&u);
    ret->notes = unpack_str(&u);
    ret->output = unpack_str(&u);
    ret->service_id = unpack_str(&u);
    ret->service_name = unpack_str(&u);
    ret->type = unpack_str(&u);
    ret->status = unpack_str(&u);
    ret->service_tags = unpack_str(&u);
    ret->definition_json = unpack_str(&u);
    ret->create_index = unpack_uint(&u);
    ret->modify_index = unpack_uint(&u);
    return fits && !u.bad && unpack_is_end(&u);
}

static bool is_name(struct str s)
{
    return s.n <= ROW_NAME_SIZE_MAX;
}

static bool is_texts(struct str packed)
{
    struct unpack u = unpack_make(packed);

    if (packed.n == 0)
        return true;
    for (uint32_t n = unpack_array(&u); n > 0 && !u.bad; n--)
        (void)unpack_str(&u);
    return unpack_is_end(&u) && !u.bad;
}

static bool is_pairs(struct pairs p)
{
    struct unpack u = unpack_make(p.packed);

    if (p.packed.n == 0)
        return true;
    for (uint32_t n = unpack_map(&u); n > 0 && !u.bad; n--) {
        (void)unpack_str(&u);
        (void)unpack_str(&u);
    }
    return unpack_is_end(&u) && !u.bad;
}

static bool is_addresses(struct str packed)
{
    struct unpack u = unpack_make(packed);
    struct str name, address;
    int64_t port;

    if (packed.n == 0)
        return true;
    for (uint32_t left = unpack_map(&u); left > 0 && !u.bad;)
        (void)catalog_tagged_next(&u, &left, &name, &address, &port);
    return unpack_is_end(&u) && !u.bad;
}

bool row_read_node(struct str row, struct catalog_node *ret)
{
    return node_fields(row, ret) && is_name(ret->name) && is_name(ret->id) &&
           is_name(ret->address) && is_name(ret->datacenter) && is_pairs(ret->tagged_addresses) &&
           is_pairs(ret->meta);
}

bool row_read_service(struct str row, struct catalog_service *ret)
{
    return service_fields(row, ret) && is_name(ret->node) && is_name(ret->id) &&
           is_name(ret->name) && is_name(ret->address) && is_texts(ret->tags) &&
           is_pairs(ret->meta) && is_addresses(ret->tagged_addresses);
}

bool row_read_check(struct str row, struct health_check *ret)
{
    return check_fields(row, ret) && is_name(ret->node) && is_name(ret->check_id) &&
           is_name(ret->name) && is_name(ret->service_id) && is_name(ret->service_name) &&
           is_name(ret->status) && is_texts(ret->service_tags);
}

void row_load_node(struct str row, struct catalog_node *ret)
{
    ASSERT(node_fields(row, ret));
}

void row_load_service(struct str row, struct catalog_service *ret)
{
    ASSERT(service_fields(row, ret));
}

void row_load_check(struct str row, struct health_check *ret)
{
    ASSERT(check_fields(row, ret));
}

/* ---- getting ---- */

static bool get(struct view *v, int table, struct buf *key, struct str *ret)
{
    bool found = store_get(v->store, table, buf_str(key), ret);

    buf_fini(key);
    return found;
}

bool row_node_get(struct view *v, struct str name, struct catalog_node *ret)
{
    struct buf key;
    struct str row;

    if (!is_name(name))
        return false;
    buf_init(&key, 0);
    row_node_key(&key, name);
    if (!get(v, TABLE_NODE, &key, &row))
        return false;
    row_load_node(row, ret);
    return true;
}

bool row_node_of(struct view *v, struct str service_key, struct catalog_node *ret)
{
    struct cursor c = cursor_make(service_key);
    struct str row;

    ASSERT(keys_get_text(&c, NULL));
    struct str key = str_take(service_key, service_key.n - cursor_left(&c));
    if (!store_get(v->store, TABLE_NODE, key, &row))
        return false;
    row_load_node(row, ret);
    return true;
}

bool row_node_exists(struct view *v, struct str name)
{
    struct catalog_node n;

    return row_node_get(v, name, &n);
}

bool row_service_get(struct view *v, struct str node, struct str id, struct catalog_service *ret)
{
    struct buf key;
    struct str row;

    if (!is_name(node) || !is_name(id))
        return false;
    buf_init(&key, 0);
    row_service_key(&key, node, id);
    if (!get(v, TABLE_SERVICE, &key, &row))
        return false;
    row_load_service(row, ret);
    return true;
}

bool row_check_get(struct view *v, struct str node, struct str check_id, struct health_check *ret)
{
    struct buf key;
    struct str row;

    if (!is_name(node) || !is_name(check_id))
        return false;
    buf_init(&key, 0);
    row_check_key(&key, node, check_id);
    if (!get(v, TABLE_CHECK, &key, &row))
        return false;
    row_load_check(row, ret);
    return true;
}

static void lower(struct buf *out, struct str name)
{
    buf_init(out, 0);
    buf_put_str(out, name);
    str_lower(buf_str(out), out->p);
}

void row_change(struct apply *a, enum watch_kind kind, struct str name)
{
    struct buf key;

    lower(&key, name);
    change_add(a->changes, kind, buf_str(&key));
    buf_fini(&key);
}

void row_watch(struct view *v, enum watch_kind kind, struct str name)
{
    struct buf key;

    if (!v->watch)
        return;
    lower(&key, name);
    watch_key(v->watch, kind, buf_str(&key));
    buf_fini(&key);
}
