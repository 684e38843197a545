/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *     LOCAL_HISTORY       key, index -> the key's row before the change at that index, or ""
 *     LOCAL_HISTORY_RING  index, key -> ""    the same in the order in which it is dropped; of a
 * step of many indexes (history_note_step) the first
 *                         ""         -> the floor: earlier states are not known
 *
 * A change of a key is kept once for each index, as it was before the first. Dropping the entries
 * of index i makes i the floor: the state after i needs only those above it.
 */
#include "config.h"

#include "state/history.h"

#include "base/mem.h"
#include "state/indexes.h"
#include "state/kv_entry.h"
#include "state/policy.h"
#include "store/keys.h"

#define DROP_AT_ONCE 16 /* entries, for each that is added */

static void set_floor(struct apply *a, uint64_t index)
{
    struct buf row;

    buf_init(&row, 0);
    buf_put_u64(&row, index);
    store_put(a->txn, LOCAL_HISTORY_RING, STR_LIT(""), buf_str(&row));
    buf_fini(&row);
}

static bool floor_of(struct store_view *v, uint64_t *ret)
{
    struct str row;

    if (!store_get(v, LOCAL_HISTORY_RING, STR_LIT(""), &row))
        return false;
    struct cursor c = cursor_make(row);
    *ret = cursor_u64(&c);
    return true;
}

static void entry_key(struct buf *out, struct str key, uint64_t index)
{
    buf_clear(out);
    keys_put_text(out, key);
    keys_put_u64(out, index);
}

static bool is_full(const struct apply *a)
{
    return store_table_size(a->view.store, LOCAL_HISTORY) +
               store_table_size(a->view.store, LOCAL_HISTORY_RING) >
           a->history_max;
}

static void drop_oldest(struct apply *a)
{
    struct store_cursor c;
    struct buf entry;
    uint64_t index = 0;

    buf_init(&entry, 0);
    store_seek(&c, a->view.store, LOCAL_HISTORY_RING, STR_LIT("\0"));
    for (int i = 0; i < DROP_AT_ONCE && c.valid && is_full(a); i++, store_next(&c)) {
        struct cursor ring = cursor_make(c.key);

        index = cursor_u64(&ring);
        entry_key(&entry, cursor_bytes(&ring, cursor_left(&ring)), index);
        store_del(a->txn, LOCAL_HISTORY, buf_str(&entry));
        store_del(a->txn, LOCAL_HISTORY_RING, c.key);
    }
    store_cursor_fini(&c);
    if (index)
        set_floor(a, index);
    buf_fini(&entry);
}

/* In the step from index `first` to a->index. */
static void note(struct apply *a, struct str key, uint64_t first)
{
    struct buf entry, ring, from_first;
    struct str row;
    uint64_t from;

    if (a->history_max == 0)
        return;
    if (!floor_of(a->view.store, &from))
        set_floor(a, first - 1);
    buf_init(&entry, 0);
    buf_init(&ring, 0);
    buf_init(&from_first, 0);
    if (first < a->index)
        buf_put_u64(&from_first, first);
    entry_key(&entry, key, a->index);
    buf_put_u64(&ring, a->index);
    buf_put_str(&ring, key);
    if (entry.n > STORE_KEY_SIZE_MAX) {
        set_floor(a, a->index); /* it cannot be kept, so what was before is not known */
    } else if (!store_get(a->view.store, LOCAL_HISTORY, buf_str(&entry), &row)) {
        if (!store_get(a->view.store, TABLE_KV, key, &row))
            row = STR_LIT("");
        store_put(a->txn, LOCAL_HISTORY, buf_str(&entry), row);
        store_put(a->txn, LOCAL_HISTORY_RING, buf_str(&ring), buf_str(&from_first));
        if (is_full(a))
            drop_oldest(a);
    }
    buf_fini(&entry);
    buf_fini(&ring);
    buf_fini(&from_first);
}

void history_note(struct apply *a, struct str key)
{
    note(a, key, a->index);
}

void history_note_step(struct store_txn *txn, size_t bytes_max, uint64_t first, uint64_t index,
                       struct str key)
{
    struct apply a = {.txn = txn, .index = index, .history_max = bytes_max};

    a.view.store = store_txn_view(txn);
    note(&a, key, first);
}

void history_clear(struct store_txn *txn)
{
    store_clear(txn, LOCAL_HISTORY);
    store_clear(txn, LOCAL_HISTORY_RING);
}

/* ---- reading ---- */

void history_range(struct view *v, uint64_t *ret_oldest, uint64_t *ret_newest)
{
    *ret_newest = *ret_oldest = indexes_applied(v);
    (void)floor_of(v->store, ret_oldest);
}

/* Of a step only its end is known. */
static bool is_inside_step(struct view *v, uint64_t index)
{
    struct store_cursor c;
    struct buf from;
    bool inside = false;

    buf_init(&from, 0);
    buf_put_u64(&from, index + 1);
    store_seek(&c, v->store, LOCAL_HISTORY_RING, buf_str(&from));
    if (c.valid && c.value.n > 0) {
        struct cursor first = cursor_make(c.value);
        inside = index >= cursor_u64(&first);
    }
    store_cursor_fini(&c);
    buf_fini(&from);
    return inside;
}

bool history_has(struct view *v, uint64_t index)
{
    uint64_t oldest, newest;

    history_range(v, &oldest, &newest);
    return index >= oldest && index <= newest && !is_inside_step(v, index);
}

void history_indexes(struct view *v, size_t max, void (*each)(void *data, uint64_t index),
                     void *data)
{
    struct store_cursor c;
    uint64_t oldest, newest, last;
    uint64_t *kept = mem_alloc(max * sizeof *kept); /* a ring */
    size_t n = 0;

    ASSERT(max > 0);
    history_range(v, &oldest, &newest);
    kept[n++] = last = oldest;
    for (store_seek(&c, v->store, LOCAL_HISTORY_RING, STR_LIT("\0")); c.valid; store_next(&c)) {
        struct cursor ring = cursor_make(c.key);
        uint64_t index = cursor_u64(&ring);
        if (index > last)
            kept[n++ % max] = last = index;
    }
    store_cursor_fini(&c);
    for (size_t i = n > max ? n - max : 0; i < n; i++)
        each(data, kept[i % max]);
    mem_free(kept);
}

/* Is a row of this key at the cursor, which looks for the first above the index? Then it is what
 * the key was: *ret_row is "" when it was not there. */
static bool is_of_key(const struct store_cursor *c, struct str entry, struct str *ret_row)
{
    struct str text = str_take(entry, entry.n - sizeof(uint64_t));

    if (!c->valid || c->key.n != entry.n || !str_has_prefix(c->key, text))
        return false;
    *ret_row = c->value;
    return true;
}

static bool find(struct view *v, uint64_t index, struct str key, struct kv_entry *ret)
{
    struct store_cursor c;
    struct buf entry;
    struct str row;

    buf_init(&entry, 0);
    entry_key(&entry, key, index + 1);
    if (entry.n > STORE_KEY_SIZE_MAX) {
        buf_fini(&entry);
        return kv_entry_get(v, key, ret);
    }
    store_seek(&c, v->store, LOCAL_HISTORY, buf_str(&entry));
    bool kept = is_of_key(&c, buf_str(&entry), &row);
    store_cursor_fini(&c);
    buf_fini(&entry);
    if (!kept)
        return kv_entry_get(v, key, ret);
    if (row.n == 0)
        return false;
    kv_entry_read(key, row, ret);
    return true;
}

bool history_get(struct view *v, uint64_t index, struct str key, struct kv_entry *ret)
{
    return policy_grants(v, ACL_KEY, key, ACL_READ) && find(v, index, key, ret);
}

/* ---- a walk over both tables at once ---- */

struct walk {
    struct view *v;
    uint64_t index;
    struct str prefix;
    struct store_cursor now, then;
    struct buf kept; /* the key of a kept row at `then`, decoded */
    bool has_kept;
    struct buf key, text;
};

/* `then` is at some row: which key's is it? */
static void read_kept(struct walk *w)
{
    w->has_kept = false;
    if (!w->then.valid)
        return;
    struct cursor c = cursor_make(w->then.key);
    buf_clear(&w->kept);
    w->has_kept = keys_get_text(&c, &w->kept) && str_has_prefix(buf_str(&w->kept), w->prefix);
}

/* Both go on at the first key that is not less than this one. */
static void skip_to(struct walk *w, struct str key)
{
    store_skip_to(&w->now, key);
    buf_clear(&w->text);
    keys_put_text(&w->text, key);
    store_skip_to(&w->then, str_take(buf_str(&w->text), w->text.n - 2));
    read_kept(w);
}

/* The next key of either table into w->key; false: no more. */
static bool next_key(struct walk *w)
{
    bool is_now = w->now.valid && str_has_prefix(w->now.key, w->prefix);

    if (!is_now && !w->has_kept)
        return false;
    buf_clear(&w->key);
    if (is_now && (!w->has_kept || str_cmp(w->now.key, buf_str(&w->kept)) <= 0))
        buf_put_str(&w->key, w->now.key);
    else
        buf_put_str(&w->key, buf_str(&w->kept));
    return true;
}

void history_keys(struct view *v, uint64_t index, struct str prefix, struct str separator,
                  bool (*each)(void *data, struct str key), void *data)
{
    struct walk w = {.v = v, .index = index, .prefix = prefix};
    struct kv_entry e;
    struct buf after;
    bool go = true;

    buf_init(&w.kept, 0);
    buf_init(&w.key, 0);
    buf_init(&w.text, 0);
    buf_init(&after, 0);
    store_seek(&w.now, v->store, TABLE_KV, prefix);
    keys_put_text(&w.text, prefix);
    store_seek(&w.then, v->store, LOCAL_HISTORY, str_take(buf_str(&w.text), w.text.n - 2));
    read_kept(&w);
    while (go && next_key(&w)) {
        struct str key = buf_str(&w.key), name = key;

        buf_clear(&after);
        if (policy_allows(v, ACL_KEY, key, ACL_READ) && find(v, index, key, &e)) {
            struct str rest = str_drop(key, prefix.n);
            size_t at = separator.n ? str_search(rest, separator) : rest.n;
            if (at < rest.n)
                name = str_take(key, prefix.n + at + separator.n);
            go = each(data, name);
        }
        /* The least text behind the key, or behind all that begins with the folder's name. */
        buf_put_str(&after, name);
        if (name.n < key.n)
            after.p[after.n - 1]++;
        else
            buf_put_c(&after, '\0');
        skip_to(&w, buf_str(&after));
    }
    store_cursor_fini(&w.now);
    store_cursor_fini(&w.then);
    buf_fini(&w.kept);
    buf_fini(&w.key);
    buf_fini(&w.text);
    buf_fini(&after);
}
