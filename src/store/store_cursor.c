/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/store_core.h"

/* ---- cursors ---- */

struct row {
    struct str key, value;
};
struct impl {
    struct store_view *view;
    int table;
    MDB_cursor *mdb;
    int rc;          /* of the last step of mdb, with */
    MDB_val k, v;    /* the row it stands on: the current one, or the first after the run */
    uint64_t seen;   /* view->changes then */
    struct buf key;  /* in a write transaction: the current key */
    struct row *run; /* the run it is in, sorted */
    size_t run_n, run_cap, run_i;
    struct arena run_keys; /* in a write transaction: the keys of the run */
};

static void step(struct impl *i, MDB_cursor_op op, MDB_val k)
{
    i->k = k;
    i->rc = mdb_cursor_get(i->mdb, &i->k, &i->v, op);
    i->seen = i->view->changes;
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

static bool is_run(const struct impl *i, const char prefix[FORMS_RUN_PREFIX_SIZE])
{
    return !i->rc && forms_has_hash(i->k) && !memcmp(i->k.mv_data, prefix, FORMS_RUN_PREFIX_SIZE);
}

static void load_run(struct impl *i)
{
    char prefix[FORMS_RUN_PREFIX_SIZE];

    memcpy(prefix, i->k.mv_data, FORMS_RUN_PREFIX_SIZE);
    for (i->run_n = i->run_i = 0; is_run(i, prefix); step(i, MDB_NEXT, i->k)) {
        struct row *row;

        if (i->run_n == i->run_cap) {
            i->run_cap = i->run_cap ? i->run_cap * 2 : 4;
            i->run = mem_realloc(i->run, i->run_cap * sizeof(*i->run));
        }
        row = &i->run[i->run_n++];
        forms_row(i->k, i->v, &row->key, &row->value);
        if (i->view->is_write) /* a change may move rows about */
            row->key.p = arena_dup(&i->run_keys, row->key.p, row->key.n);
    }
    qsort(i->run, i->run_n, sizeof(*i->run), by_key);
}

static void leave_run(struct impl *i)
{
    i->run_n = 0;
    arena_fini(&i->run_keys);
}

static void show(struct store_cursor *c, struct str key, struct str value)
{
    struct impl *i = c->impl;

    c->valid = true;
    c->key = key;
    c->value = value;
    if (i->view->is_write) {
        buf_clear(&i->key);
        buf_put_str(&i->key, key);
        c->key = buf_str(&i->key);
    }
}

/* Shows the run's row run_i, or the first after it that is still there; false: the run is over. */
static bool show_run(struct store_cursor *c)
{
    struct impl *i = c->impl;

    for (; i->run_i < i->run_n; i->run_i++) {
        struct row *row = &i->run[i->run_i];

        if (i->seen != i->view->changes && !store_get(i->view, i->table, row->key, &row->value))
            continue;
        show(c, row->key, row->value);
        return true;
    }
    leave_run(i);
    return false;
}

/* Shows what mdb stands on; at a run, its first row. */
static void settle(struct store_cursor *c)
{
    struct impl *i = c->impl;
    struct str key, value;

    c->valid = false;
    if (i->rc)
        return;
    if (forms_has_hash(i->k)) {
        load_run(i);
        show_run(c);
        return;
    }
    forms_row(i->k, i->v, &key, &value);
    show(c, key, value);
}

/* mdb to the first row whose form is not less than any form of a key >= key. */
static void seek(struct store_cursor *c, struct str key)
{
    struct forms_room form;
    struct impl *i = c->impl;

    leave_run(i);
    if (forms_is_long(key)) {
        memcpy(form.bytes, key.p, FORMS_RUN_PREFIX_SIZE);
        step(i, MDB_SET_RANGE, (MDB_val){FORMS_RUN_PREFIX_SIZE, form.bytes});
    } else {
        step(i, MDB_SET_RANGE, forms_make(key, &form));
    }
    settle(c);
}

void store_seek(struct store_cursor *c, struct store_view *v, int table, struct str from)
{
    struct impl *i = mem_new(struct impl);

    *c = (struct store_cursor){.impl = i};
    i->view = v;
    i->table = table;
    ASSERT(mdb_cursor_open(v->txn, store_dbi(v, table), &i->mdb) == 0);
    seek(c, from);
    store_skip_to(c, from);
}

/* The rows changed under the cursor: behind the run that is over, or behind the current key. */
static void go_on_after_change(struct store_cursor *c, bool from_run)
{
    struct impl *i = c->impl;
    struct forms_room form;
    MDB_val k;

    if (from_run) {
        memcpy(form.bytes, i->key.p, FORMS_RUN_PREFIX_SIZE);
        memset(form.bytes + FORMS_RUN_PREFIX_SIZE, 0xff, FORMS_HASH_SIZE);
        step(i, MDB_SET_RANGE, (MDB_val){FORMS_LONG_SIZE, form.bytes});
        return;
    }
    k = forms_make(buf_str(&i->key), &form);
    step(i, MDB_SET_RANGE, k);
    if (!i->rc && i->k.mv_size == k.mv_size && !memcmp(i->k.mv_data, k.mv_data, k.mv_size))
        step(i, MDB_NEXT, k);
}

void store_next(struct store_cursor *c)
{
    struct impl *i = c->impl;
    bool from_run = i->run_n > 0;

    ASSERT(c->valid);
    if (from_run) {
        i->run_i++;
        if (show_run(c))
            return;
    }
    if (i->seen != i->view->changes)
        go_on_after_change(c, from_run);
    else if (!from_run)
        step(i, MDB_NEXT, i->k);
    settle(c);
}

/* Inside of the run: to its first row >= key, by halving. */
static bool skip_in_run(struct store_cursor *c, struct str key)
{
    struct impl *i = c->impl;
    size_t low = i->run_i, high = i->run_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (str_cmp(i->run[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    i->run_i = low;
    return show_run(c);
}

void store_skip_to(struct store_cursor *c, struct str key)
{
    struct impl *i = c->impl;
    bool same_run;

    while (c->valid && str_cmp(c->key, key) < 0) {
        same_run =
            i->run_n && forms_is_long(key) && !memcmp(c->key.p, key.p, FORMS_RUN_PREFIX_SIZE);
        if (same_run && skip_in_run(c, key))
            return;
        if (same_run) { /* behind its end; c->key is still of the run */
            i->run_n = 0;
            if (i->seen != i->view->changes)
                go_on_after_change(c, true);
            settle(c);
        } else if (forms_is_long(key) && i->run_n == 0 && c->key.n == FORMS_SHORT_SIZE_MAX) {
            store_next(c); /* NULs alone: its form is a run's prefix */
        } else {
            seek(c, key);
        }
    }
}

void store_cursor_fini(struct store_cursor *c)
{
    struct impl *i = c->impl;

    if (!i)
        return;
    mdb_cursor_close(i->mdb);
    leave_run(i);
    mem_free(i->run);
    buf_fini(&i->key);
    mem_free(i);
    *c = (struct store_cursor){0};
}
