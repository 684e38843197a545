/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/coordinate.h"

#include <math.h>

#include "state/command.h"
#include "state/indexes.h"
#include "state/policy.h"
#include "state/row.h"
#include "store/keys.h"

#define FIELDS           6
#define SEGMENT_SIZE_MAX 128

/* ---- rows: the command's elements ---- */

static void put(struct buf *out, const struct coordinate *c)
{
    pack_array(out, FIELDS);
    pack_str(out, c->node);
    pack_str(out, c->segment);
    pack_array(out, COORDINATE_DIMENSIONS);
    for (int i = 0; i < COORDINATE_DIMENSIONS; i++)
        pack_double(out, c->vec[i]);
    pack_double(out, c->error);
    pack_double(out, c->adjustment);
    pack_double(out, c->height);
}

bool coordinate_read_next(struct unpack *u, struct coordinate *ret)
{
    bool fits = unpack_array(u) == FIELDS;

    ret->node = unpack_str(u);
    ret->segment = unpack_str(u);
    fits = fits && unpack_array(u) == COORDINATE_DIMENSIONS;
    for (int i = 0; fits && i < COORDINATE_DIMENSIONS; i++)
        ret->vec[i] = unpack_double(u);
    ret->error = unpack_double(u);
    ret->adjustment = unpack_double(u);
    ret->height = unpack_double(u);
    return fits && !u->bad && ret->node.n <= ROW_NAME_SIZE_MAX &&
           ret->segment.n <= SEGMENT_SIZE_MAX && coordinate_is_valid(ret);
}

void coordinate_encode(const struct coordinate *list, size_t n, struct buf *out)
{
    ASSERT(n <= COORDINATE_BATCH_MAX);
    command_begin(out, COMMAND_COORDINATES);
    pack_array(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        put(out, &list[i]);
}

static void key_of(struct buf *key, const struct coordinate *c)
{
    buf_clear(key);
    row_node_key(key, c->node);
    keys_put_text(key, c->segment);
}

void coordinate_put_row(const struct coordinate *c, struct buf *key, struct buf *row)
{
    key_of(key, c);
    buf_clear(row);
    put(row, c);
}

/* ---- apply ---- */

static void touch(struct apply *a)
{
    indexes_raise(a, INDEXES_COORDINATES);
    change_add(a->changes, WATCH_COORDINATE, STR_NONE);
}

static bool is_batch(struct str body)
{
    struct unpack u = unpack_make(body);
    uint32_t n = unpack_array(&u);
    struct coordinate c;

    for (uint32_t i = 0; i < n; i++)
        if (!coordinate_read_next(&u, &c))
            return false;
    return !u.bad && unpack_is_end(&u) && n <= COORDINATE_BATCH_MAX;
}

int coordinate_apply(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    struct buf key, row;
    struct coordinate c;

    if (!is_batch(body))
        return ERR_INVALID;
    buf_init(&key, 0);
    buf_init(&row, 0);
    for (uint32_t n = unpack_array(&u); n > 0 && coordinate_read_next(&u, &c); n--) {
        struct catalog_node node;

        if (!row_node_get(&a->view, c.node, &node))
            continue;
        c.node = node.name; /* as it is written there */
        coordinate_put_row(&c, &key, &row);
        store_put(a->txn, TABLE_COORDINATE, buf_str(&key), buf_str(&row));
    }
    touch(a); /* also when there was none: so Consul does */
    buf_fini(&row);
    buf_fini(&key);
    return 0;
}

bool coordinate_restore(struct apply *a, struct str key, struct str row)
{
    struct unpack u = unpack_make(row);
    struct coordinate c;
    struct buf own;

    if (!coordinate_read_next(&u, &c) || !unpack_is_end(&u) || !row_node_exists(&a->view, c.node))
        return false;
    buf_init(&own, 0);
    key_of(&own, &c);
    bool fits = str_eq(buf_str(&own), key);
    buf_fini(&own);
    if (fits)
        store_put(a->txn, TABLE_COORDINATE, key, row);
    return fits;
}

void coordinate_node_gone(struct apply *a, struct str node)
{
    struct store_cursor c;
    struct buf prefix, key;
    bool is_any = false;

    buf_init(&prefix, 0);
    buf_init(&key, 0);
    row_node_key(&prefix, node);
    for (store_seek(&c, a->view.store, TABLE_COORDINATE, buf_str(&prefix));
         c.valid && str_has_prefix(c.key, buf_str(&prefix)); store_next(&c)) {
        buf_clear(&key);
        buf_put_str(&key, c.key);
        store_del(a->txn, TABLE_COORDINATE, buf_str(&key));
        is_any = true;
    }
    store_cursor_fini(&c);
    if (is_any)
        touch(a);
    buf_fini(&key);
    buf_fini(&prefix);
}

/* ---- reads ---- */

bool coordinate_is_valid(const struct coordinate *c)
{
    for (int i = 0; i < COORDINATE_DIMENSIONS; i++)
        if (!isfinite(c->vec[i]))
            return false;
    return isfinite(c->error) && isfinite(c->adjustment) && isfinite(c->height);
}

static void load(struct str row, struct coordinate *ret)
{
    struct unpack u = unpack_make(row);

    ASSERT(coordinate_read_next(&u, ret));
}

static void note(struct view *v, uint64_t *ret_index)
{
    watch_key(v->watch, WATCH_COORDINATE, STR_NONE);
    if (ret_index)
        *ret_index = indexes_shown(indexes_get(v, INDEXES_COORDINATES));
}

bool coordinate_get(struct view *v, struct str node, struct coordinate *ret, uint64_t *ret_index)
{
    struct coordinate wanted = {.node = node, .segment = STR_LIT("")};
    struct str row;
    struct buf key;
    bool is_there;

    note(v, ret_index);
    if (node.n > ROW_NAME_SIZE_MAX)
        return false;
    buf_init(&key, 0);
    key_of(&key, &wanted);
    is_there = store_get(v->store, TABLE_COORDINATE, buf_str(&key), &row);
    buf_fini(&key);
    if (!is_there)
        return false;
    load(row, ret);
    return true;
}

void coordinate_list(struct view *v, struct str node,
                     bool (*each)(void *data, const struct coordinate *c), void *data,
                     uint64_t *ret_index)
{
    struct store_cursor c;
    struct buf prefix;
    bool goes_on = node.n <= ROW_NAME_SIZE_MAX;

    note(v, ret_index);
    buf_init(&prefix, 0);
    if (node.p && goes_on)
        row_node_key(&prefix, node);
    for (store_seek(&c, v->store, TABLE_COORDINATE, buf_str(&prefix));
         goes_on && c.valid && str_has_prefix(c.key, buf_str(&prefix)); store_next(&c)) {
        struct coordinate found;

        load(c.value, &found);
        if (policy_allows(v, ACL_NODE, found.node, ACL_READ))
            goes_on = each(data, &found);
    }
    store_cursor_fini(&c);
    buf_fini(&prefix);
}

/* As Serf's library does: what adjusting makes negative is not adjusted, and the result has whole
 * nanoseconds, so that nearly equal ones are equal. */
double coordinate_distance(const struct coordinate *a, const struct coordinate *b)
{
    double sum = 0, raw, adjusted;

    for (int i = 0; i < COORDINATE_DIMENSIONS; i++)
        sum += (a->vec[i] - b->vec[i]) * (a->vec[i] - b->vec[i]);
    raw = sqrt(sum) + a->height + b->height;
    adjusted = raw + a->adjustment + b->adjustment;
    return floor((adjusted > 0 ? adjusted : raw) * 1e9) / 1e9;
}
