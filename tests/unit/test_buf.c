/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"
#include "base/rng.h"
#include "tests/lib/unit.h"

/* What is put is there, in order, whatever the sizes of the pieces. */
static void test_put(void **state)
{
    struct buf b;
    char *want = mem_alloc(200000);
    size_t n = 0;
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    buf_init(&b, 0);
    while (n < 190000) {
        size_t piece = rng_below(&rng, 900);

        for (size_t i = 0; i < piece; i++)
            want[n + i] = (char)rng_u64(&rng);
        buf_put(&b, want + n, piece);
        n += piece;
    }
    assert_str(buf_str(&b), str_make(want, n));
    assert_int_equal(buf_z(&b)[n], 0);
    buf_clear(&b);
    buf_put_z(&b, "x=");
    buf_putf(&b, "%d,%s", 42, "a text that is longer than what the buffer has room for at first");
    buf_put_c(&b, '.');
    buf_put_z(&b, NULL);
    assert_string_equal(buf_z(&b), "x=42,a text that is longer than what the buffer has room for "
                                   "at first.");
    buf_fini(&b);
    assert_string_equal(buf_z(&b), "");
    buf_fini(&b);
    mem_free(want);
}

/* A put beyond the maximum changes nothing and is remembered; up to it all goes. */
static void test_max(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    buf_put_z(&b, "12345");
    assert_null(buf_reserve(&b, 6));
    assert_true(b.failed);
    buf_put_c(&b, '6');
    assert_str(buf_str(&b), STR_LIT("12345"));
    buf_clear(&b);
    buf_putf(&b, "%s", "1234567890");
    assert_false(b.failed);
    assert_string_equal(buf_z(&b), "1234567890");
    buf_putf(&b, "%s", "");
    assert_false(b.failed);
    buf_put_c(&b, 'x');
    assert_true(b.failed);
    assert_string_equal(buf_z(&b), "");
    buf_clear(&b);
    buf_putf(&b, "%s", "12345678901");
    assert_true(b.failed && b.n == 0);
    buf_clear(&b);
    buf_put(&b, "", SIZE_MAX);
    assert_true(b.failed);
    buf_fini(&b);
}

/* Integers come back, in network order, and their order as bytes is their order. */
static void test_integers(void **state)
{
    struct buf b = {0};
    struct cursor c;

    (void)state;
    buf_put_u8(&b, 0xfe);
    buf_put_u16(&b, 0x0102);
    buf_put_u32(&b, 0x03040506);
    buf_put_u64(&b, UINT64_C(0x0708090a0b0c0d0e));
    assert_str(buf_str(&b), STR_LIT("\xfe\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e"));
    c = cursor_make(buf_str(&b));
    assert_int_equal(cursor_u8(&c), 0xfe);
    assert_int_equal(cursor_u16(&c), 0x0102);
    assert_int_equal(cursor_u32(&c), 0x03040506);
    assert_true(cursor_u64(&c) == UINT64_C(0x0708090a0b0c0d0e));
    assert_false(c.bad);
    assert_int_equal(cursor_u8(&c), 0);
    assert_true(c.bad);
    buf_clear(&b);
    buf_put_u64_dec(&b, 0);
    buf_put_c(&b, ' ');
    buf_put_u64_dec(&b, UINT64_MAX);
    assert_str(buf_str(&b), STR_LIT("0 18446744073709551615"));
    buf_fini(&b);
}

/* A cursor that wanted too much yields nothing more, even what would have fitted. */
static void test_cursor_bad(void **state)
{
    struct cursor c = cursor_make(STR_LIT("abc"));

    (void)state;
    assert_str(cursor_bytes(&c, 1), STR_LIT("a"));
    assert_int_equal(cursor_left(&c), 2);
    assert_null(cursor_bytes(&c, SIZE_MAX).p);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_left(&c), 0);
    assert_true(c.bad);
    c = cursor_make(STR_NONE);
    assert_int_equal(cursor_bytes(&c, 0).n, 0);
    assert_false(c.bad);
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.bad);
}

/* The bytes taken are the caller's, and the buffer is new. */
static void test_take(void **state)
{
    struct buf b;
    struct str s;
    union {
        const char *in;
        void *out;
    } owned;

    (void)state;
    buf_init(&b, 100);
    buf_put_z(&b, "mine");
    s = buf_take(&b);
    assert_str(s, STR_LIT("mine"));
    assert_true(b.p == NULL && b.n == 0 && b.max == 100);
    owned.in = s.p;
    mem_free(owned.out);
    buf_fini(&b);
}

UNIT_MAIN(UNIT(test_put), UNIT(test_max), UNIT(test_integers), UNIT(test_cursor_bad),
          UNIT(test_take))
