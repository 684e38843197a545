/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/session.h"

#include "state/health.h"
#include "state/indexes.h"
#include "state/kv.h"
#include "state/policy.h"
#include "state/query.h"
#include "state/row.h"
#include "store/keys.h"

/* Consul refuses longer names at its HTTP door only by the size of the body. */
#define SESSION_NAME_SIZE_MAX 4096
/* Consul: structs.MaxLockDelay. */
#define SESSION_LOCK_DELAY_MAX_NS ((int64_t)60 * 1000000000)
#define SESSION_ROW_FIELDS        11

/* ---- rows and encoding ---- */

/* Row and command are the same bytes; the command's indexes are 0. */
void session_put_row(struct buf *out, const struct session *s)
{
    pack_array(out, SESSION_ROW_FIELDS);
    pack_str(out, s->id);
    pack_str(out, s->name);
    pack_str(out, s->node);
    row_put_packed(out, s->node_checks);
    row_put_packed(out, s->service_checks);
    row_put_packed(out, s->checks);
    pack_int(out, s->lock_delay_ns);
    pack_bool(out, s->delete_keys);
    pack_str(out, s->ttl);
    pack_uint(out, s->create_index);
    pack_uint(out, s->modify_index);
}

static bool session_read(struct str row, struct session *ret)
{
    struct unpack u = unpack_make(row);
    bool fits = unpack_array(&u) == SESSION_ROW_FIELDS;

    ret->id = unpack_str(&u);
    ret->name = unpack_str(&u);
    ret->node = unpack_str(&u);
    ret->node_checks = unpack_str(&u);
    ret->service_checks = unpack_str(&u);
    ret->checks = unpack_str(&u);
    ret->lock_delay_ns = unpack_int(&u);
    ret->delete_keys = unpack_bool(&u);
    ret->ttl = unpack_str(&u);
    ret->create_index = unpack_uint(&u);
    ret->modify_index = unpack_uint(&u);
    return fits && !u.bad && unpack_is_end(&u);
}

void session_encode_create(const struct session *s, struct buf *out)
{
    command_begin(out, COMMAND_SESSION_CREATE);
    session_put_row(out, s);
}

bool session_read_create(struct str body, struct session *ret)
{
    return session_read(body, ret);
}

void session_encode_destroy(struct str id, struct buf *out)
{
    command_begin(out, COMMAND_SESSION_DESTROY);
    pack_array(out, 1);
    pack_str(out, id);
}

/* go-memdb's UUIDFieldIndex words these. */
int session_check_id(struct str id, struct error *err)
{
    int hyphens = 0;

    if (id.n != 36)
        return error_set(err, ERR_INVALID, "index error: UUID must be 36 characters");
    for (size_t i = 0; i < id.n; i++)
        hyphens += id.p[i] == '-';
    if (hyphens > 4)
        return error_set(err, ERR_INVALID,
                         "index error: UUID should have maximum of 4 \"-\"; got %d", hyphens);
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (c != '-' && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f') &&
            !(c >= 'A' && c <= 'F'))
            return error_set(err, ERR_INVALID, "index error: Invalid UUID: %.*s", STR_ARG(id));
    }
    return 0;
}

/* ---- which checks a session hangs on ---- */

struct check_walk {
    struct unpack u;
    uint32_t left;
    bool pairs; /* of [id, namespace] */
};

static struct check_walk check_walk_begin(struct str packed, bool pairs)
{
    struct check_walk w = {.u = unpack_make(packed), .pairs = pairs};

    w.left = packed.n ? unpack_array(&w.u) : 0;
    return w;
}

static bool check_walk_next(struct check_walk *w, struct str *ret_id)
{
    if (w->left == 0 || w->u.bad)
        return false;
    w->left--;
    if (w->pairs && unpack_array(&w->u) != 2)
        w->u.bad = true;
    *ret_id = unpack_str(&w->u);
    if (w->pairs)
        (void)unpack_str(&w->u);
    return !w->u.bad;
}

/* Calls each(id) for every check of the session; stops at its first negative return. ERR_INVALID
 * when a list is malformed. */
static int each_check(struct apply *a, const struct session *s,
                      int (*each)(struct apply *a, const struct session *s, struct str check_id))
{
    const struct {
        struct str packed;
        bool pairs;
    } lists[] = {{s->checks, false}, {s->node_checks, false}, {s->service_checks, true}};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct check_walk w = check_walk_begin(lists[i].packed, lists[i].pairs);
        struct str id;
        while (check_walk_next(&w, &id)) {
            int rc = each(a, s, id);
            if (rc < 0)
                return rc;
        }
        if (w.u.bad || (lists[i].packed.n && !unpack_is_end(&w.u)))
            return ERR_INVALID;
    }
    return 0;
}

static int check_must_pass(struct apply *a, const struct session *s, struct str check_id)
{
    struct health_check check;

    if (!row_check_get(&a->view, s->node, check_id, &check))
        return state_fail(a, ERR_INVALID, "Missing check '%.*s' registration", STR_ARG(check_id));
    if (str_eq_z(check.status, "critical"))
        return state_fail(a, ERR_INVALID, "Check '%.*s' is in %.*s state", STR_ARG(check_id),
                          STR_ARG(check.status));
    return 0;
}

static void by_check_key(struct buf *key, struct str node, struct str check_id, struct str id)
{
    keys_put_lower(key, node);
    keys_put_lower(key, check_id);
    buf_put_str(key, id);
}

static int check_link(struct apply *a, const struct session *s, struct str check_id)
{
    struct buf key;

    buf_init(&key, 0);
    by_check_key(&key, s->node, check_id, s->id);
    store_put(a->txn, TABLE_SESSION_BY_CHECK, buf_str(&key), STR_LIT(""));
    buf_fini(&key);
    return 0;
}

static int check_unlink(struct apply *a, const struct session *s, struct str check_id)
{
    struct buf key;

    buf_init(&key, 0);
    by_check_key(&key, s->node, check_id, s->id);
    store_del(a->txn, TABLE_SESSION_BY_CHECK, buf_str(&key));
    buf_fini(&key);
    return 0;
}

/* ---- apply ---- */

static void by_node_key(struct buf *key, struct str node, struct str id)
{
    buf_init(key, 0);
    keys_put_lower(key, node);
    buf_put_str(key, id);
}

static void touch(struct apply *a, const struct session *s)
{
    indexes_raise(a, INDEXES_SESSIONS);
    change_add(a->changes, WATCH_SESSION, s->id);
}

int session_apply_create(struct apply *a, struct str body)
{
    struct session s;
    struct buf key, row;
    struct error err = {0};
    struct str old;
    int rc;

    if (!session_read(body, &s) || s.name.n > SESSION_NAME_SIZE_MAX || s.ttl.n > 64)
        return ERR_INVALID;
    if (session_check_id(s.id, &err) < 0)
        return state_fail(a, ERR_INVALID, "failed session lookup: %s", err.text);
    if (store_get(a->view.store, TABLE_SESSION, s.id, &old))
        return state_fail(a, ERR_EXISTS, "session %.*s exists", STR_ARG(s.id));
    if (!row_node_exists(&a->view, s.node))
        return state_fail(a, ERR_INVALID, "Missing node registration");
    rc = each_check(a, &s, check_must_pass);
    if (rc < 0)
        return rc;
    s.create_index = s.modify_index = a->index;
    buf_init(&row, 0);
    session_put_row(&row, &s);
    store_put(a->txn, TABLE_SESSION, s.id, buf_str(&row));
    buf_fini(&row);
    by_node_key(&key, s.node, s.id);
    store_put(a->txn, TABLE_SESSION_BY_NODE, buf_str(&key), STR_LIT(""));
    buf_fini(&key);
    (void)each_check(a, &s, check_link);
    touch(a, &s);
    pack_str(&a->result->body, s.id);
    return 0;
}

bool session_restore(struct apply *a, struct str id, struct str row)
{
    struct session s;
    struct error err;
    struct buf key;

    if (!session_read(row, &s) || !str_eq(s.id, id) || session_check_id(id, &err) < 0 ||
        !row_node_exists(&a->view, s.node) || each_check(a, &s, check_link) < 0)
        return false;
    store_put(a->txn, TABLE_SESSION, id, row);
    by_node_key(&key, s.node, id);
    store_put(a->txn, TABLE_SESSION_BY_NODE, buf_str(&key), STR_LIT(""));
    buf_fini(&key);
    change_add(a->changes, WATCH_SESSION, id); /* its TTL begins anew */
    return true;
}

static void session_gone(struct apply *a, struct str id)
{
    struct session s;
    struct buf key, copy;
    struct str row;

    if (!store_get(a->view.store, TABLE_SESSION, id, &row))
        return;
    buf_init(&copy, 0); /* the row goes, what hangs on it needs its texts */
    buf_put_str(&copy, row);
    ASSERT(session_read(buf_str(&copy), &s));
    store_del(a->txn, TABLE_SESSION, s.id);
    by_node_key(&key, s.node, s.id);
    store_del(a->txn, TABLE_SESSION_BY_NODE, buf_str(&key));
    buf_fini(&key);
    (void)each_check(a, &s, check_unlink);
    touch(a, &s);
    int64_t delay =
        s.lock_delay_ns > SESSION_LOCK_DELAY_MAX_NS ? SESSION_LOCK_DELAY_MAX_NS : s.lock_delay_ns;
    kv_session_gone(a, s.id, s.delete_keys, delay);
    query_session_gone(a, s.id);
    buf_fini(&copy);
}

int session_apply_destroy(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 1;
    struct str id = unpack_str(&u);

    if (!fits || u.bad || !unpack_is_end(&u) || id.n != 36)
        return ERR_INVALID;
    session_gone(a, id);
    return 0;
}

/* Ends all sessions whose ids stand behind `prefix` in a table. */
static void gone_below(struct apply *a, int table, struct str prefix)
{
    struct store_cursor c;

    for (store_seek(&c, a->view.store, table, prefix); c.valid && str_has_prefix(c.key, prefix);
         store_next(&c))
        session_gone(a, str_drop(c.key, prefix.n));
    store_cursor_fini(&c);
}

void session_node_gone(struct apply *a, struct str node)
{
    struct buf prefix;

    by_node_key(&prefix, node, STR_NONE);
    gone_below(a, TABLE_SESSION_BY_NODE, buf_str(&prefix));
    buf_fini(&prefix);
}

void session_check_gone(struct apply *a, struct str node, struct str check_id)
{
    struct buf prefix;

    buf_init(&prefix, 0);
    by_check_key(&prefix, node, check_id, STR_NONE);
    gone_below(a, TABLE_SESSION_BY_CHECK, buf_str(&prefix));
    buf_fini(&prefix);
}

/* ---- reads ---- */

bool session_get(struct view *v, struct str id, struct session *ret, uint64_t *ret_index)
{
    struct str row;

    watch_key(v->watch, WATCH_SESSION, id);
    if (ret_index)
        *ret_index = indexes_shown(indexes_get(v, INDEXES_SESSIONS));
    if (!store_get(v->store, TABLE_SESSION, id, &row))
        return false;
    ASSERT(session_read(row, ret));
    return policy_allows(v, ACL_SESSION, ret->node, ACL_READ);
}

static void list_of_node(struct view *v, struct str node,
                         bool (*each)(void *data, const struct session *s), void *data)
{
    struct store_cursor c;
    struct session s;
    struct buf prefix;
    struct str row;
    bool go = true;

    by_node_key(&prefix, node, STR_NONE);
    for (store_seek(&c, v->store, TABLE_SESSION_BY_NODE, buf_str(&prefix));
         go && c.valid && str_has_prefix(c.key, buf_str(&prefix)); store_next(&c)) {
        if (!store_get(v->store, TABLE_SESSION, str_drop(c.key, prefix.n), &row))
            continue;
        ASSERT(session_read(row, &s));
        if (policy_allows(v, ACL_SESSION, s.node, ACL_READ))
            go = each(data, &s);
    }
    store_cursor_fini(&c);
    buf_fini(&prefix);
}

void session_list(struct view *v, struct str node,
                  bool (*each)(void *data, const struct session *s), void *data,
                  uint64_t *ret_index)
{
    struct store_cursor c;
    struct session s;
    bool go = true;

    watch_prefix(v->watch, WATCH_SESSION, STR_NONE);
    if (ret_index)
        *ret_index = indexes_shown(indexes_get(v, INDEXES_SESSIONS));
    if (node.p) {
        list_of_node(v, node, each, data);
        return;
    }
    for (store_seek(&c, v->store, TABLE_SESSION, STR_NONE); go && c.valid; store_next(&c)) {
        ASSERT(session_read(c.value, &s));
        if (policy_allows(v, ACL_SESSION, s.node, ACL_READ))
            go = each(data, &s);
    }
    store_cursor_fini(&c);
}
