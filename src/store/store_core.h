/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of the store, for store.c and store_cursor.c alone.
 */
#ifndef DISCO_STORE_STORE_CORE_H
#define DISCO_STORE_STORE_CORE_H

#include "store/forms.h"
#include "store/memenv.h"
#include "store/store.h"
#include "store/store_rows.h"

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
    struct buf rows;  /* for the observer */
};
struct store {
    MDB_env *env;
    int table_n, shared_n; /* of which so many are not local */
    MDB_dbi tables[STORE_TABLES_MAX];
    struct store_txn txn; /* the one that may be open */
    store_observer_fn observer;
    void *observer_data;
};

static inline MDB_dbi store_dbi(const struct store_view *v, int table)
{
    ASSERT(v->txn != NULL && table >= 0 && table < v->store->table_n);
    return v->store->tables[table];
}

#endif
