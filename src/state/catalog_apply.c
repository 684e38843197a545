/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registration and deregistration. Which index moves with what, and the words
 * of the errors, are those of Consul 1.9's agent/consul/state/catalog.go as
 * observed from outside.
 */
#include "config.h"

#include "state/catalog.h"
#include "state/coordinate.h"
#include "state/indexes.h"
#include "state/row.h"
#include "state/session.h"
#include "store/keys.h"

/* ---- encoding ---- */

static void pack_row(struct buf *out, struct buf *row)
{
    pack_bin(out, buf_str(row));
    buf_clear(row);
}

void catalog_encode_register(const struct catalog_register *r, struct buf *out)
{
    struct buf row;

    buf_init(&row, 0);
    command_begin(out, COMMAND_CATALOG_REGISTER);
    pack_array(out, 4);
    row_put_node(&row, &r->node);
    pack_row(out, &row);
    pack_bool(out, r->skip_node_update);
    if (r->service) {
        row_put_service(&row, r->service);
        pack_row(out, &row);
    } else {
        pack_nil(out);
    }
    pack_array(out, (uint32_t)r->check_n);
    for (size_t i = 0; i < r->check_n; i++) {
        row_put_check(&row, &r->checks[i]);
        pack_row(out, &row);
    }
    buf_fini(&row);
}

void catalog_encode_deregister(struct str node, struct str service_id, struct str check_id,
                               struct buf *out)
{
    command_begin(out, COMMAND_CATALOG_DEREGISTER);
    pack_array(out, 3);
    pack_str(out, node);
    pack_str(out, service_id);
    pack_str(out, check_id);
}

/* ---- deleting ---- */

/* Deletes the node's checks, or those of one service on it. */
static void delete_checks(struct apply *a, struct str node, const struct str *service_id)
{
    struct store_cursor c;
    struct buf prefix, check_id;

    buf_init(&prefix, 0);
    buf_init(&check_id, 0);
    row_node_key(&prefix, node);
    if (service_id)
        keys_put_lower(&prefix, *service_id);
    for (store_seek(&c, a->view.store, TABLE_CHECK_BY_INSTANCE, buf_str(&prefix));
         c.valid && str_has_prefix(c.key, buf_str(&prefix)); store_next(&c)) {
        struct cursor rest = cursor_make(str_drop(c.key, prefix.n));
        if (!service_id)
            ASSERT(keys_get_text(&rest, NULL));
        buf_clear(&check_id);
        ASSERT(keys_get_text(&rest, &check_id));
        health_apply_delete(a, node, buf_str(&check_id));
    }
    store_cursor_fini(&c);
    buf_fini(&check_id);
    buf_fini(&prefix);
}

static bool has_instances(struct view *v, struct str service)
{
    struct store_cursor c;
    struct buf prefix;

    buf_init(&prefix, 0);
    keys_put_lower(&prefix, service);
    store_seek(&c, v->store, TABLE_BY_SERVICE, buf_str(&prefix));
    bool any = c.valid && str_has_prefix(c.key, buf_str(&prefix));
    store_cursor_fini(&c);
    buf_fini(&prefix);
    return any;
}

static void link_service(struct apply *a, const struct catalog_service *s, bool on)
{
    struct buf key;

    buf_init(&key, 0);
    row_by_service_key(&key, s->name, s->node, s->id);
    if (on)
        store_put(a->txn, TABLE_BY_SERVICE, buf_str(&key), STR_LIT(""));
    else
        store_del(a->txn, TABLE_BY_SERVICE, buf_str(&key));
    buf_fini(&key);
    row_change(a, WATCH_SERVICE, s->name);
}

static void touch_service(struct apply *a, struct str node)
{
    indexes_raise(a, INDEXES_SERVICES);
    change_add(a->changes, WATCH_SERVICES, STR_NONE);
    row_change(a, WATCH_NODE, node);
}

void catalog_apply_delete_service(struct apply *a, struct str node, struct str id)
{
    struct catalog_service s;
    struct buf key;

    if (!row_service_get(&a->view, node, id, &s))
        return;
    delete_checks(a, node, &id);
    indexes_raise(a, INDEXES_CHECKS); /* also when there was none: so Consul does */
    touch_service(a, node);
    link_service(a, &s, false);
    if (has_instances(&a->view, s.name)) {
        indexes_raise_service(a, s.name);
    } else {
        indexes_drop_service(a, s.name);
        indexes_raise(a, INDEXES_EXTINCTION);
    }
    buf_init(&key, 0);
    row_service_key(&key, node, id);
    store_del(a->txn, TABLE_SERVICE, buf_str(&key)); /* last: s borrows from the row */
    buf_fini(&key);
}

static void delete_services(struct apply *a, struct str node)
{
    struct store_cursor c;
    struct buf prefix, id;

    buf_init(&prefix, 0);
    buf_init(&id, 0);
    row_node_key(&prefix, node);
    for (store_seek(&c, a->view.store, TABLE_SERVICE, buf_str(&prefix));
         c.valid && str_has_prefix(c.key, buf_str(&prefix)); store_next(&c)) {
        struct cursor rest = cursor_make(str_drop(c.key, prefix.n));
        buf_clear(&id);
        ASSERT(keys_get_text(&rest, &id));
        catalog_apply_delete_service(a, node, buf_str(&id));
    }
    store_cursor_fini(&c);
    buf_fini(&id);
    buf_fini(&prefix);
}

static void touch_node(struct apply *a, struct str node)
{
    indexes_raise(a, INDEXES_NODES);
    row_change(a, WATCH_NODE, node);
    change_add(a->changes, WATCH_NODES, STR_NONE);
}

void catalog_apply_delete_node(struct apply *a, struct str name)
{
    struct catalog_node n;
    struct buf key;

    if (!row_node_get(&a->view, name, &n))
        return;
    delete_services(a, name);
    delete_checks(a, name, NULL);
    if (n.id.n)
        store_del(a->txn, TABLE_NODE_ID, n.id);
    touch_node(a, name);
    buf_init(&key, 0);
    row_node_key(&key, name);
    store_del(a->txn, TABLE_NODE, buf_str(&key));
    buf_fini(&key);
    coordinate_node_gone(a, name);
    session_node_gone(a, name);
}

int catalog_apply_deregister(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 3;
    struct str node = unpack_str(&u), service_id = unpack_str(&u), check_id = unpack_str(&u);

    if (!fits || u.bad || !unpack_is_end(&u))
        return ERR_INVALID;
    if (node.n > ROW_NAME_SIZE_MAX)
        return 0; /* such a node cannot be there */
    if (service_id.n)
        catalog_apply_delete_service(a, node, service_id);
    else if (check_id.n)
        health_apply_delete(a, node, check_id);
    else
        catalog_apply_delete_node(a, node);
    return 0;
}

/* ---- registering ---- */

/* May the node with another id take this name? Yes, unless the one who bears it is alive. */
static int check_name_is_free(struct apply *a, const struct catalog_node *n, bool may_steal,
                              struct error *err)
{
    struct catalog_node other;
    struct health_check serf;

    if (!row_node_get(&a->view, n->name, &other) || str_eq(other.id, n->id))
        return 0;
    bool alive = row_check_get(&a->view, other.name, STR_LIT("serfHealth"), &serf) &&
                 !str_eq_z(serf.status, "critical");
    if (!alive || (other.id.n == 0 && may_steal))
        return 0;
    return error_set(
        err, ERR_INVALID, "Node name %.*s is reserved by node %.*s with name %.*s (%.*s)",
        STR_ARG(n->name), STR_ARG(other.id), STR_ARG(other.name), STR_ARG(other.address));
}

static bool node_by_id(struct apply *a, struct str id, struct catalog_node *ret)
{
    struct str key, row;

    if (id.n == 0 || !store_get(a->view.store, TABLE_NODE_ID, id, &key) ||
        !store_get(a->view.store, TABLE_NODE, key, &row))
        return false;
    row_load_node(row, ret);
    return true;
}

static void store_node(struct apply *a, const struct catalog_node *n, struct str old_id)
{
    struct buf key, row;

    buf_init(&key, 0);
    buf_init(&row, 0);
    row_node_key(&key, n->name);
    row_put_node(&row, n);
    if (old_id.n && !str_eq(old_id, n->id))
        store_del(a->txn, TABLE_NODE_ID, old_id);
    if (n->id.n)
        store_put(a->txn, TABLE_NODE_ID, n->id, buf_str(&key));
    touch_node(a, n->name);
    health_touch_node(a, n->name);
    store_put(a->txn, TABLE_NODE, buf_str(&key), buf_str(&row));
    buf_fini(&row);
    buf_fini(&key);
}

static bool node_is_same(const struct catalog_node *x, const struct catalog_node *y)
{
    return str_eq(x->id, y->id) && str_eq(x->name, y->name) && str_eq(x->address, y->address) &&
           str_eq(x->datacenter, y->datacenter) &&
           str_eq(x->tagged_addresses.packed, y->tagged_addresses.packed) &&
           str_eq(x->meta.packed, y->meta.packed);
}

static int fail_rename(struct apply *a, const struct catalog_node *n, bool with_address,
                       const struct error *err)
{
    struct buf id;

    buf_init(&id, 0);
    state_quote(&id, n->id);
    if (with_address)
        buf_putf(&id, " (%.*s)", STR_ARG(n->address));
    state_fail(a, ERR_INVALID, "failed inserting node: Error while renaming Node ID: %s: %s",
               buf_z(&id), err->text);
    buf_fini(&id);
    return ERR_INVALID;
}

int catalog_apply_node(struct apply *a, const struct catalog_node *given)
{
    struct catalog_node n = *given, old, by_id;
    struct error err = {0};

    bool exists = node_by_id(a, n.id, &by_id);
    if (n.id.n && !exists) {
        if (check_name_is_free(a, &n, true, &err) < 0)
            return fail_rename(a, &n, false, &err);
    } else if (exists && !str_eq(by_id.name, n.name)) {
        if (check_name_is_free(a, &n, false, &err) < 0)
            return fail_rename(a, &n, true, &err);
        struct buf name; /* the row goes */
        buf_init(&name, 0);
        buf_put_str(&name, by_id.name);
        n.create_index = by_id.create_index;
        catalog_apply_delete_node(a, buf_str(&name));
        buf_fini(&name);
        n.modify_index = a->index;
        /* A dead bearer of the name gives it up. */
        store_node(a, &n, row_node_get(&a->view, n.name, &old) ? old.id : STR_NONE);
        return 0;
    }
    exists = row_node_get(&a->view, n.name, &old);
    if (exists && node_is_same(&old, &n))
        return 0;
    n.create_index = exists ? old.create_index : a->index;
    n.modify_index = a->index;
    store_node(a, &n, exists ? old.id : STR_NONE);
    return 0;
}

/* Consul: NodeService.IsSame, that is all but the indexes. */
static bool service_is_same(const struct catalog_service *x, const struct catalog_service *y)
{
    struct catalog_service copy = *y;
    struct buf left, right;

    copy.node = x->node;
    copy.create_index = x->create_index;
    copy.modify_index = x->modify_index;
    buf_init(&left, 0);
    buf_init(&right, 0);
    row_put_service(&left, x);
    row_put_service(&right, &copy);
    bool same = str_eq(buf_str(&left), buf_str(&right));
    buf_fini(&right);
    buf_fini(&left);
    return same;
}

int catalog_apply_service(struct apply *a, struct str node, const struct catalog_service *given)
{
    struct catalog_service s = *given, old;
    struct buf key, row;

    s.node = node;
    if (s.id.n == 0 || s.name.n == 0)
        return state_fail(a, ERR_INVALID,
                          "failed inserting service: failed inserting service: object missing "
                          "primary index");
    bool exists = row_service_get(&a->view, node, s.id, &old);
    if (exists && service_is_same(&old, &s))
        return 0;
    s.create_index = exists ? old.create_index : a->index;
    s.modify_index = a->index;
    if (exists && !str_eq_nocase(old.name, s.name))
        link_service(a, &old, false);
    link_service(a, &s, true);
    touch_service(a, node);
    indexes_raise_service(a, s.name);
    buf_init(&key, 0);
    buf_init(&row, 0);
    row_service_key(&key, node, s.id);
    row_put_service(&row, &s);
    store_put(a->txn, TABLE_SERVICE, buf_str(&key), buf_str(&row));
    buf_fini(&row);
    buf_fini(&key);
    return 0;
}

static int apply_check(struct apply *a, struct str node, const struct health_check *c)
{
    struct buf mine, other;
    char text[ERROR_TEXT_MAX];

    buf_init(&mine, 0);
    buf_init(&other, 0);
    state_quote(&mine, node);
    int rc = 0;
    if (!str_eq(c->node, node)) {
        state_quote(&other, c->node);
        rc = state_fail(a, ERR_INVALID, "check node %s does not match node %s", buf_z(&other),
                        buf_z(&mine));
    } else {
        rc = health_apply_check(a, c);
        if (rc < 0) {
            (void)str_copy_z(str_z(a->result->text), text, sizeof text);
            state_fail(a, rc, "failed inserting check: %s on node %s", text, buf_z(&mine));
        }
    }
    buf_fini(&other);
    buf_fini(&mine);
    return rc;
}

static int apply_checks(struct apply *a, struct str node, struct unpack *u)
{
    struct health_check c;

    for (uint32_t left = unpack_array(u); left > 0 && !u->bad; left--) {
        if (!row_read_check(unpack_str(u), &c))
            return ERR_INVALID;
        int rc = apply_check(a, node, &c);
        if (rc < 0)
            return rc;
    }
    return u->bad || !unpack_is_end(u) ? ERR_INVALID : 0;
}

int catalog_apply_register(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 4;
    struct str node_row = unpack_str(&u);
    bool skip = unpack_bool(&u);
    struct str service_row = unpack_str(&u);
    struct catalog_node n;
    struct catalog_service s;

    if (!fits || u.bad || !row_read_node(node_row, &n))
        return ERR_INVALID;
    if (n.name.n == 0)
        return state_fail(a, ERR_INVALID, "Must provide node");
    if (service_row.p && !row_read_service(service_row, &s))
        return ERR_INVALID;
    int rc = skip && row_node_exists(&a->view, n.name) ? 0 : catalog_apply_node(a, &n);
    if (rc == 0 && service_row.p)
        rc = catalog_apply_service(a, n.name, &s);
    if (rc == 0)
        rc = apply_checks(a, n.name, &u);
    return rc;
}

/* ---- restoring ---- */

bool catalog_restore_node(struct apply *a, struct str key, struct str row)
{
    struct catalog_node n;
    struct buf own;

    if (!row_read_node(row, &n) || n.name.n == 0)
        return false;
    buf_init(&own, 0);
    row_node_key(&own, n.name);
    bool fits = str_eq(buf_str(&own), key);
    buf_fini(&own);
    if (!fits)
        return false;
    store_put(a->txn, TABLE_NODE, key, row);
    if (n.id.n)
        store_put(a->txn, TABLE_NODE_ID, n.id, key);
    return true;
}

bool catalog_restore_service(struct apply *a, struct str key, struct str row)
{
    struct catalog_service s;
    struct buf own;

    if (!row_read_service(row, &s) || s.id.n == 0 || s.name.n == 0 ||
        !row_node_exists(&a->view, s.node))
        return false;
    buf_init(&own, 0);
    row_service_key(&own, s.node, s.id);
    bool fits = str_eq(buf_str(&own), key);
    buf_clear(&own);
    row_by_service_key(&own, s.name, s.node, s.id);
    if (fits) {
        store_put(a->txn, TABLE_SERVICE, key, row);
        store_put(a->txn, TABLE_BY_SERVICE, buf_str(&own), STR_LIT(""));
    }
    buf_fini(&own);
    return fits;
}
