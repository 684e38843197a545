/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/mem.h"
#include "store/store_core.h"

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
    buf_fini(&s->txn.rows);
    mem_free(s);
}

/* ---- views ---- */

struct store_reader *store_reader_new(struct store *s)
{
    struct store_reader *r = mem_new(struct store_reader);

    r->view.store = s;
    ASSERT(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &r->view.txn) == 0);
    mdb_txn_reset(r->view.txn);
    return r;
}

struct store_reader *store_reader_beside(struct store_reader *r)
{
    return store_reader_new(r->view.store);
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
    if (mdb_get(v->txn, store_dbi(v, table), &k, &value))
        return false;
    forms_row(k, value, &whole, ret);
    return true;
}

uint64_t store_count(struct store_view *v, int table)
{
    MDB_stat stat = {0};

    ASSERT(mdb_stat(v->txn, store_dbi(v, table), &stat) == 0);
    return stat.ms_entries;
}

uint64_t store_table_size(struct store_view *v, int table)
{
    MDB_stat stat = {0};

    ASSERT(mdb_stat(v->txn, store_dbi(v, table), &stat) == 0);
    return (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
}

int store_table_count(const struct store_view *v)
{
    return v->store->shared_n;
}

/* ---- the observer ---- */

static void observe_begin(struct store_txn *t)
{
    buf_fini(&t->rows);
    buf_init(&t->rows, STORE_ROWS_SIZE_MAX);
}

void store_observe(struct store *s, store_observer_fn committed, void *data)
{
    s->observer = committed;
    s->observer_data = data;
    observe_begin(&s->txn);
}

static void observe_row(struct store_txn *t, int table, bool is_gone, struct str key,
                        struct str value)
{
    struct store_row row = {table, is_gone, key, value};

    if (t->view.store->observer && !t->rows.failed && table < store_table_count(&t->view))
        store_rows_put(&t->rows, &row);
}

/* ---- writing ---- */

struct store_txn *store_txn_begin(struct store *s)
{
    struct store_txn *t = &s->txn;

    ASSERT(!t->view.txn);
    t->view = (struct store_view){.store = s, .is_write = true};
    t->error = 0;
    buf_clear(&t->rows);
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
        t->error = memenv_translate(mdb_put(t->view.txn, store_dbi(&t->view, table), &k, &v, 0));
    t->view.changes++;
    observe_row(t, table, false, key, value);
}

bool store_del(struct store_txn *t, int table, struct str key)
{
    struct forms_room form;
    MDB_val k;
    int rc;

    if (t->error || key.n > STORE_KEY_SIZE_MAX)
        return false;
    k = forms_copy(key, &form);
    rc = mdb_del(t->view.txn, store_dbi(&t->view, table), &k, NULL);
    if (rc && rc != MDB_NOTFOUND)
        t->error = memenv_translate(rc);
    t->view.changes++;
    if (rc == 0)
        observe_row(t, table, true, key, STR_NONE);
    return rc == 0;
}

void store_clear(struct store_txn *t, int table)
{
    if (t->view.store->observer && !t->rows.failed && table < store_table_count(&t->view)) {
        struct store_cursor c;

        for (store_seek(&c, &t->view, table, STR_NONE); c.valid; store_next(&c))
            observe_row(t, table, true, c.key, STR_NONE);
        store_cursor_fini(&c);
    }
    if (!t->error)
        t->error = memenv_translate(mdb_drop(t->view.txn, store_dbi(&t->view, table), 0));
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
    if (r == 0 && t->view.store->observer && (t->rows.n > 0 || t->rows.failed))
        t->view.store->observer(t->view.store->observer_data,
                                t->rows.failed ? STR_NONE : buf_str(&t->rows), t->rows.failed);
    if (t->rows.cap > (size_t)1 << 20)
        observe_begin(t);
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
