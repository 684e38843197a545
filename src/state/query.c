/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/query.h"

#include "state/indexes.h"
#include "state/policy.h"
#include "state/row.h"
#include "state/session.h"
#include "store/keys.h"

#define QUERY_ROW_FIELDS 19

/* ---- rows and encoding ---- */

void query_put_row(struct buf *out, const struct query *q)
{
    pack_array(out, QUERY_ROW_FIELDS);
    pack_str(out, q->id);
    pack_str(out, q->name);
    pack_str(out, q->session);
    pack_str(out, q->token);
    pack_str(out, q->template_type);
    pack_str(out, q->regexp);
    pack_bool(out, q->remove_empty_tags);
    pack_str(out, q->service);
    pack_str(out, q->near);
    pack_int(out, q->failover_nearest);
    pack_bool(out, q->only_passing);
    pack_bool(out, q->connect);
    row_put_packed(out, q->failover_datacenters);
    row_put_packed(out, q->ignored_checks);
    row_put_packed(out, q->tags);
    row_put_packed(out, q->node_meta.packed);
    row_put_packed(out, q->service_meta.packed);
    pack_str(out, q->ttl);
    pack_array(out, 2);
    pack_uint(out, q->create_index);
    pack_uint(out, q->modify_index);
}

static bool query_fields(struct str row, struct query *ret)
{
    struct unpack u = unpack_make(row);
    bool fits = unpack_array(&u) == QUERY_ROW_FIELDS;

    ret->id = unpack_str(&u);
    ret->name = unpack_str(&u);
    ret->session = unpack_str(&u);
    ret->token = unpack_str(&u);
    ret->template_type = unpack_str(&u);
    ret->regexp = unpack_str(&u);
    ret->remove_empty_tags = unpack_bool(&u);
    ret->service = unpack_str(&u);
    ret->near = unpack_str(&u);
    ret->failover_nearest = unpack_int(&u);
    ret->only_passing = unpack_bool(&u);
    ret->connect = unpack_bool(&u);
    ret->failover_datacenters = unpack_str(&u);
    ret->ignored_checks = unpack_str(&u);
    ret->tags = unpack_str(&u);
    ret->node_meta.packed = unpack_str(&u);
    ret->service_meta.packed = unpack_str(&u);
    ret->ttl = unpack_str(&u);
    fits = fits && unpack_array(&u) == 2;
    ret->create_index = unpack_uint(&u);
    ret->modify_index = unpack_uint(&u);
    return fits && !u.bad && unpack_is_end(&u);
}

/* A list of texts, or of pairs of them, or nothing. */
static bool is_texts(struct str packed, bool is_map)
{
    struct unpack u = unpack_make(packed);
    uint32_t n;

    if (!packed.p)
        return true;
    n = is_map ? 2 * unpack_map(&u) : unpack_array(&u);
    for (uint32_t i = 0; i < n && !u.bad; i++)
        (void)unpack_str(&u);
    return !u.bad && unpack_is_end(&u);
}

bool query_read(struct str row, struct query *ret)
{
    return query_fields(row, ret) && ret->id.n == 36 && ret->name.n <= QUERY_NAME_SIZE_MAX &&
           is_texts(ret->failover_datacenters, false) && is_texts(ret->ignored_checks, false) &&
           is_texts(ret->tags, false) && is_texts(ret->node_meta.packed, true) &&
           is_texts(ret->service_meta.packed, true);
}

void query_encode_set(const struct query *q, bool is_update, struct buf *out)
{
    struct buf row;

    buf_init(&row, 0);
    query_put_row(&row, q);
    command_begin(out, COMMAND_QUERY_SET);
    pack_array(out, 2);
    pack_bool(out, is_update);
    pack_bin(out, buf_str(&row));
    buf_fini(&row);
}

void query_encode_delete(struct str id, struct buf *out)
{
    command_begin(out, COMMAND_QUERY_DELETE);
    pack_array(out, 1);
    pack_str(out, id);
}

/* ---- apply ---- */

static void name_key(struct buf *key, bool is_template, struct str name)
{
    buf_clear(key);
    buf_put_c(key, is_template ? 't' : 'n');
    keys_put_lower(key, name);
}

/* A query without a name that is no template has no entry. */
static bool has_name_key(const struct query *q)
{
    return q->name.n > 0 || query_is_template(q);
}

static void link_query(struct apply *a, const struct query *q, bool on)
{
    struct buf key;

    buf_init(&key, 0);
    if (has_name_key(q)) {
        name_key(&key, query_is_template(q), q->name);
        if (on)
            store_put(a->txn, TABLE_QUERY_BY_NAME, buf_str(&key), q->id);
        else
            store_del(a->txn, TABLE_QUERY_BY_NAME, buf_str(&key));
    }
    if (q->session.n) {
        buf_clear(&key);
        buf_put_str(&key, q->session);
        buf_put_str(&key, q->id);
        if (on)
            store_put(a->txn, TABLE_QUERY_BY_SESSION, buf_str(&key), STR_LIT(""));
        else
            store_del(a->txn, TABLE_QUERY_BY_SESSION, buf_str(&key));
    }
    buf_fini(&key);
}

static void touch(struct apply *a)
{
    indexes_raise(a, INDEXES_QUERIES);
    change_add(a->changes, WATCH_QUERY, STR_NONE);
}

static bool get_row(struct view *v, struct str id, struct query *ret)
{
    struct str row;

    if (id.n != 36 || !store_get(v->store, TABLE_QUERY, id, &row))
        return false;
    ASSERT(query_fields(row, ret));
    return true;
}

/* Who bears the name, other than the query itself? */
static bool is_name_taken(struct apply *a, const struct query *q)
{
    struct buf key;
    struct str id;

    buf_init(&key, 0);
    name_key(&key, query_is_template(q), q->name);
    bool taken =
        store_get(a->view.store, TABLE_QUERY_BY_NAME, buf_str(&key), &id) && !str_eq(id, q->id);
    buf_fini(&key);
    return taken;
}

static int check_session(struct apply *a, const struct query *q)
{
    struct session s;
    struct error err;
    struct buf quoted;

    if (q->session.n == 0)
        return 0;
    if (session_check_id(q->session, &err) < 0)
        return state_fail(a, ERR_INVALID, "invalid session: %s", err.text);
    if (session_get(&a->view, q->session, &s, NULL))
        return 0;
    buf_init(&quoted, 0);
    state_quote(&quoted, q->session);
    state_fail(a, ERR_INVALID, "invalid session %s", buf_z(&quoted));
    buf_fini(&quoted);
    return ERR_INVALID;
}

static int check_name(struct apply *a, const struct query *q)
{
    struct query other;

    if (has_name_key(q) && is_name_taken(a, q))
        return q->name.n ? state_fail(a, ERR_INVALID, "name '%.*s' aliases an existing query name",
                                      STR_ARG(q->name))
                         : state_fail(a, ERR_INVALID,
                                      "a query template with an empty name already exists");
    if (get_row(&a->view, q->name, &other))
        return state_fail(a, ERR_INVALID, "name '%.*s' aliases an existing query ID",
                          STR_ARG(q->name));
    return 0;
}

static int fail_missing(struct apply *a, struct str id)
{
    return state_fail(a, ERR_INVALID, "Cannot modify non-existent prepared query: '%.*s'",
                      STR_ARG(str_take(id, 64)));
}

static bool read_set(struct str body, struct query *ret, bool *ret_is_update)
{
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 2;

    *ret_is_update = unpack_bool(&u);
    struct str row = unpack_str(&u);
    return fits && !u.bad && unpack_is_end(&u) && query_read(row, ret);
}

bool query_read_set(struct str body, struct query *ret)
{
    bool is_update;

    return read_set(body, ret, &is_update);
}

int query_apply_set(struct apply *a, struct str body)
{
    struct query q, old;
    bool is_update, exists;
    struct buf row;
    int rc;

    if (!read_set(body, &q, &is_update))
        return ERR_INVALID;
    exists = get_row(&a->view, q.id, &old);
    if (exists != is_update)
        return exists ? state_fail(a, ERR_EXISTS, "query %.*s exists", STR_ARG(q.id))
                      : fail_missing(a, q.id);
    rc = check_session(a, &q);
    if (rc == 0)
        rc = check_name(a, &q);
    if (rc < 0)
        return rc;
    q.create_index = exists ? old.create_index : a->index;
    q.modify_index = a->index;
    if (exists)
        link_query(a, &old, false);
    link_query(a, &q, true);
    buf_init(&row, 0);
    query_put_row(&row, &q);
    store_put(a->txn, TABLE_QUERY, q.id, buf_str(&row));
    buf_fini(&row);
    touch(a);
    pack_str(&a->result->body, q.id);
    return 0;
}

bool query_restore(struct apply *a, struct str id, struct str row)
{
    struct query q;

    if (!query_read(row, &q) || !str_eq(q.id, id))
        return false;
    store_put(a->txn, TABLE_QUERY, id, row);
    link_query(a, &q, true);
    return true;
}

static bool delete_query(struct apply *a, struct str id)
{
    struct query q;

    if (!get_row(&a->view, id, &q))
        return false;
    link_query(a, &q, false);
    touch(a);
    store_del(a->txn, TABLE_QUERY, id); /* last: q borrows from the row */
    return true;
}

int query_apply_delete(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 1;
    struct str id = unpack_str(&u);

    if (!fits || u.bad || !unpack_is_end(&u))
        return ERR_INVALID;
    return delete_query(a, id) ? 0 : fail_missing(a, id);
}

void query_session_gone(struct apply *a, struct str session)
{
    struct store_cursor c;
    struct buf id;

    buf_init(&id, 0);
    for (store_seek(&c, a->view.store, TABLE_QUERY_BY_SESSION, session);
         c.valid && str_has_prefix(c.key, session); store_next(&c)) {
        buf_clear(&id);
        buf_put_str(&id, str_drop(c.key, session.n));
        delete_query(a, buf_str(&id));
    }
    store_cursor_fini(&c);
    buf_fini(&id);
}

/* ---- reads ---- */

static bool may_see(struct view *v, struct query *q)
{
    bool manages = policy_allows(v, ACL_ACL, STR_LIT(""), ACL_WRITE);

    if (q->token.n && !manages)
        q->token = STR_LIT("<hidden>");
    return manages || (has_name_key(q) && policy_allows(v, ACL_QUERY, q->name, ACL_READ));
}

bool query_reveal(struct view *v, struct query *q)
{
    bool seen = may_see(v, q);

    v->denied |= !seen;
    return seen;
}

bool query_get(struct view *v, struct str id, struct query *ret, uint64_t *ret_index)
{
    watch_key(v->watch, WATCH_QUERY, STR_NONE);
    if (ret_index)
        *ret_index = indexes_shown(indexes_get(v, INDEXES_QUERIES));
    return get_row(v, id, ret) && query_reveal(v, ret);
}

void query_list(struct view *v, bool (*each)(void *data, const struct query *q), void *data,
                uint64_t *ret_index)
{
    struct store_cursor c;
    struct query q;
    bool go = true;

    watch_key(v->watch, WATCH_QUERY, STR_NONE);
    *ret_index = indexes_shown(indexes_get(v, INDEXES_QUERIES));
    for (store_seek(&c, v->store, TABLE_QUERY, STR_NONE); go && c.valid; store_next(&c)) {
        ASSERT(query_fields(c.value, &q));
        if (may_see(v, &q))
            go = each(data, &q);
    }
    store_cursor_fini(&c);
}

static bool find_by_name(struct view *v, bool is_template, struct str name, struct query *ret)
{
    struct buf key;
    struct str id;

    buf_init(&key, 0);
    name_key(&key, is_template, name);
    bool found =
        store_get(v->store, TABLE_QUERY_BY_NAME, buf_str(&key), &id) && get_row(v, id, ret);
    buf_fini(&key);
    return found;
}

bool query_find(struct view *v, struct str key, struct query *ret)
{
    watch_key(v->watch, WATCH_QUERY, STR_NONE);
    if (get_row(v, key, ret))
        return true;
    if (key.n == 0 || key.n > QUERY_NAME_SIZE_MAX)
        return false;
    if (find_by_name(v, false, key, ret))
        return true;
    for (size_t n = key.n + 1; n-- > 0;)
        if (find_by_name(v, true, str_take(key, n), ret))
            return true;
    return false;
}
