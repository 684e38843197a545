/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What those who keep a copy of the state are told: there and back, cut anywhere, and a store that
 * is kept by rows alone. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/replica_wire.h"
#include "base/rng.h"
#include "store/store.h"
#include "store/store_rows.h"
#include "tests/lib/unit.h"

static void groups(void **state)
{
    struct change_batch b, back;
    struct str rows;
    struct buf out;
    size_t pos = 0;
    enum watch_kind kind;
    struct str key;
    bool lost;

    (void)state;
    change_init(&b);
    b.index = 77;
    change_add(&b, WATCH_KV, STR_LIT("a/b"));
    change_add(&b, WATCH_KV, STR_LIT(""));
    buf_init(&out, 0);
    replica_wire_put_group(&b, STR_LIT("rows"), true, &out);
    change_init(&back);
    assert_int_equal(replica_wire_get_group(buf_str(&out), &back, &rows, &lost), 0);
    assert_int_equal(back.index, 77);
    assert_int_equal(back.n, 2);
    assert_true(lost && !back.everything);
    assert_str(rows, STR_LIT("rows"));
    assert_true(change_next(&back, &pos, &kind, &key));
    assert_str(key, STR_LIT("a/b"));
    for (size_t n = 0; n < out.n; n++) {
        change_clear(&back);
        assert_int_equal(replica_wire_get_group(str_take(buf_str(&out), n), &back, &rows, &lost),
                         ERR_CORRUPT);
    }
    change_fini(&back);
    change_fini(&b);
    buf_fini(&out);
}

static void questions(void **state)
{
    const struct replica_wire_ask ask = {3, false, STR_LIT("after\0this")};
    const struct replica_wire_news news = {5, 1000, true};
    struct replica_wire_ask asked;
    struct replica_wire_news told;
    struct str rows;
    bool is_last = false;
    struct buf out;

    (void)state;
    buf_init(&out, 0);
    replica_wire_put_ask(&ask, &out);
    assert_int_equal(replica_wire_get_ask(buf_str(&out), &asked), 0);
    assert_int_equal(asked.table, 3);
    assert_str(asked.after, ask.after);
    assert_int_equal(replica_wire_get_ask(str_take(buf_str(&out), out.n - 1), &asked), ERR_CORRUPT);
    buf_clear(&out);
    replica_wire_put_page(STR_LIT("r"), true, &out);
    assert_int_equal(replica_wire_get_page(buf_str(&out), &rows, &is_last), 0);
    assert_true(is_last);
    assert_str(rows, STR_LIT("r"));
    assert_int_equal(replica_wire_get_page(STR_LIT("x"), &rows, &is_last), ERR_CORRUPT);
    buf_clear(&out);
    replica_wire_put_news(&news, &out);
    assert_int_equal(replica_wire_get_news(buf_str(&out), &told), 0);
    assert_true(told.applied == 5 && told.last_contact_ms == 1000 && told.knows_leader);
    assert_int_equal(replica_wire_get_news(STR_NONE, &told), ERR_CORRUPT);
    buf_fini(&out);
}

/* ---- a copy kept by what commits tell ---- */

static const char *const tables[] = {"one", "two"};
struct pair {
    struct store *store[2];
    char dir[2][40];
    int told, lost;
};

static void open_pair(struct pair *p)
{
    struct error err = {0};

    *p = (struct pair){0};
    for (int i = 0; i < 2; i++) {
        snprintf(p->dir[i], sizeof p->dir[i], "/tmp/disco-test-XXXXXX");
        assert_non_null(mkdtemp(p->dir[i]));
        assert_int_equal(store_open(p->dir[i], tables, 2, (size_t)256 << 20, &p->store[i], &err),
                         0);
    }
}

static void close_pair(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        store_close(p->store[i]);
        rmdir(p->dir[i]);
    }
}

static void on_commit(void *data, struct str rows, bool lost)
{
    struct pair *p = data;
    struct store_txn *t = store_txn_begin(p->store[1]);
    struct store_row row;

    p->told++;
    p->lost += lost;
    while (store_rows_next(&rows, &row))
        if (row.is_gone)
            assert_true(store_del(t, row.table, row.key));
        else
            store_put(t, row.table, row.key, row.value);
    assert_int_equal(rows.n, 0);
    assert_int_equal(store_commit(t), 0);
}

static void assert_equal(struct pair *p)
{
    for (int table = 0; table < 2; table++) {
        struct store_reader *r[2];
        struct store_view *v[2];
        struct store_cursor c[2];

        for (int i = 0; i < 2; i++) {
            r[i] = store_reader_new(p->store[i]);
            v[i] = store_view_begin(r[i]);
            store_seek(&c[i], v[i], table, STR_NONE);
        }
        for (; c[0].valid && c[1].valid; store_next(&c[0]), store_next(&c[1])) {
            assert_str(c[0].key, c[1].key);
            assert_str(c[0].value, c[1].value);
        }
        assert_int_equal(c[0].valid, c[1].valid);
        for (int i = 0; i < 2; i++) {
            store_cursor_fini(&c[i]);
            store_view_end(v[i]);
            store_reader_free(r[i]);
        }
    }
}

static void rows(void **state)
{
    struct pair p;
    struct rng rng;

    (void)state;
    rng_init(&rng, 5);
    open_pair(&p);
    store_observe(p.store[0], on_commit, &p);
    for (int round = 0; round < 400; round++) {
        struct store_txn *t = store_txn_begin(p.store[0]);

        for (uint64_t n = rng_below(&rng, 20); n > 0; n--) {
            char key[700];
            size_t size = rng_below(&rng, 50) == 0 ? 650 : 1 + rng_below(&rng, 2);

            memset(key, 'a' + (int)rng_below(&rng, 5), sizeof key);
            if (rng_below(&rng, 3) == 0)
                (void)store_del(t, (int)rng_below(&rng, 2), str_make(key, size));
            else
                store_put(t, (int)rng_below(&rng, 2), str_make(key, size),
                          str_make(key, rng_below(&rng, 10)));
        }
        if (rng_below(&rng, 40) == 0)
            store_clear(t, (int)rng_below(&rng, 2));
        if (rng_below(&rng, 4) == 0)
            store_abort(t);
        else
            assert_int_equal(store_commit(t), 0);
        assert_equal(&p);
    }
    assert_true(p.told > 200 && p.lost == 0);
    store_observe(p.store[0], NULL, NULL);
    close_pair(&p);
}

/* More than a copy is told at once: it is said that it was lost, none of it is told. */
static void too_much(void **state)
{
    static char big[1 << 20];
    struct pair p;

    (void)state;
    open_pair(&p);
    store_observe(p.store[0], on_commit, &p);
    struct store_txn *t = store_txn_begin(p.store[0]);
    for (int i = 0; i < 40; i++)
        store_put(t, 0, str_make(big, (size_t)i + 1), str_make(big, sizeof big));
    assert_int_equal(store_commit(t), 0);
    assert_int_equal(p.lost, 1);
    t = store_txn_begin(p.store[0]);
    store_put(t, 1, STR_LIT("k"), STR_LIT("v"));
    assert_int_equal(store_commit(t), 0);
    assert_true(p.told == 2 && p.lost == 1);
    store_observe(p.store[0], NULL, NULL);
    close_pair(&p);
}

UNIT_MAIN(UNIT(groups), UNIT(questions), UNIT(rows), UNIT(too_much))
