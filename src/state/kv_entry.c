/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/kv_entry.h"

#include "base/pack.h"
#include "state/history.h"
#include "state/indexes.h"
#include "store/keys.h"

#define KV_ROW_FIELDS 6

void kv_entry_put_row(struct buf *row, const struct kv_entry *e)
{
    pack_array(row, KV_ROW_FIELDS);
    pack_uint(row, e->create_index);
    pack_uint(row, e->modify_index);
    pack_uint(row, e->lock_index);
    pack_uint(row, e->flags);
    pack_str(row, e->session);
    pack_bin(row, e->value);
}

void kv_entry_put(struct apply *a, const struct kv_entry *e)
{
    struct buf row;

    history_note(a, e->key);
    buf_init(&row, 0);
    kv_entry_put_row(&row, e);
    store_put(a->txn, TABLE_KV, e->key, buf_str(&row));
    buf_fini(&row);
}

void kv_entry_read(struct str key, struct str row, struct kv_entry *ret)
{
    struct unpack u = unpack_make(row);

    ASSERT(unpack_array(&u) == KV_ROW_FIELDS);
    ret->key = key;
    ret->create_index = unpack_uint(&u);
    ret->modify_index = unpack_uint(&u);
    ret->lock_index = unpack_uint(&u);
    ret->flags = unpack_uint(&u);
    ret->session = unpack_str(&u);
    ret->value = unpack_str(&u);
    ASSERT(!u.bad);
}

bool kv_entry_get(struct view *v, struct str key, struct kv_entry *ret)
{
    struct str row;

    if (!store_get(v->store, TABLE_KV, key, &row))
        return false;
    kv_entry_read(key, row, ret);
    return true;
}

void kv_entry_session_key(struct buf *key, struct str session, struct str kv_key)
{
    buf_init(key, 0);
    keys_put_text(key, session);
    buf_put_str(key, kv_key); /* the last part needs no end mark */
}

static void put_u64(struct apply *a, int table, struct str key, uint64_t value)
{
    struct buf row;

    buf_init(&row, 0);
    buf_put_u64(&row, value);
    store_put(a->txn, table, key, buf_str(&row));
    buf_fini(&row);
}

void kv_entry_touch(struct apply *a, struct str key)
{
    indexes_raise(a, INDEXES_KV);
    change_add(a->changes, WATCH_KV, key);
}

/* Moves the key from one holder's list to another's; either may be none. */
static void move_session(struct apply *a, struct str key, struct str from, struct str to)
{
    struct buf row_key;

    if (str_eq(from, to))
        return;
    if (from.n) {
        kv_entry_session_key(&row_key, from, key);
        store_del(a->txn, TABLE_KV_BY_SESSION, buf_str(&row_key));
        buf_fini(&row_key);
    }
    if (to.n) {
        kv_entry_session_key(&row_key, to, key);
        store_put(a->txn, TABLE_KV_BY_SESSION, buf_str(&row_key), STR_LIT(""));
        buf_fini(&row_key);
    }
}

void kv_entry_set(struct apply *a, struct kv_entry *e, const struct kv_entry *old, bool holder_too)
{
    struct str old_session = old ? old->session : STR_NONE;

    e->create_index = old ? old->create_index : a->index;
    if (!holder_too)
        e->session = old_session;
    if (old && old->lock_index == e->lock_index && old->flags == e->flags &&
        str_eq(old->value, e->value) && str_eq(old->session, e->session)) {
        e->modify_index = old->modify_index;
        return;
    }
    e->modify_index = a->index;
    move_session(a, e->key, old_session, e->session);
    kv_entry_put(a, e);
    kv_entry_touch(a, e->key);
}

void kv_entry_tombstone(struct apply *a, struct str key)
{
    put_u64(a, TABLE_TOMBSTONE, key, a->index);
    indexes_raise(a, INDEXES_TOMBSTONES);
}

void kv_entry_delete(struct apply *a, const struct kv_entry *e)
{
    move_session(a, e->key, e->session, STR_NONE);
    kv_entry_touch(a, e->key);
    history_note(a, e->key);
    store_del(a->txn, TABLE_KV, e->key); /* last: e borrows from the row */
}

bool kv_entry_restore(struct apply *a, struct str key, struct str row)
{
    struct unpack u = unpack_make(row);
    bool fits = unpack_array(&u) == KV_ROW_FIELDS;

    for (int i = 0; i < 4; i++)
        (void)unpack_uint(&u);
    struct str session = unpack_str(&u);
    (void)unpack_str(&u);
    if (!fits || u.bad || !unpack_is_end(&u) || key.n == 0 || key.n > KV_KEY_SIZE_MAX ||
        (session.n && session.n != 36))
        return false;
    store_put(a->txn, TABLE_KV, key, row);
    move_session(a, key, STR_NONE, session);
    return true;
}
