/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules are those of Consul 1.9's kvs table, observed and from its
 * documentation: a write of what is there already changes nothing; a plain
 * write keeps the holder but resets LockIndex; a delete leaves a tombstone so
 * that the index of a prefix does not go back; the tombstone of a recursive
 * delete is its prefix.
 */
#include "config.h"

#include "state/kv.h"

#include "state/indexes.h"
#include "state/kv_entry.h"
#include "state/policy.h"
#include "state/session.h"
#include "store/keys.h"

/* ---- writing ---- */

static void delete_key(struct apply *a, struct str key)
{
    struct kv_entry e;

    if (!kv_entry_get(&a->view, key, &e))
        return;
    kv_entry_tombstone(a, key);
    kv_entry_delete(a, &e);
}

static void delete_tree(struct apply *a, struct str prefix)
{
    struct store_cursor c;
    struct kv_entry e;
    bool any = false;

    for (store_seek(&c, a->view.store, TABLE_KV, prefix); c.valid && str_has_prefix(c.key, prefix);
         store_next(&c)) {
        kv_entry_read(c.key, c.value, &e);
        kv_entry_delete(a, &e);
        any = true;
    }
    store_cursor_fini(&c);
    if (any && prefix.n)
        kv_entry_tombstone(a, prefix);
}

static int apply_lock(struct apply *a, struct kv_entry *e, const struct kv_entry *old, bool *ret_ok)
{
    struct error err = {0};
    struct session holder;

    if (e->session.n == 0)
        return state_fail(a, ERR_INVALID, "missing session");
    if (session_check_id(e->session, &err) < 0)
        return state_fail(a, ERR_INVALID, "failed session lookup: %s", err.text);
    if (!session_get(&a->view, e->session, &holder, NULL))
        return state_fail(a, ERR_INVALID, "invalid session \"%.*s\"", STR_ARG(e->session));
    *ret_ok = !old || old->session.n == 0 || str_eq(old->session, e->session);
    if (!*ret_ok)
        return 0;
    e->lock_index = old ? old->lock_index : 0;
    if (!old || old->session.n == 0)
        e->lock_index++;
    kv_entry_set(a, e, old, true);
    return 0;
}

static int apply_unlock(struct apply *a, struct kv_entry *e, const struct kv_entry *old,
                        bool *ret_ok)
{
    if (e->session.n == 0)
        return state_fail(a, ERR_INVALID, "missing session");
    *ret_ok = old && str_eq(old->session, e->session);
    if (!*ret_ok)
        return 0;
    e->session = STR_NONE;
    e->lock_index = old->lock_index;
    kv_entry_set(a, e, old, true);
    return 0;
}

/* Ours: the mount's O_APPEND. Flags and lock index stay. */
static int apply_append(struct apply *a, struct kv_entry *e, const struct kv_entry *old)
{
    struct buf value;
    size_t size = e->value.n + (old ? old->value.n : 0);

    if (size > KV_VALUE_SIZE_MAX)
        return state_fail(a, ERR_TOO_LARGE, "value of %zu bytes is over the limit of %zu", size,
                          KV_VALUE_SIZE_MAX);
    buf_init(&value, 0);
    if (old) {
        buf_put_str(&value, old->value);
        e->flags = old->flags;
        e->lock_index = old->lock_index;
    }
    buf_put_str(&value, e->value);
    e->value = buf_str(&value);
    kv_entry_set(a, e, old, false);
    buf_fini(&value);
    return 0;
}

static int apply_write(struct apply *a, const struct kv_op *op, const struct kv_entry *old,
                       bool *ret_ok, uint64_t *ret_index)
{
    struct kv_entry e = {
        .key = op->key, .value = op->value, .flags = op->flags, .session = op->session};
    int rc = 0;

    *ret_ok = true;
    switch (op->verb) {
    case KV_SET:
        kv_entry_set(a, &e, old, false);
        break;
    case KV_CAS:
        *ret_ok = op->index ? old && old->modify_index == op->index : !old;
        if (*ret_ok)
            kv_entry_set(a, &e, old, false);
        break;
    case KV_LOCK:
        rc = apply_lock(a, &e, old, ret_ok);
        break;
    case KV_UNLOCK:
        rc = apply_unlock(a, &e, old, ret_ok);
        break;
    case KV_HOLD:
    case KV_LET_GO:
        e.value = old ? old->value : STR_LIT("");
        e.flags = old ? old->flags : 0;
        rc =
            op->verb == KV_HOLD ? apply_lock(a, &e, old, ret_ok) : apply_unlock(a, &e, old, ret_ok);
        *ret_index = old ? old->modify_index : 0;
        return rc;
    default:
        rc = apply_append(a, &e, old);
        break;
    }
    *ret_index = e.modify_index;
    return rc;
}

int kv_apply_op(struct apply *a, const struct kv_op *op, bool *ret_ok, uint64_t *ret_index)
{
    struct kv_entry old;

    *ret_ok = true;
    *ret_index = a->index;
    if (op->key.n > KV_KEY_SIZE_MAX)
        return state_fail(a, ERR_TOO_LARGE, "key is over %zu bytes", KV_KEY_SIZE_MAX);
    if (op->value.n > KV_VALUE_SIZE_MAX)
        return state_fail(a, ERR_TOO_LARGE, "value is over %zu bytes", KV_VALUE_SIZE_MAX);
    if (op->verb == KV_DELETE_TREE) {
        delete_tree(a, op->key);
        return 0;
    }
    if (op->key.n == 0)
        return state_fail(a, ERR_INVALID, "Must provide key");
    bool exists = kv_entry_get(&a->view, op->key, &old);
    switch (op->verb) {
    case KV_DELETE:
        delete_key(a, op->key);
        return 0;
    case KV_DELETE_CAS: /* of a missing key: true, as in Consul */
        *ret_ok = !exists || old.modify_index == op->index;
        if (*ret_ok)
            delete_key(a, op->key);
        return 0;
    case KV_SET:
    case KV_CAS:
    case KV_LOCK:
    case KV_UNLOCK:
    case KV_APPEND:
    case KV_HOLD:
    case KV_LET_GO:
        return apply_write(a, op, exists ? &old : NULL, ret_ok, ret_index);
    default:
        return state_fail(a, ERR_INVALID, "verb %d does not write", (int)op->verb);
    }
}

static void delay_lock(struct apply *a, struct str key, int64_t lock_delay_ns)
{
    if (lock_delay_ns <= 0)
        return;
    buf_put_u64(&a->released, (uint64_t)lock_delay_ns);
    buf_put_u32(&a->released, (uint32_t)key.n);
    buf_put_str(&a->released, key);
}

void kv_session_gone(struct apply *a, struct str session, bool delete_keys, int64_t lock_delay_ns)
{
    struct store_cursor c;
    struct kv_entry e;
    struct buf prefix;

    kv_entry_session_key(&prefix, session, STR_NONE);
    for (store_seek(&c, a->view.store, TABLE_KV_BY_SESSION, buf_str(&prefix));
         c.valid && str_has_prefix(c.key, buf_str(&prefix)); store_next(&c)) {
        struct str key = str_drop(c.key, prefix.n);
        if (!kv_entry_get(&a->view, key, &e))
            continue;
        delay_lock(a, key, lock_delay_ns);
        if (delete_keys) {
            delete_key(a, key);
            continue;
        }
        struct kv_entry freed = e;
        freed.session = STR_NONE;
        kv_entry_set(a, &freed, &e, true);
    }
    store_cursor_fini(&c);
    buf_fini(&prefix);
}

/* ---- reading ---- */

static uint64_t newer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t kv_table_index(struct view *v)
{
    return indexes_shown(newer(indexes_get(v, INDEXES_KV), indexes_get(v, INDEXES_TOMBSTONES)));
}

bool kv_get(struct view *v, struct str key, struct kv_entry *ret, uint64_t *ret_index)
{
    watch_key(v->watch, WATCH_KV, key);
    bool exists = policy_grants(v, ACL_KEY, key, ACL_READ) && kv_entry_get(v, key, ret);
    if (ret_index)
        *ret_index = exists ? ret->modify_index : kv_table_index(v);
    return exists;
}

/* The newest tombstone under the prefix. */
static uint64_t tombstones_index(struct view *v, struct str prefix)
{
    struct store_cursor c;
    uint64_t index = 0;

    for (store_seek(&c, v->store, TABLE_TOMBSTONE, prefix);
         c.valid && str_has_prefix(c.key, prefix); store_next(&c)) {
        struct cursor value = cursor_make(c.value);
        index = newer(index, cursor_u64(&value));
    }
    store_cursor_fini(&c);
    return index;
}

/* What Consul shows for a list whose newest entry is `newest`. */
static uint64_t list_index(struct view *v, struct str prefix, uint64_t newest)
{
    if (prefix.n == 0)
        return kv_table_index(v);
    newest = newer(newest, tombstones_index(v, prefix));
    return newest ? newest : kv_table_index(v);
}

/* consul: acl.enable_key_list_policy. */
static bool may_list(struct view *v, struct str prefix)
{
    return !v->list_needs_right || policy_grants(v, ACL_KEY, prefix, ACL_LIST);
}

uint64_t kv_list(struct view *v, struct str prefix,
                 bool (*each)(void *data, const struct kv_entry *e), void *data,
                 uint64_t *ret_index)
{
    struct store_cursor c;
    struct kv_entry e;
    uint64_t n = 0, newest = 0;
    bool go = may_list(v, prefix);

    watch_prefix(v->watch, WATCH_KV, prefix);
    for (store_seek(&c, v->store, TABLE_KV, prefix); go && c.valid && str_has_prefix(c.key, prefix);
         store_next(&c)) {
        kv_entry_read(c.key, c.value, &e);
        newest = newer(newest, e.modify_index); /* consul: also of those that may not be seen */
        if (!policy_allows(v, ACL_KEY, c.key, ACL_READ))
            continue;
        n++;
        go = each(data, &e);
    }
    store_cursor_fini(&c);
    if (ret_index)
        *ret_index = list_index(v, prefix, newest);
    return n;
}

uint64_t kv_keys(struct view *v, struct str prefix, struct str separator,
                 bool (*each)(void *data, struct str key), void *data, uint64_t *ret_index)
{
    struct store_cursor c;
    struct kv_entry e;
    struct buf last; /* the last folder given */
    uint64_t n = 0, newest = 0;
    bool go = may_list(v, prefix);

    watch_prefix(v->watch, WATCH_KV, prefix);
    buf_init(&last, 0);
    for (store_seek(&c, v->store, TABLE_KV, prefix); c.valid && str_has_prefix(c.key, prefix);
         store_next(&c)) {
        kv_entry_read(c.key, c.value, &e);
        newest = newer(newest, e.modify_index); /* of all below, also those not shown */
        if (!go || !policy_allows(v, ACL_KEY, c.key, ACL_READ) ||
            (last.n && str_has_prefix(c.key, buf_str(&last))))
            continue;
        struct str rest = str_drop(c.key, prefix.n), name = c.key;
        size_t at = separator.n ? str_search(rest, separator) : rest.n;
        if (at < rest.n) {
            name = str_take(c.key, prefix.n + at + separator.n);
            buf_clear(&last);
            buf_put_str(&last, name);
        }
        n++;
        go = each(data, name);
    }
    store_cursor_fini(&c);
    buf_fini(&last);
    if (ret_index)
        *ret_index = list_index(v, prefix, newest);
    return n;
}

void kv_children(struct view *v, struct str prefix,
                 bool (*each)(void *data, struct str key, const struct kv_entry *e), void *data)
{
    struct store_cursor c;
    struct kv_entry e;
    struct buf name;
    bool go = true;

    buf_init(&name, 0);
    store_seek(&c, v->store, TABLE_KV, prefix);
    while (go && c.valid && str_has_prefix(c.key, prefix)) {
        size_t at = str_find(c.key, '/', prefix.n);

        if (!policy_allows(v, ACL_KEY, c.key, ACL_READ)) {
            store_next(&c);
        } else if (at == c.key.n) {
            kv_entry_read(c.key, c.value, &e);
            go = each(data, c.key, &e);
            store_next(&c);
        } else {
            buf_clear(&name);
            buf_put_str(&name, str_take(c.key, at + 1));
            go = each(data, buf_str(&name), NULL);
            name.p[at]++; /* behind all that begins so */
            store_skip_to(&c, buf_str(&name));
        }
    }
    store_cursor_fini(&c);
    buf_fini(&name);
}

bool kv_first(struct view *v, struct str prefix, struct str from, struct kv_entry *ret)
{
    struct store_cursor c;
    struct str at = str_cmp(from, prefix) < 0 ? prefix : from;

    watch_prefix(v->watch, WATCH_KV, prefix);
    store_seek(&c, v->store, TABLE_KV, at);
    while (c.valid && str_has_prefix(c.key, prefix) && !policy_allows(v, ACL_KEY, c.key, ACL_READ))
        store_next(&c);
    bool found = c.valid && str_has_prefix(c.key, prefix);
    if (found)
        kv_entry_read(c.key, c.value, ret);
    store_cursor_fini(&c);
    return found;
}

bool kv_any(struct view *v, struct str prefix)
{
    struct kv_entry e;

    return kv_first(v, prefix, prefix, &e);
}

void kv_locked(struct view *v, bool (*each)(void *data, const struct kv_entry *e), void *data)
{
    struct store_cursor c;
    struct kv_entry e;
    bool go_on = true;

    watch_prefix(v->watch, WATCH_KV, STR_NONE);
    for (store_seek(&c, v->store, TABLE_KV_BY_SESSION, STR_NONE); c.valid && go_on;
         store_next(&c)) {
        struct cursor row = cursor_make(c.key);
        if (!keys_get_text(&row, NULL))
            continue;
        struct str key = cursor_bytes(&row, cursor_left(&row));
        if (policy_allows(v, ACL_KEY, key, ACL_READ) && kv_entry_get(v, key, &e))
            go_on = each(data, &e);
    }
    store_cursor_fini(&c);
}
