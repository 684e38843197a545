/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of the commands on keys, and the two that are not one operation: rename and reap. */
#include "config.h"

#include "state/kv_entry.h"

/* ---- encoding ---- */

#define KV_OP_FIELDS 6

void kv_pack_op(const struct kv_op *op, struct buf *out)
{
    pack_array(out, KV_OP_FIELDS);
    pack_uint(out, op->verb);
    pack_bin(out, op->key);
    pack_bin(out, op->value);
    pack_str(out, op->session);
    pack_uint(out, op->flags);
    pack_uint(out, op->index);
}

int kv_unpack_op(struct unpack *u, struct kv_op *ret)
{
    if (unpack_array(u) != KV_OP_FIELDS)
        return ERR_INVALID;
    uint64_t verb = unpack_uint(u);
    ret->verb = (enum kv_verb)verb;
    ret->key = unpack_str(u);
    ret->value = unpack_str(u);
    ret->session = unpack_str(u);
    ret->flags = unpack_uint(u);
    ret->index = unpack_uint(u);
    return u->bad || verb >= KV_VERBS ? ERR_INVALID : 0;
}

void kv_encode(const struct kv_op *op, struct buf *out)
{
    command_begin(out, COMMAND_KV);
    kv_pack_op(op, out);
}

void kv_encode_rename(struct str from, struct str to, bool tree, bool no_replace, bool exchange,
                      struct buf *out)
{
    command_begin(out, COMMAND_KV_RENAME);
    pack_array(out, 5);
    pack_bin(out, from);
    pack_bin(out, to);
    pack_bool(out, tree);
    pack_bool(out, no_replace);
    pack_bool(out, exchange);
}

void kv_encode_reap(uint64_t index, struct buf *out)
{
    command_begin(out, COMMAND_TOMBSTONE_REAP);
    pack_array(out, 1);
    pack_uint(out, index);
}

static void pack_result(struct buf *out, bool ok, uint64_t index)
{
    pack_array(out, 2);
    pack_bool(out, ok);
    pack_uint(out, index);
}

int kv_decode_result(struct str body, bool *ret_ok, uint64_t *ret_index)
{
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 2, ok = unpack_bool(&u);
    uint64_t index = unpack_uint(&u);

    if (!fits || u.bad)
        return ERR_CORRUPT;
    *ret_ok = ok;
    if (ret_index)
        *ret_index = index;
    return 0;
}

/* ---- one operation ---- */

int kv_apply(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    struct kv_op op;
    uint64_t index;
    bool ok;

    if (kv_unpack_op(&u, &op) < 0 || !unpack_is_end(&u))
        return ERR_INVALID;
    int rc = kv_apply_op(a, &op, &ok, &index);
    if (rc == 0)
        pack_result(&a->result->body, ok, index);
    return rc;
}

/* ---- rename ---- */

struct rename {
    struct str from, to;
    bool tree, no_replace, exchange;
};

/* The target gets value, flags and age; who holds the target goes on holding it. */
static void rename_put(struct apply *a, struct str to, const struct kv_entry *from)
{
    struct kv_entry old, e = {.key = to, .value = from->value, .flags = from->flags};
    bool exists = kv_entry_get(&a->view, to, &old);

    e.lock_index = exists ? old.lock_index : 0;
    e.create_index = from->create_index;
    e.modify_index = a->index;
    e.session = exists ? old.session : STR_NONE;
    kv_entry_put(a, &e);
    kv_entry_touch(a, to);
}

static int rename_one(struct apply *a, const struct rename *r)
{
    struct kv_entry from, to;

    if (!kv_entry_get(&a->view, r->from, &from))
        return ERR_NOT_FOUND;
    bool exists = kv_entry_get(&a->view, r->to, &to);
    if (exists && r->no_replace)
        return ERR_EXISTS;
    if (!exists && r->exchange)
        return ERR_NOT_FOUND;
    if (str_eq(r->from, r->to))
        return 0;
    struct buf value; /* the row moves under the first write */
    buf_init(&value, 0);
    buf_put_str(&value, from.value);
    from.value = buf_str(&value);
    if (r->exchange)
        rename_put(a, r->from, &to);
    rename_put(a, r->to, &from);
    buf_fini(&value);
    if (r->exchange || !kv_entry_get(&a->view, r->from, &from))
        return 0;
    kv_entry_delete(a, &from);
    kv_entry_tombstone(a, r->from);
    return 0;
}

struct tree {
    uint32_t n;        /* keys below the prefix, at most one more than KV_RENAME_MAX */
    bool mark;         /* the prefix is a key itself, as an empty folder's is */
    size_t suffix_max; /* longest part behind the prefix */
};

static struct tree look_at_tree(struct view *v, struct str prefix)
{
    struct store_cursor c;
    struct tree t = {0};

    for (store_seek(&c, v->store, TABLE_KV, prefix);
         c.valid && str_has_prefix(c.key, prefix) && t.n <= KV_RENAME_MAX; store_next(&c)) {
        size_t suffix = c.key.n - prefix.n;
        if (suffix == 0)
            t.mark = true;
        else
            t.n++;
        t.suffix_max = suffix > t.suffix_max ? suffix : t.suffix_max;
    }
    store_cursor_fini(&c);
    return t;
}

/* Moves all keys from one prefix to another that has none, but perhaps its mark. */
static void move_tree(struct apply *a, struct str from, struct str to)
{
    struct store_cursor c;
    struct kv_entry e;
    struct buf target, value;

    buf_init(&target, 0);
    buf_init(&value, 0);
    for (store_seek(&c, a->view.store, TABLE_KV, from); c.valid && str_has_prefix(c.key, from);
         store_next(&c)) {
        kv_entry_read(c.key, c.value, &e);
        buf_clear(&target);
        buf_put_str(&target, to);
        buf_put_str(&target, str_drop(c.key, from.n));
        buf_clear(&value);
        buf_put_str(&value, e.value);
        e.value = buf_str(&value);
        rename_put(a, buf_str(&target), &e);
        if (kv_entry_get(&a->view, c.key, &e))
            kv_entry_delete(a, &e);
    }
    store_cursor_fini(&c);
    buf_fini(&value);
    buf_fini(&target);
    kv_entry_tombstone(a, from);
}

/* Where one side of an exchange stands meanwhile; a key of somebody's own there is no disaster:
 * the exchange is refused. */
#define ASIDE STR_LIT("\xff\xff disco exchange/")

static int rename_tree_check(struct apply *a, const struct rename *r)
{
    struct tree from = look_at_tree(&a->view, r->from), to = look_at_tree(&a->view, r->to);

    if (!str_has_suffix(r->from, STR_LIT("/")) || !str_has_suffix(r->to, STR_LIT("/")))
        return state_fail(a, ERR_INVALID, "both prefixes must end in a slash");
    if ((from.n == 0 && !from.mark) || (r->exchange && to.n == 0 && !to.mark))
        return ERR_NOT_FOUND;
    if (str_eq(r->from, r->to))
        return 0;
    if (str_has_prefix(r->to, r->from) || (r->exchange && str_has_prefix(r->from, r->to)))
        return state_fail(a, ERR_INVALID, "a prefix cannot move into itself");
    if (!r->exchange && (to.n > 0 || (to.mark && r->no_replace)))
        return ERR_EXISTS;
    if (from.n > KV_RENAME_MAX || to.n > KV_RENAME_MAX)
        return state_fail(a, ERR_TOO_LARGE, "more than %d keys", KV_RENAME_MAX);
    size_t prefix_max = r->from.n > r->to.n ? r->from.n : r->to.n;
    size_t suffix_max = from.suffix_max > to.suffix_max ? from.suffix_max : to.suffix_max;
    if (prefix_max + ASIDE.n + suffix_max > KV_KEY_SIZE_MAX)
        return state_fail(a, ERR_TOO_LARGE, "a key would be over %zu bytes", KV_KEY_SIZE_MAX);
    struct tree aside = look_at_tree(&a->view, ASIDE);
    return r->exchange && (aside.n > 0 || aside.mark) ? ERR_EXISTS : 0;
}

static int rename_tree(struct apply *a, const struct rename *r)
{
    int rc = rename_tree_check(a, r);

    if (rc < 0 || str_eq(r->from, r->to))
        return rc;
    if (r->exchange)
        move_tree(a, r->to, ASIDE);
    move_tree(a, r->from, r->to);
    if (r->exchange)
        move_tree(a, ASIDE, r->from);
    return 0;
}

static void note_moved(struct apply *a, const struct rename *r)
{
    struct buf key;

    buf_init(&key, 0);
    buf_put_u64(&key, a->index);
    buf_put_u8(&key, r->tree);
    buf_put_u32(&key, (uint32_t)r->from.n);
    buf_put_str(&key, r->from);
    buf_put_str(&key, r->to);
    change_add(a->changes, WATCH_MOVED, buf_str(&key));
    buf_fini(&key);
}

int kv_decode_moved(struct str key, struct kv_moved *ret)
{
    struct cursor c = cursor_make(key);
    struct kv_moved m = {.index = cursor_u64(&c), .tree = cursor_u8(&c)};

    m.from = cursor_bytes(&c, cursor_u32(&c));
    m.to = cursor_bytes(&c, cursor_left(&c));
    if (c.bad)
        return ERR_CORRUPT;
    *ret = m;
    return 0;
}

int kv_apply_rename(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 5;
    struct rename r;

    r.from = unpack_str(&u);
    r.to = unpack_str(&u);
    r.tree = unpack_bool(&u);
    r.no_replace = unpack_bool(&u);
    r.exchange = unpack_bool(&u);
    if (!fits || u.bad || !unpack_is_end(&u) || r.from.n == 0 || r.to.n == 0)
        return ERR_INVALID;
    if (r.from.n > KV_KEY_SIZE_MAX || r.to.n > KV_KEY_SIZE_MAX)
        return ERR_TOO_LARGE;
    if (!r.exchange && !str_eq(r.from, r.to))
        note_moved(a, &r);
    int rc = r.tree ? rename_tree(a, &r) : rename_one(a, &r);
    if (rc == 0)
        pack_result(&a->result->body, true, a->index);
    return rc;
}

/* ---- tombstones ---- */

int kv_apply_reap(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 1;
    uint64_t up_to = unpack_uint(&u);
    struct store_cursor c;

    if (!fits || u.bad || !unpack_is_end(&u))
        return ERR_INVALID;
    for (store_seek(&c, a->view.store, TABLE_TOMBSTONE, STR_NONE); c.valid; store_next(&c)) {
        struct cursor value = cursor_make(c.value);
        if (cursor_u64(&value) <= up_to)
            store_del(a->txn, TABLE_TOMBSTONE, c.key);
    }
    store_cursor_fini(&c);
    return 0;
}
