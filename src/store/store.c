/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "store/store.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/forms.h"
#include "store/memenv.h"

struct store_view {
    struct store *store;
    MDB_txn *txn; /* NULL: not open */
    bool is_write;
    uint64_t changes; /* puts and deletes so far, so that cursors notice */
};
struct store_reader {
    struct store_view view;
    bool is_open;
};
struct store_txn {
    struct store_view view;
    int error;
    struct buf value; /* scratch */
};
struct store {
    MDB_env *env;
    int table_n, shared_n; /* of which so many are not local */
    MDB_dbi tables[STORE_TABLES_MAX];
    struct store_txn txn; /* the one that may be open */
};

static int open_tables(struct store *s, const char *const *tables)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, 0, &txn);

    if (rc)
        return rc;
    for (int i = 0; i < s->table_n && !rc; i++)
        rc = mdb_dbi_open(txn, tables[i], MDB_CREATE, &s->tables[i]);
    if (!rc)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

int store_open(const char *dir, const char *const *tables, int table_n, size_t map_size,
               struct store **ret, struct error *err)
{
    struct store *s;
    int r, rc;

    ASSERT(table_n > 0 && table_n <= STORE_TABLES_MAX);
    s = mem_new(struct store);
    s->table_n = s->shared_n = table_n;
    while (str_has_prefix(str_z(tables[s->shared_n - 1]), STR_LIT("LOCAL_")))
        s->shared_n--;
    r = memenv_open(dir, table_n, map_size, &s->env, err);
    if (r < 0)
        goto fail;
    rc = open_tables(s, tables);
    if (rc) {
        r = error_set(err, memenv_translate(rc), "%s: the tables cannot be made: %s", dir,
                      mdb_strerror(rc));
        goto fail;
    }
    *ret = s;
    return 0;
fail:
    store_close(s);
    return r;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    ASSERT(!s->txn.view.txn);
    if (s->env)
        mdb_env_close(s->env);
    buf_fini(&s->txn.value);
    mem_free(s);
}

/* ---- views ---- */

static MDB_dbi dbi_of(const struct store_view *v, int table)
{
    ASSERT(v->txn != NULL && table >= 0 && table < v->store->table_n);
    return v->store->tables[table];
}

struct store_reader *store_reader_new(struct store *s)
{
    struct store_reader *r = mem_new(struct store_reader);

    r->view.store = s;
    ASSERT(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &r->view.txn) == 0);
    mdb_txn_reset(r->view.txn);
    return r;
}

void store_reader_free(struct store_reader *r)
{
    if (!r)
        return;
    ASSERT(!r->is_open);
    mdb_txn_abort(r->view.txn);
    mem_free(r);
}

struct store_view *store_view_begin(struct store_reader *r)
{
    ASSERT(!r->is_open);
    ASSERT(mdb_txn_renew(r->view.txn) == 0);
    r->is_open = true;
    return &r->view;
}

void store_view_end(struct store_view *v)
{
    struct store_reader *r = (struct store_reader *)(void *)v;

    ASSERT(!v->is_write && r->is_open);
    mdb_txn_reset(v->txn);
    r->is_open = false;
}

bool store_get(struct store_view *v, int table, struct str key, struct str *ret)
{
    struct forms_room form;
    struct str whole;
    MDB_val k, value;

    if (key.n > STORE_KEY_SIZE_MAX)
        return false;
    k = forms_make(key, &form);
    if (mdb_get(v->txn, dbi_of(v, table), &k, &value))
        return false;
    forms_row(k, value, &whole, ret);
    return true;
}

uint64_t store_count(struct store_view *v, int table)
{
    MDB_stat stat = {0};

    ASSERT(mdb_stat(v->txn, dbi_of(v, table), &stat) == 0);
    return stat.ms_entries;
}

uint64_t store_table_size(struct store_view *v, int table)
{
    MDB_stat stat = {0};

    ASSERT(mdb_stat(v->txn, dbi_of(v, table), &stat) == 0);
    return (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
}

int store_table_count(const struct store_view *v)
{
    return v->store->shared_n;
}

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
    ASSERT(mdb_cursor_open(v->txn, dbi_of(v, table), &i->mdb) == 0);
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

/* ---- writing ---- */

struct store_txn *store_txn_begin(struct store *s)
{
    struct store_txn *t = &s->txn;

    ASSERT(!t->view.txn);
    t->view = (struct store_view){.store = s, .is_write = true};
    t->error = 0;
    ASSERT(mdb_txn_begin(s->env, NULL, 0, &t->view.txn) == 0);
    return t;
}

struct store_view *store_txn_view(struct store_txn *t)
{
    return &t->view;
}

uint64_t store_writes(const struct store_txn *t)
{
    return t->view.changes;
}

int store_error(const struct store_txn *t)
{
    return t->error;
}

/* The value as LMDB shall keep it, in the transaction's own memory: a put moves rows about, and
 * the caller's bytes may be among them. */
static MDB_val value_form(struct store_txn *t, struct str key, struct str value)
{
    buf_clear(&t->value);
    if (forms_is_long(key)) {
        buf_put_u32(&t->value, (uint32_t)key.n);
        buf_put_str(&t->value, key);
    }
    buf_put_str(&t->value, value);
    if (t->value.failed)
        t->error = ERR_TOO_LARGE;
    return (MDB_val){t->value.n, t->value.p};
}

void store_put(struct store_txn *t, int table, struct str key, struct str value)
{
    struct forms_room form;
    MDB_val k, v;

    if (!t->error && key.n > STORE_KEY_SIZE_MAX)
        t->error = ERR_TOO_LARGE;
    if (t->error)
        return;
    v = value_form(t, key, value);
    k = forms_copy(key, &form);
    if (!t->error)
        t->error = memenv_translate(mdb_put(t->view.txn, dbi_of(&t->view, table), &k, &v, 0));
    t->view.changes++;
}

bool store_del(struct store_txn *t, int table, struct str key)
{
    struct forms_room form;
    MDB_val k;
    int rc;

    if (t->error || key.n > STORE_KEY_SIZE_MAX)
        return false;
    k = forms_copy(key, &form);
    rc = mdb_del(t->view.txn, dbi_of(&t->view, table), &k, NULL);
    if (rc && rc != MDB_NOTFOUND)
        t->error = memenv_translate(rc);
    t->view.changes++;
    return rc == 0;
}

void store_clear(struct store_txn *t, int table)
{
    if (!t->error)
        t->error = memenv_translate(mdb_drop(t->view.txn, dbi_of(&t->view, table), 0));
    t->view.changes++;
}

int store_commit(struct store_txn *t)
{
    int r = t->error;

    if (r)
        mdb_txn_abort(t->view.txn);
    else
        r = memenv_translate(mdb_txn_commit(t->view.txn));
    t->view.txn = NULL;
    /* the scratch is kept from row to row, but not that of an unusually large one */
    if (t->value.cap > (size_t)1 << 20)
        buf_fini(&t->value);
    return r;
}

void store_abort(struct store_txn *t)
{
    if (!t)
        return;
    mdb_txn_abort(t->view.txn);
    t->view.txn = NULL;
}
