/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/restore.h"

#include "state/acl.h"
#include "state/coordinate.h"
#include "state/health.h"
#include "state/history.h"
#include "state/indexes.h"
#include "state/kv_entry.h"
#include "state/pilot.h"
#include "state/query.h"
#include "state/row.h"
#include "state/session.h"
#include "store/dump.h"

#define PIECE_SIZE ((size_t)64 * 1024)

/* ---- one row of each table ---- */

static bool put_plain(struct apply *a, int table, struct str key, struct str row)
{
    store_put(a->txn, table, key, row);
    return true;
}

/* Index rows: those of tables and of services; the applied index is not one of them. And the
 * configuration of autopilot. */
static bool is_meta(struct str key)
{
    return indexes_is_row(key) || pilot_is_row(key);
}

static bool put_meta(struct apply *a, struct str key, struct str row)
{
    if (pilot_is_row(key))
        return pilot_restore(a, key, row);
    return row.n == 8 && indexes_is_row(key) && put_plain(a, TABLE_META, key, row);
}

static bool put_tombstone(struct apply *a, struct str key, struct str row)
{
    return row.n == 8 && put_plain(a, TABLE_TOMBSTONE, key, row);
}

static bool put_token(struct apply *a, struct str key, struct str row)
{
    struct acl_token t;

    if (!acl_read_token(row, &t) || !str_eq(key, t.accessor) || t.secret.n == 0)
        return false;
    store_put(a->txn, TABLE_ACL_SECRET, t.secret, t.accessor);
    return put_plain(a, TABLE_ACL_TOKEN, key, row);
}

static bool put_policy(struct apply *a, struct str key, struct str row)
{
    struct acl_policy p;

    if (!acl_read_policy(row, &p) || !str_eq(key, p.id) || p.name.n == 0)
        return false;
    store_put(a->txn, TABLE_ACL_POLICY_NAME, p.name, p.id);
    return put_plain(a, TABLE_ACL_POLICY, key, row);
}

static bool put_role(struct apply *a, struct str key, struct str row)
{
    struct acl_role r;

    if (!acl_read_role(row, &r) || !str_eq(key, r.id) || r.name.n == 0)
        return false;
    store_put(a->txn, TABLE_ACL_ROLE_NAME, r.name, r.id);
    return put_plain(a, TABLE_ACL_ROLE, key, row);
}

/* In the order in which rows need one another. */
static const struct {
    int table;
    bool (*put)(struct apply *a, struct str key, struct str row);
} tables[] = {
    {TABLE_META, put_meta},
    {TABLE_KV, kv_entry_restore},
    {TABLE_TOMBSTONE, put_tombstone},
    {TABLE_NODE, catalog_restore_node},
    {TABLE_SERVICE, catalog_restore_service},
    {TABLE_CHECK, health_restore_check},
    {TABLE_COORDINATE, coordinate_restore},
    {TABLE_SESSION, session_restore},
    {TABLE_QUERY, query_restore},
    {TABLE_ACL_POLICY, put_policy},
    {TABLE_ACL_ROLE, put_role},
    {TABLE_ACL_TOKEN, put_token},
};
#define TABLES_N (sizeof(tables) / sizeof(tables[0]))

/* ---- out ---- */

static bool put_piece(struct buf *piece, bool (*put)(void *data, struct str bytes), void *data)
{
    bool wants_more = put(data, buf_str(piece));

    buf_clear(piece);
    return wants_more;
}

bool restore_dump(struct view *v, bool (*put)(void *data, struct str bytes), void *data)
{
    struct store_cursor c;
    struct buf out;
    bool wants_more = true;

    buf_init(&out, 0);
    pack_str(&out, STR_LIT(RESTORE_MAGIC));
    pack_array(&out, TABLES_N);
    for (size_t i = 0; i < TABLES_N; i++)
        pack_str(&out, str_z(state_table_names[tables[i].table]));
    for (size_t i = 0; i < TABLES_N && wants_more; i++) {
        for (store_seek(&c, v->store, tables[i].table, STR_NONE); c.valid && wants_more;
             store_next(&c)) {
            if (tables[i].table == TABLE_META && !is_meta(c.key))
                continue;
            pack_uint(&out, i);
            pack_bin(&out, c.key);
            pack_bin(&out, c.value);
            if (out.n >= PIECE_SIZE)
                wants_more = put_piece(&out, put, data);
        }
        store_cursor_fini(&c);
    }
    if (wants_more)
        wants_more = put_piece(&out, put, data);
    buf_fini(&out);
    return wants_more;
}

bool restore_is_dump(struct str bytes)
{
    struct unpack u = unpack_make(bytes);

    return str_eq(unpack_str(&u), STR_LIT(RESTORE_MAGIC));
}

void restore_encode(struct str dump, struct buf *out)
{
    command_begin(out, COMMAND_RESTORE);
    buf_put_str(out, dump);
}

/* ---- in ---- */

static size_t find_table(struct str name)
{
    size_t i = 0;

    while (i < TABLES_N && !str_eq_z(name, state_table_names[tables[i].table]))
        i++;
    return i;
}

/* Which of ours each of the dump's tables is. */
static int read_names(struct apply *a, struct unpack *u, size_t ret[TABLES_N], uint32_t *ret_n)
{
    if (!str_eq(unpack_str(u), STR_LIT(RESTORE_MAGIC)))
        return state_fail(a, ERR_INVALID, "this is no snapshot of disco's state");
    *ret_n = unpack_array(u);
    if (*ret_n > TABLES_N)
        return state_fail(a, ERR_INVALID, "the snapshot has tables of a later version");
    for (uint32_t i = 0; i < *ret_n; i++) {
        struct str name = unpack_str(u);

        ret[i] = find_table(name);
        if (ret[i] == TABLES_N)
            return state_fail(a, ERR_INVALID, "the snapshot has a table of a later version: %.*s",
                              STR_ARG(str_take(name, 64)));
    }
    return u->bad ? ERR_INVALID : 0;
}

int restore_apply(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    size_t which[TABLES_N];
    uint64_t last = 0;
    uint32_t n = 0;
    int rc = read_names(a, &u, which, &n);

    if (rc < 0)
        return rc;
    dump_clear(a->txn);
    history_clear(a->txn);
    while (!unpack_is_end(&u) && !u.bad) {
        uint64_t i = unpack_uint(&u);
        struct str key = unpack_str(&u), row = unpack_str(&u);

        /* A node before its services, and so on: in the order of the names. */
        if (u.bad || i >= n || i < last || key.n > STORE_KEY_SIZE_MAX ||
            !tables[which[i]].put(a, key, row))
            return state_fail(a, ERR_INVALID, "the snapshot is damaged: a row of %s",
                              i < n ? state_table_names[tables[which[i]].table] : "no table");
        last = i;
    }
    if (u.bad)
        return state_fail(a, ERR_INVALID, "the snapshot is damaged: it ends too early");
    indexes_set_restored(a);
    rc = store_error(a->txn);
    a->changes->everything = rc == 0;
    return rc;
}
