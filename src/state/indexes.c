/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/indexes.h"

#include "store/keys.h"

static const char *const table_keys[INDEXES_N] = {
    [INDEXES_KV] = "index/kvs",
    [INDEXES_TOMBSTONES] = "index/tombstones",
    [INDEXES_NODES] = "index/nodes",
    [INDEXES_SERVICES] = "index/services",
    [INDEXES_CHECKS] = "index/checks",
    [INDEXES_SESSIONS] = "index/sessions",
    [INDEXES_EXTINCTION] = "index/extinct",
    [INDEXES_ACL_TOKENS] = "index/acl-tokens",
    [INDEXES_ACL_POLICIES] = "index/acl-policies",
    [INDEXES_ACL_ROLES] = "index/acl-roles",
    [INDEXES_ACL_BOOTSTRAP] = "index/acl-bootstrap",
    [INDEXES_QUERIES] = "index/queries",
    [INDEXES_COORDINATES] = "index/coordinates",
};

static uint64_t row_get(struct view *v, struct str key)
{
    struct str value;

    if (!store_get(v->store, TABLE_META, key, &value))
        return 0;
    struct cursor c = cursor_make(value);
    return cursor_u64(&c);
}

static void row_put(struct store_txn *t, struct str key, uint64_t index)
{
    char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(index >> (56 - 8 * i));
    store_put(t, TABLE_META, key, str_make(bytes, sizeof bytes));
}

uint64_t indexes_applied(struct view *v)
{
    return row_get(v, STR_LIT("applied"));
}

void indexes_set_applied(struct store_txn *t, uint64_t index)
{
    row_put(t, STR_LIT("applied"), index);
}

uint64_t indexes_get(struct view *v, enum indexes_table table)
{
    return row_get(v, str_z(table_keys[table]));
}

void indexes_raise(struct apply *a, enum indexes_table table)
{
    row_put(a->txn, str_z(table_keys[table]), a->index);
}

bool indexes_is_row(struct str key)
{
    for (int i = 0; i < INDEXES_N; i++)
        if (str_eq_z(key, table_keys[i]))
            return true;
    return str_has_prefix(key, STR_LIT("service/"));
}

const char *indexes_key(enum indexes_table table)
{
    return table_keys[table];
}

uint64_t indexes_restored(struct view *v)
{
    return row_get(v, STR_LIT("restored"));
}

void indexes_set_restored(struct apply *a)
{
    row_put(a->txn, STR_LIT("restored"), a->index);
}

void indexes_service_key(struct buf *key, struct str service)
{
    buf_init(key, 0);
    buf_put_z(key, "service/");
    keys_put_lower(key, service);
}

uint64_t indexes_service(struct view *v, struct str service)
{
    struct buf key;

    indexes_service_key(&key, service);
    uint64_t index = row_get(v, buf_str(&key));
    buf_fini(&key);
    return index;
}

void indexes_raise_service(struct apply *a, struct str service)
{
    struct buf key;

    indexes_service_key(&key, service);
    row_put(a->txn, buf_str(&key), a->index);
    buf_fini(&key);
}

void indexes_drop_service(struct apply *a, struct str service)
{
    struct buf key;

    indexes_service_key(&key, service);
    store_del(a->txn, TABLE_META, buf_str(&key));
    buf_fini(&key);
}

static uint64_t newer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Consul: maxIndexForService in agent/consul/state/catalog.go. */
uint64_t indexes_of_service(struct view *v, struct str service, bool exists, bool checks)
{
    uint64_t index = exists ? 0 : indexes_get(v, INDEXES_EXTINCTION);

    if (index == 0)
        index = indexes_service(v, service);
    if (index == 0) {
        index = newer(indexes_get(v, INDEXES_NODES), indexes_get(v, INDEXES_SERVICES));
        if (checks)
            index = newer(index, indexes_get(v, INDEXES_CHECKS));
    }
    return indexes_shown(index);
}
