/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ordered store: tables of byte keys to byte values in LMDB, read through
 * views that never block, written by one thread. Disposable: it is empty
 * when opened, holds no truth, lies in anonymous memory and is never synced.
 *
 * Keys are 0..STORE_KEY_SIZE_MAX bytes of any content and iterate in byte
 * order. (LMDB's own limit is 511 bytes: longer keys are kept under a prefix
 * and a SHA-256, and cursors put such runs in order. See store.c.)
 *
 * A view never crosses a turn of the loop; what it returns dies with it.
 * One reader object belongs to one thread and has one view open at a time.
 */
#ifndef DISCO_STORE_STORE_H
#define DISCO_STORE_STORE_H

#include "base/buf.h"

#define STORE_KEY_SIZE_MAX ((size_t)128 * 1024)
#define STORE_TABLES_MAX   32

struct store;
struct store_view; /* a consistent read; also the inside of a write transaction */
struct store_reader;

/* Makes `dir` if need be; it is used while opening only (see store.c), nothing is left in it.
 * `tables` names them; a table's number is its place. map_size: bytes of address space reserved
 * (the most that can be stored), 0 for the default of 64 GiB, less where that much is refused. */
/* Names that begin with LOCAL_, the last ones, are this agent's own: dumps leave them out. */
int store_open(const char *dir, const char *const *tables, int table_n, size_t map_size,
               struct store **ret, struct error *err) MUST_USE;
void store_close(struct store *s); /* all readers freed before; accepts NULL */

struct store_reader *store_reader_new(struct store *s);           /* any thread; used by one */
struct store_reader *store_reader_beside(struct store_reader *r); /* for another thread */
void store_reader_free(struct store_reader *r);
struct store_view *store_view_begin(struct store_reader *r);
void store_view_end(struct store_view *v);

/* False when absent; *ret is borrowed from the view. */
bool store_get(struct store_view *v, int table, struct str key, struct str *ret);
/* Number of rows. */
uint64_t store_count(struct store_view *v, int table);
uint64_t store_table_size(struct store_view *v, int table); /* bytes of its pages */
int store_table_count(const struct store_view *v);          /* but those that are local */

/* A cursor gives rows from `from` on, in key order:
 *
 *     for (store_seek(&c, v, TABLE, from); c.valid; store_next(&c)) ... c.key, c.value
 *     store_cursor_fini(&c);
 *
 * key and value are borrowed until the next store_next. In a write transaction any table may be
 * changed while a cursor is open: the key stays good until store_next, the value only until the
 * change; store_next goes on behind the key; a row put meanwhile ahead of the cursor may or may
 * not be met, one that was deleted is not met. */
struct store_cursor {
    bool valid;
    struct str key, value;
    void *impl; /* private */
};
void store_seek(struct store_cursor *c, struct store_view *v, int table, struct str from);
void store_next(struct store_cursor *c);
/* Goes on at the first row whose key is >= key (only forward). */
void store_skip_to(struct store_cursor *c, struct str key);
void store_cursor_fini(struct store_cursor *c);

/* Writing: one transaction at a time, one thread. It carries its error: after a failed put all
 * further puts do nothing, and store_commit reports it (and changes nothing). Key and value of a
 * put may point into the transaction's own view. */
struct store_txn;
struct store_txn *store_txn_begin(struct store *s);
struct store_view *store_txn_view(struct store_txn *t); /* reads what the transaction wrote */
void store_put(struct store_txn *t, int table, struct str key, struct str value);
bool store_del(struct store_txn *t, int table, struct str key); /* true if it was there */
void store_clear(struct store_txn *t, int table);               /* all rows of a table */
int store_error(const struct store_txn *t);       /* 0, or what store_commit will say */
uint64_t store_writes(const struct store_txn *t); /* puts and deletes so far */
int store_commit(struct store_txn *t) MUST_USE;   /* frees t; ERR_TOO_LARGE: the map is full */
/* What each commit changed, for one who keeps a copy of the tables that are not local: called from
 * within store_commit. NULL ends it. rows: see store_rows.h, borrowed; lost: there was more than
 * STORE_ROWS_SIZE_MAX, none of it is there. */
#define STORE_ROWS_SIZE_MAX ((size_t)32 << 20)
typedef void (*store_observer_fn)(void *data, struct str rows, bool lost);
void store_observe(struct store *s, store_observer_fn committed, void *data);
void store_abort(struct store_txn *t); /* frees t; accepts NULL */

#endif
