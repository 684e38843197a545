/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store against a sorted array that does the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "store/store.h"

#define TABLES 2

static const char *const tables[TABLES] = {"one", "two"};

struct pair {
    struct str key, value; /* value.p NULL: not there now */
};
struct model {
    struct pair *pairs;
    size_t n, cap;
    struct arena arena;
};
struct fixture {
    char dir[64];
    struct store *store;
    struct model model;
};

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void model_add(struct model *m, const void *p, size_t n)
{
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 1024;
        m->pairs = mem_realloc(m->pairs, m->cap * sizeof(*m->pairs));
    }
    m->pairs[m->n++] = (struct pair){str_make(arena_dup(&m->arena, p, n), n), STR_NONE};
}

static void model_add_run(struct model *m, char c, size_t n, const char *tail)
{
    char key[70100];

    memset(key, c, n);
    memcpy(key + n, tail, strlen(tail));
    model_add(m, key, n + strlen(tail));
}

/* Keys that a shop of filenames, a prefix, a hash or an encoder may trip over. */
static void model_fill(struct model *m, size_t random_n)
{
    static const struct str literals[] = {
        STR_LIT(""),
        STR_LIT("a"),
        STR_LIT("a/"),
        STR_LIT("a/b"),
        STR_LIT("a//b"),
        STR_LIT("a-b"),
        STR_LIT("a0"),
        STR_LIT("a%"),
        STR_LIT("a%25"),
        STR_LIT("a%v"),
        STR_LIT("a%/b"),
        STR_LIT("%"),
        STR_LIT("/"),
        STR_LIT("//"),
        STR_LIT("///x"),
        STR_LIT("/lead"),
        STR_LIT("."),
        STR_LIT(".."),
        STR_LIT("..."),
        STR_LIT(".x"),
        STR_LIT("a/."),
        STR_LIT("a/.."),
        STR_LIT("a/../b"),
        STR_LIT("./a"),
        STR_LIT(" "),
        STR_LIT("a b"),
        STR_LIT("*"),
        STR_LIT("-rf"),
        STR_LIT("~"),
        STR_LIT("a\\b"),
        STR_LIT("tab\t"),
        STR_LIT("nl\n"),
        STR_LIT("nul\0k"),
        STR_LIT("\0"),
        STR_LIT("\0\0"),
        STR_LIT("\0\1"),
        STR_LIT("\0\0\1"),
        STR_LIT("\1"),
        STR_LIT("\xff\xfe"),
        STR_LIT("\xff"),
        STR_LIT("\xc3\xa9"),
        STR_LIT("e\xcc\x81"),
        STR_LIT("\xe2\x80\xa8"),
        STR_LIT("UPPER"),
        STR_LIT("upper"),
        STR_LIT("foo"),
        STR_LIT("foo/"),
        STR_LIT("foobar"),
        STR_LIT("foo/bar"),
        STR_LIT(".snapshot"),
        STR_LIT("%+"),
        STR_LIT("a%+/b"),
    };
    static const size_t sizes[] = {252, 253, 254, 255, 256, 257, 300, 477, 478, 479,  480,
                                   481, 506, 507, 510, 511, 512, 513, 759, 765, 6000, 70000};
    static const char *const tails[] = {"", "a", "b", ".", "..", "\xff", "k", "z/y"};
    static const char alphabet[] = {'/', '%', '.', 'a', '\xff', '\0'};
    static const char run_bytes[] = {'k', '\0', '\xff'};
    struct rng rng;
    char key[600];
    size_t kept = 0;

    rng_init(&rng, 7);
    for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++)
        model_add(m, literals[i].p, literals[i].n);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (size_t r = 0; r < 3; r++)
            for (size_t t = 0; t < sizeof(tails) / sizeof(tails[0]); t++)
                model_add_run(m, run_bytes[r], sizes[i], tails[t]);
    for (size_t i = 0; i < random_n; i++) {
        size_t n = 1 + rng_below(&rng, 600);

        for (size_t k = 0; k < n; k++)
            key[k] = alphabet[rng_below(&rng, 6)];
        if (i % 4 == 0 && n > 480) /* long ones that share their beginning */
            memset(key, 'a', 479);
        model_add(m, key, n);
    }
    qsort(m->pairs, m->n, sizeof(*m->pairs), by_key);
    for (size_t i = 0; i < m->n; i++)
        if (kept == 0 || !str_eq(m->pairs[kept - 1].key, m->pairs[i].key))
            m->pairs[kept++] = m->pairs[i];
    m->n = kept;
}

static int setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct error err = {0};

    strncpy(f->dir, "/tmp/disco-test-XXXXXX", sizeof(f->dir) - 1);
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(store_open(f->dir, tables, TABLES, 0, &f->store, &err), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    assert_int_equal(rmdir(f->dir), 0); /* nothing is left in it */
    arena_fini(&f->model.arena);
    mem_free(f->model.pairs);
    mem_free(f);
    assert_int_equal(mem_outstanding(), 0);
    return 0;
}

/* The first pair that is there from i on; n if none. */
static size_t model_next(const struct model *m, size_t i)
{
    while (i < m->n && !m->pairs[i].value.p)
        i++;
    return i;
}

static void check_row(const struct model *m, size_t at, const struct store_cursor *c)
{
    if (at == m->n) {
        assert_false(c->valid);
        return;
    }
    assert_true(c->valid);
    assert_true(str_eq(c->key, m->pairs[at].key));
    assert_true(str_eq(c->value, m->pairs[at].value));
}

static void check_whole(const struct model *m, struct store_view *v)
{
    size_t at = model_next(m, 0), n = 0;
    struct store_cursor c;
    struct str value;

    for (store_seek(&c, v, 1, STR_NONE); c.valid; store_next(&c), n++) {
        check_row(m, at, &c);
        at = model_next(m, at + 1);
    }
    check_row(m, at, &c);
    store_cursor_fini(&c);
    assert_int_equal(store_count(v, 1), n);
    assert_int_equal(store_count(v, 0), 0);
    for (size_t i = 0; i < m->n; i++) {
        assert_int_equal(store_get(v, 1, m->pairs[i].key, &value), m->pairs[i].value.p != NULL);
        if (m->pairs[i].value.p)
            assert_true(str_eq(value, m->pairs[i].value));
    }
}

/* Seeks and skips land on the first row that is not less, also on and between rows of a run. */
static void check_seeks(const struct model *m, struct store_view *v, struct rng *rng, size_t n)
{
    struct store_cursor c;

    while (n--) {
        size_t from = rng_below(rng, m->n), to = from + rng_below(rng, m->n - from);

        store_seek(&c, v, 1, m->pairs[from].key);
        check_row(m, model_next(m, from), &c);
        store_skip_to(&c, m->pairs[to].key);
        check_row(m, model_next(m, to), &c);
        if (c.valid) {
            store_next(&c);
            check_row(m, model_next(m, model_next(m, to) + 1), &c);
        }
        store_cursor_fini(&c);
    }
}

static void change(struct fixture *f, struct rng *rng, size_t n)
{
    struct model *m = &f->model;
    struct store_txn *t = store_txn_begin(f->store);

    while (n--) {
        struct pair *p = &m->pairs[rng_below(rng, m->n)];

        if (rng_below(rng, 3) == 0) {
            assert_int_equal(store_del(t, 1, p->key), p->value.p != NULL);
            p->value = STR_NONE;
        } else {
            char text[32];
            int size = snprintf(text, sizeof(text), "v%llu", (unsigned long long)rng_u64(rng));

            p->value = str_make(arena_dup(&m->arena, text, (size_t)size), (size_t)size);
            store_put(t, 1, p->key, p->value);
        }
    }
    check_seeks(m, store_txn_view(t), rng, 20);
    assert_int_equal(store_commit(t), 0);
}

/* Any keys, put and deleted in any order, read back as from a sorted array. */
static void test_model(void **state)
{
    struct fixture *f = *state;
    struct store_reader *r = store_reader_new(f->store);
    struct store_view *v;
    struct rng rng;

    rng_init(&rng, 1);
    model_fill(&f->model, 20000);
    for (int round = 0; round < 6; round++) {
        change(f, &rng, 8000);
        v = store_view_begin(r);
        check_whole(&f->model, v);
        check_seeks(&f->model, v, &rng, 500);
        store_view_end(v);
    }
    store_reader_free(r);
}

/* Rows deleted, replaced and put while a cursor walks: every row that stays is met once. */
static void test_change_under_cursor(void **state)
{
    struct fixture *f = *state;
    struct model *m = &f->model;
    struct store_txn *t;
    struct store_cursor c;
    struct rng rng;

    rng_init(&rng, 2);
    model_fill(m, 3000);
    t = store_txn_begin(f->store);
    for (size_t i = 0; i < m->n; i++) {
        m->pairs[i].value = m->pairs[i].key;
        store_put(t, 1, m->pairs[i].key, m->pairs[i].value);
    }
    store_seek(&c, store_txn_view(t), 1, STR_NONE);
    for (size_t i = model_next(m, 0); i < m->n; i = model_next(m, i + 1)) {
        check_row(m, i, &c);
        switch (rng_below(&rng, 5)) {
        case 0:
            assert_true(store_del(t, 1, c.key));
            m->pairs[i].value = STR_NONE;
            break;
        case 1:
            store_put(t, 1, c.key, STR_LIT("new"));
            m->pairs[i].value = STR_LIT("new");
            break;
        case 2:
            if (i + 1 < m->n) {
                store_del(t, 1, m->pairs[i + 1].key);
                m->pairs[i + 1].value = STR_NONE;
            }
            break;
        case 3:
            store_put(t, 1, m->pairs[i / 2].key, STR_LIT("behind"));
            m->pairs[i / 2].value = STR_LIT("behind");
            break;
        }
        store_next(&c);
    }
    assert_false(c.valid);
    store_cursor_fini(&c);
    check_whole(m, store_txn_view(t));
    assert_int_equal(store_commit(t), 0);
}

/* A view does not change while others commit; an aborted transaction changes nothing. */
static void test_isolation(void **state)
{
    struct fixture *f = *state;
    struct store_reader *a = store_reader_new(f->store), *b = store_reader_new(f->store);
    struct store_view *old, *new;
    struct store_txn *t;
    struct str value;

    old = store_view_begin(a);
    t = store_txn_begin(f->store);
    store_put(t, 0, STR_LIT("k"), STR_LIT("v"));
    assert_true(store_get(store_txn_view(t), 0, STR_LIT("k"), &value));
    assert_false(store_get(old, 0, STR_LIT("k"), &value));
    assert_int_equal(store_commit(t), 0);
    new = store_view_begin(b);
    assert_false(store_get(old, 0, STR_LIT("k"), &value));
    assert_true(store_get(new, 0, STR_LIT("k"), &value));
    assert_false(store_get(new, 1, STR_LIT("k"), &value));
    store_view_end(old);
    store_view_end(new);
    t = store_txn_begin(f->store);
    store_clear(t, 0);
    assert_int_equal(store_count(store_txn_view(t), 0), 0);
    store_abort(t);
    new = store_view_begin(b);
    assert_int_equal(store_count(new, 0), 1);
    store_view_end(new);
    store_reader_free(a);
    store_reader_free(b);
}

/* A value borrowed from the transaction's own view may be put again. */
static void test_put_own_bytes(void **state)
{
    struct fixture *f = *state;
    struct store_txn *t = store_txn_begin(f->store);
    struct str value;
    char key[16], big[1000];

    memset(big, 'b', sizeof(big));
    store_put(t, 0, STR_LIT("000"), str_make(big, sizeof(big)));
    for (int i = 1; i < 200; i++) {
        snprintf(key, sizeof(key), "%03d", 200 - i);
        assert_true(store_get(store_txn_view(t), 0, STR_LIT("000"), &value));
        store_put(t, 0, str_z(key), value);
        assert_true(store_get(store_txn_view(t), 0, str_z(key), &value));
        assert_true(str_eq(value, str_make(big, sizeof(big))));
    }
    assert_int_equal(store_commit(t), 0);
}

/* A full map and a key too large are the transaction's error; the store goes on. */
static void test_errors_stick(void **state)
{
    struct fixture *f = *state;
    char *big = mem_alloc((size_t)1 << 20);
    struct store *small;
    struct store_txn *t;
    char dir[] = "/tmp/disco-test-XXXXXX", key[16];
    struct error err = {0};

    assert_non_null(mkdtemp(dir));
    assert_int_equal(store_open(dir, tables, TABLES, (size_t)16 << 20, &small, &err), 0);
    t = store_txn_begin(small);
    for (int i = 0; i < 32; i++) {
        snprintf(key, sizeof(key), "%d", i);
        store_put(t, 0, str_z(key), str_make(big, (size_t)1 << 20));
    }
    assert_int_equal(store_error(t), ERR_TOO_LARGE);
    assert_false(store_del(t, 0, STR_LIT("0")));
    assert_int_equal(store_commit(t), ERR_TOO_LARGE);
    t = store_txn_begin(small);
    assert_int_equal(store_count(store_txn_view(t), 0), 0);
    store_put(t, 0, STR_LIT("k"), STR_LIT("v"));
    assert_int_equal(store_commit(t), 0);
    store_close(small);
    rmdir(dir);

    t = store_txn_begin(f->store);
    store_put(t, 0, str_make(big, STORE_KEY_SIZE_MAX + 1), STR_LIT("v"));
    store_put(t, 0, STR_LIT("k"), STR_LIT("v"));
    assert_int_equal(store_commit(t), ERR_TOO_LARGE);
    mem_free(big);
    assert_true(store_open("/nonexistent/x", tables, TABLES, 0, &small, &err) < 0);
    assert_non_null(strstr(err.text, "/nonexistent/x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_change_under_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_isolation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_put_own_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_stick, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
