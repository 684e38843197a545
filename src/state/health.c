/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/health.h"

#include "state/indexes.h"
#include "state/policy.h"
#include "state/row.h"
#include "state/session.h"
#include "store/keys.h"

enum health_status health_status_of(struct str status)
{
    if (str_eq_z(status, "passing"))
        return HEALTH_PASSING;
    if (str_eq_z(status, "warning"))
        return HEALTH_WARNING;
    if (str_eq_z(status, "maintenance"))
        return HEALTH_MAINTENANCE;
    return HEALTH_CRITICAL;
}

uint64_t health_checks_index(struct view *v)
{
    return indexes_shown(indexes_get(v, INDEXES_CHECKS));
}

/* ---- questions ---- */

typedef bool (*each_check)(void *data, const struct health_check *c);

/* Checks whose rows of `table` begin with prefix (freed here): TABLE_CHECK itself, or a table whose
 * keys end in (node, check id), `skip` bytes behind the beginning. */
static bool walk(struct view *v, int table, struct buf *prefix, size_t skip, each_check each,
                 void *data)
{
    struct store_cursor c;
    struct health_check check;
    bool go = true;

    for (store_seek(&c, v->store, table, buf_str(prefix));
         go && c.valid && str_has_prefix(c.key, buf_str(prefix)); store_next(&c)) {
        struct str row = c.value;
        if (table != TABLE_CHECK && !store_get(v->store, TABLE_CHECK, str_drop(c.key, skip), &row))
            continue;
        row_load_check(row, &check);
        if (policy_allows_check(v, check.node, check.service_name))
            go = each(data, &check);
    }
    store_cursor_fini(&c);
    buf_fini(prefix);
    return go;
}

void health_node_checks(struct view *v, struct str node,
                        bool (*each)(void *data, const struct health_check *c), void *data,
                        uint64_t *ret_index)
{
    struct buf prefix;

    row_watch(v, WATCH_NODE, node);
    buf_init(&prefix, 0);
    row_node_key(&prefix, node);
    walk(v, TABLE_CHECK, &prefix, 0, each, data);
    if (ret_index)
        *ret_index = health_checks_index(v);
}

void health_service_checks(struct view *v, struct str service,
                           bool (*each)(void *data, const struct health_check *c), void *data,
                           uint64_t *ret_index)
{
    struct buf prefix;

    row_watch(v, WATCH_CHECKS, service);
    buf_init(&prefix, 0);
    keys_put_lower(&prefix, service);
    walk(v, TABLE_CHECK_BY_SERVICE, &prefix, prefix.n, each, data);
    if (ret_index)
        *ret_index = health_checks_index(v);
}

struct state_walk {
    struct str state;
    each_check each;
    void *data;
};

static bool on_state_check(void *data, const struct health_check *c)
{
    struct state_walk *w = data;

    if (w->state.p && !str_eq(c->status, w->state))
        return true;
    return w->each(w->data, c);
}

void health_state_checks(struct view *v, struct str state,
                         bool (*each)(void *data, const struct health_check *c), void *data,
                         uint64_t *ret_index)
{
    struct state_walk w = {str_eq_z(state, "any") ? STR_NONE : state, each, data};
    struct buf prefix;

    watch_key(v->watch, WATCH_CHECKS, STR_NONE);
    buf_init(&prefix, 0);
    walk(v, TABLE_CHECK, &prefix, 0, on_state_check, &w);
    if (ret_index)
        *ret_index = health_checks_index(v);
}

/* Walks the checks of one instance, or with service_id "" the node's own, by the keys alone. */
static bool walk_instance(struct view *v, struct str node, struct str service_id, each_check each,
                          void *data)
{
    struct store_cursor c;
    struct health_check check;
    struct buf prefix, key;
    bool go = true;

    buf_init(&prefix, 0);
    buf_init(&key, 0);
    row_service_key(&prefix, node, service_id);
    row_node_key(&key, node);
    size_t node_size = key.n;
    for (store_seek(&c, v->store, TABLE_CHECK_BY_INSTANCE, buf_str(&prefix));
         go && c.valid && str_has_prefix(c.key, buf_str(&prefix)); store_next(&c)) {
        struct str row;
        key.n = node_size;
        buf_put_str(&key, str_drop(c.key, prefix.n));
        if (!store_get(v->store, TABLE_CHECK, buf_str(&key), &row))
            continue;
        row_load_check(row, &check);
        if (policy_allows_check(v, check.node, check.service_name))
            go = each(data, &check);
    }
    store_cursor_fini(&c);
    buf_fini(&key);
    buf_fini(&prefix);
    return go;
}

void health_instance_checks(struct view *v, struct str node, struct str service_id,
                            bool (*each)(void *data, const struct health_check *c), void *data)
{
    if (walk_instance(v, node, STR_NONE, each, data) && service_id.n)
        walk_instance(v, node, service_id, each, data);
}

/* Instances come in the order of (node, id), and so do the checks' keys: one cursor goes along. */
struct join {
    struct view *view;
    bool (*each)(void *data, const struct health_instance *i);
    void *data;
    struct store_cursor checks;
    struct buf prefix;
    size_t node_size; /* of the prefix: the node that `of_node` is about */
    struct sum {
        enum health_status worst;
        uint64_t modify_index;
    } of_node;
    bool any;
};

/* Adds up the checks whose keys begin with the prefix. */
static struct sum sum_checks(struct join *j, struct sum sum)
{
    struct str prefix = buf_str(&j->prefix);

    for (store_skip_to(&j->checks, prefix);
         j->checks.valid && str_has_prefix(j->checks.key, prefix); store_next(&j->checks)) {
        struct cursor value = cursor_make(j->checks.value);
        enum health_status status = (enum health_status)cursor_u8(&value);
        uint64_t index = cursor_u64(&value);
        sum.worst = status > sum.worst ? status : sum.worst;
        sum.modify_index = index > sum.modify_index ? index : sum.modify_index;
    }
    return sum;
}

static void join_node(struct join *j, struct str node)
{
    size_t from = j->prefix.n;

    /* Written behind the old one, to be compared with it. */
    row_node_key(&j->prefix, node);
    struct str old = str_take(buf_str(&j->prefix), j->node_size);
    if (j->node_size && str_eq(old, str_drop(buf_str(&j->prefix), from))) {
        j->prefix.n = j->node_size;
        return;
    }
    buf_clear(&j->prefix);
    row_node_key(&j->prefix, node);
    j->node_size = j->prefix.n;
    keys_put_text(&j->prefix, STR_NONE);
    j->of_node = sum_checks(j, (struct sum){.worst = HEALTH_PASSING});
    j->prefix.n = j->node_size;
}

static bool on_instance(void *data, const struct catalog_node *n, const struct catalog_service *s)
{
    struct join *j = data;
    struct health_instance instance = {.node = n, .service = s};

    j->any = true;
    join_node(j, n->name);
    keys_put_lower(&j->prefix, s->id);
    struct sum sum = sum_checks(j, j->of_node);
    j->prefix.n = j->node_size;
    instance.worst = sum.worst;
    instance.checks_modify_index = sum.modify_index;
    return j->each(j->data, &instance);
}

void health_service_nodes(struct view *v, struct str service,
                          bool (*each)(void *data, const struct health_instance *i), void *data,
                          uint64_t *ret_index)
{
    struct join j = {.view = v, .each = each, .data = data};

    buf_init(&j.prefix, 0);
    store_seek(&j.checks, v->store, TABLE_CHECK_BY_INSTANCE, STR_NONE);
    catalog_service_nodes(v, service, on_instance, &j, NULL);
    store_cursor_fini(&j.checks);
    buf_fini(&j.prefix);
    if (ret_index)
        *ret_index = indexes_of_service(v, service, j.any, true);
}

uint64_t health_service_index(struct view *v, struct str service)
{
    return indexes_of_service(v, service, true, true);
}

/* ---- apply ---- */

static void link_check(struct apply *a, const struct health_check *c, bool on)
{
    struct buf key, value; /* what the join wants of the check */

    buf_init(&key, 0);
    buf_init(&value, 0);
    row_by_instance_key(&key, c->node, c->service_id, c->check_id);
    buf_put_u8(&value, (uint8_t)health_status_of(c->status));
    buf_put_u64(&value, c->modify_index);
    if (on)
        store_put(a->txn, TABLE_CHECK_BY_INSTANCE, buf_str(&key), buf_str(&value));
    else
        store_del(a->txn, TABLE_CHECK_BY_INSTANCE, buf_str(&key));
    if (c->service_name.n) {
        buf_clear(&key);
        row_by_service_key(&key, c->service_name, c->node, c->check_id);
        if (on)
            store_put(a->txn, TABLE_CHECK_BY_SERVICE, buf_str(&key), STR_LIT(""));
        else
            store_del(a->txn, TABLE_CHECK_BY_SERVICE, buf_str(&key));
    }
    buf_fini(&value);
    buf_fini(&key);
}

/* A check of the node itself counts for every service on it. */
void health_touch_node(struct apply *a, struct str node)
{
    struct store_cursor c;
    struct catalog_service s;
    struct buf prefix;

    buf_init(&prefix, 0);
    row_node_key(&prefix, node);
    for (store_seek(&c, a->view.store, TABLE_SERVICE, buf_str(&prefix));
         c.valid && str_has_prefix(c.key, buf_str(&prefix)); store_next(&c)) {
        row_load_service(c.value, &s);
        row_change(a, WATCH_SERVICE, s.name);
        indexes_raise_service(a, s.name);
    }
    store_cursor_fini(&c);
    buf_fini(&prefix);
}

static void touch(struct apply *a, const struct health_check *c, struct str service_name)
{
    indexes_raise(a, INDEXES_CHECKS);
    row_change(a, WATCH_NODE, c->node);
    change_add(a->changes, WATCH_CHECKS, STR_NONE);
    if (c->service_id.n) {
        row_change(a, WATCH_CHECKS, c->service_name);
        row_change(a, WATCH_SERVICE, service_name);
        indexes_raise_service(a, service_name);
    } else {
        health_touch_node(a, c->node);
    }
}

/* Consul: HealthCheck.IsSame; the type is not compared. */
static bool is_same(const struct health_check *x, const struct health_check *y)
{
    return str_eq(x->node, y->node) && str_eq(x->check_id, y->check_id) &&
           str_eq(x->name, y->name) && str_eq(x->status, y->status) && str_eq(x->notes, y->notes) &&
           str_eq(x->output, y->output) && str_eq(x->service_id, y->service_id) &&
           str_eq(x->service_name, y->service_name) && str_eq(x->service_tags, y->service_tags) &&
           str_eq(x->definition_json, y->definition_json);
}

int health_apply_check(struct apply *a, const struct health_check *given)
{
    struct health_check c = *given, old;
    struct catalog_service s;
    struct buf key, row;

    if (c.status.n == 0)
        c.status = STR_LIT("critical");
    if (!row_node_exists(&a->view, c.node))
        return state_fail(a, ERR_INVALID, "Missing node registration");
    c.service_name = STR_NONE;
    c.service_tags = STR_NONE;
    if (c.service_id.n) {
        if (!row_service_get(&a->view, c.node, c.service_id, &s))
            return state_fail(a, ERR_INVALID, "Missing service registration");
        c.service_name = s.name;
        c.service_tags = s.tags;
    }
    if (c.check_id.n == 0)
        return state_fail(a, ERR_INVALID, "failed inserting check: object missing primary index");
    bool exists = row_check_get(&a->view, c.node, c.check_id, &old);
    if (str_eq_z(c.status, "critical"))
        session_check_gone(a, c.node, c.check_id);
    if (exists && is_same(&c, &old))
        return 0;
    c.create_index = exists ? old.create_index : a->index;
    c.modify_index = a->index;
    if (exists)
        link_check(a, &old, false);
    if (exists && !str_eq_nocase(old.service_id, c.service_id))
        touch(a, &old, old.service_name); /* what it leaves has changed too */
    link_check(a, &c, true);
    touch(a, &c, c.service_name);
    buf_init(&key, 0);
    buf_init(&row, 0);
    row_check_key(&key, c.node, c.check_id);
    row_put_check(&row, &c);
    store_put(a->txn, TABLE_CHECK, buf_str(&key), buf_str(&row));
    buf_fini(&row);
    buf_fini(&key);
    return 0;
}

void health_apply_delete(struct apply *a, struct str node, struct str check_id)
{
    struct health_check c;
    struct catalog_service s;
    struct buf key;

    if (!row_check_get(&a->view, node, check_id, &c))
        return;
    touch(a, &c, c.service_name);
    /* The service may bear another name by now than when the check came. */
    if (c.service_id.n && row_service_get(&a->view, node, c.service_id, &s) &&
        !str_eq_nocase(s.name, c.service_name))
        row_change(a, WATCH_SERVICE, s.name);
    link_check(a, &c, false);
    buf_init(&key, 0);
    row_check_key(&key, node, check_id);
    store_del(a->txn, TABLE_CHECK, buf_str(&key));
    buf_fini(&key);
    session_check_gone(a, node, check_id);
}

bool health_restore_check(struct apply *a, struct str key, struct str row)
{
    struct health_check c;
    struct catalog_service s;
    struct buf own;

    if (!row_read_check(row, &c) || c.check_id.n == 0 || !row_node_exists(&a->view, c.node) ||
        (c.service_id.n && !row_service_get(&a->view, c.node, c.service_id, &s)))
        return false;
    buf_init(&own, 0);
    row_check_key(&own, c.node, c.check_id);
    bool fits = str_eq(buf_str(&own), key);
    buf_fini(&own);
    if (!fits)
        return false;
    store_put(a->txn, TABLE_CHECK, key, row);
    link_check(a, &c, true);
    return true;
}
