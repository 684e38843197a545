/* SPDX-License-Identifier: GPL-3.0-or-later */
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
#include "store/dump.h"

static const char *const tables[] = {"one", "two", "three"};

struct chunks {
    struct buf bytes[64];
    size_t n, stop_at;
};

static struct store *open_one(char dir[64])
{
    struct store *s;

    snprintf(dir, 64, "/tmp/disco-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(store_open(dir, tables, 3, 0, &s, NULL), 0);
    return s;
}

static int keep(void *data, struct str chunk)
{
    struct chunks *c = data;

    if (c->stop_at && c->n == c->stop_at)
        return ERR_CANCELED;
    assert_true(c->n < 64);
    buf_put_str(&c->bytes[c->n++], chunk);
    return 0;
}

static void chunks_fini(struct chunks *c)
{
    for (size_t i = 0; i < 64; i++)
        buf_fini(&c->bytes[i]);
    c->n = 0;
}

static void fill(struct store *s)
{
    struct store_txn *t = store_txn_begin(s);
    char *bytes = mem_alloc(600000);
    struct rng rng;

    rng_init(&rng, 3);
    for (size_t i = 0; i < 600000; i++)
        bytes[i] = (char)rng_u64(&rng);
    for (int i = 0; i < 3000; i++)
        store_put(t, i % 2 ? 0 : 2, str_make(bytes + rng_below(&rng, 1000), rng_below(&rng, 800)),
                  str_make(bytes + i, rng_below(&rng, 1000)));
    store_put(t, 2, STR_LIT("large"), str_make(bytes, 600000));
    store_put(t, 2, STR_NONE, STR_NONE);
    assert_int_equal(store_commit(t), 0);
    mem_free(bytes);
}

static void dump(struct store *s, struct chunks *c)
{
    struct store_reader *r = store_reader_new(s);
    struct store_view *v = store_view_begin(r);

    assert_int_equal(dump_write(v, keep, c), 0);
    store_view_end(v);
    store_reader_free(r);
}

/* What a dump holds, loaded into another store over other rows, dumps to the same bytes. */
static void test_round(void **state)
{
    char dir_a[64], dir_b[64];
    struct store *a = open_one(dir_a), *b = open_one(dir_b);
    struct chunks one = {0}, two = {0};
    struct store_txn *t;

    (void)state;
    fill(a);
    dump(a, &one);
    assert_true(one.n > 3);
    t = store_txn_begin(b);
    store_put(t, 1, STR_LIT("left over"), STR_LIT("x"));
    assert_int_equal(store_commit(t), 0);
    t = store_txn_begin(b);
    dump_clear(t);
    for (size_t i = 0; i < one.n; i++) {
        assert_true(one.bytes[i].n <= DUMP_CHUNK_SIZE_MAX || one.bytes[i].n < 601000);
        assert_int_equal(dump_load_chunk(t, buf_str(&one.bytes[i])), 0);
    }
    assert_int_equal(store_commit(t), 0);
    dump(b, &two);
    assert_int_equal(one.n, two.n);
    for (size_t i = 0; i < one.n; i++)
        assert_true(str_eq(buf_str(&one.bytes[i]), buf_str(&two.bytes[i])));
    chunks_fini(&one);
    chunks_fini(&two);
    store_close(a);
    store_close(b);
    rmdir(dir_a);
    rmdir(dir_b);
    assert_int_equal(mem_outstanding(), 0);
}

/* A taker that fails ends the dump with its code. */
static void test_stop(void **state)
{
    char dir[64];
    struct store *s = open_one(dir);
    struct chunks c = {.stop_at = 2};
    struct store_reader *r = store_reader_new(s);
    struct store_view *v;

    (void)state;
    fill(s);
    v = store_view_begin(r);
    assert_int_equal(dump_write(v, keep, &c), ERR_CANCELED);
    assert_int_equal(c.n, 2);
    store_view_end(v);
    store_reader_free(r);
    chunks_fini(&c);
    store_close(s);
    rmdir(dir);
}

/* Bytes that are no chunk are refused: cut anywhere but between rows, or naming no table. */
static void test_corrupt(void **state)
{
    static const char rows[] = "\0\0\0\0\1\0\0\0\2kvv"
                               "\2\0\0\0\0\0\0\0\0";
    char dir[64];
    struct store *s = open_one(dir);
    struct str chunk = str_make(rows, sizeof(rows) - 1);

    (void)state;
    for (size_t n = 0; n <= chunk.n; n++) {
        struct store_txn *t = store_txn_begin(s);

        assert_int_equal(dump_load_chunk(t, str_take(chunk, n)),
                         n == 0 || n == 12 || n == chunk.n ? 0 : ERR_CORRUPT);
        store_abort(t);
    }
    struct store_txn *t = store_txn_begin(s);
    assert_int_equal(dump_load_chunk(t, STR_LIT("\3\0\0\0\0\0\0\0\0")), ERR_CORRUPT);
    assert_int_equal(dump_load_chunk(t, STR_LIT("\0\xff\xff\xff\xff\0\0\0\0")), ERR_CORRUPT);
    store_abort(t);
    store_close(s);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
