/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "store/keys.h"

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static struct str random_text(struct rng *rng, char *dst)
{
    static const char alphabet[] = {0, 1, 'a', 'A', '\xff', '\xfe'};
    size_t n = rng_below(rng, 5);

    for (size_t i = 0; i < n; i++)
        dst[i] = alphabet[rng_below(rng, sizeof(alphabet))];
    return str_make(dst, n);
}

/* The order of composite keys is the order of their parts, and the parts come back. */
static void test_order(void **state)
{
    struct buf a = {0}, b = {0}, back = {0};
    char room[4][8];
    struct rng rng;

    (void)state;
    rng_init(&rng, 5);
    for (int i = 0; i < 100000; i++) {
        struct str a1 = random_text(&rng, room[0]), a2 = random_text(&rng, room[1]);
        struct str b1 = random_text(&rng, room[2]), b2 = random_text(&rng, room[3]);
        uint64_t number = rng_u64(&rng) >> rng_below(&rng, 64), again = 0;
        int want = str_cmp(a1, b1) ? str_cmp(a1, b1) : str_cmp(a2, b2);
        struct cursor in;

        buf_clear(&a);
        buf_clear(&b);
        buf_clear(&back);
        keys_put_text(&a, a1);
        keys_put_text(&a, a2);
        keys_put_text(&b, b1);
        keys_put_text(&b, b2);
        assert_int_equal(sign(str_cmp(buf_str(&a), buf_str(&b))), sign(want));
        keys_put_u64(&a, number);
        in = cursor_make(buf_str(&a));
        assert_true(keys_get_text(&in, NULL));
        assert_true(keys_get_text(&in, &back));
        assert_true(keys_get_u64(&in, &again));
        assert_true(str_eq(buf_str(&back), a2));
        assert_true(again == number);
        assert_int_equal(cursor_left(&in), 0);
        assert_false(keys_get_u64(&in, &again));
    }
    buf_fini(&a);
    buf_fini(&b);
    buf_fini(&back);
}

/* Names differ by case alone: one key. */
static void test_lower(void **state)
{
    struct buf a = {0}, b = {0};

    (void)state;
    keys_put_lower(&a, STR_LIT("We\0B\xc3\x84"));
    keys_put_text(&b, STR_LIT("we\0b\xc3\x84"));
    assert_true(str_eq(buf_str(&a), buf_str(&b)));
    buf_fini(&a);
    buf_fini(&b);
}

/* Bytes that are no key are told. */
static void test_bad(void **state)
{
    static const struct str bad[] = {STR_LIT(""), STR_LIT("a"), STR_LIT("a\0"), STR_LIT("a\0\2"),
                                     STR_LIT("\0\xff")};
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct cursor in = cursor_make(bad[i]);

        assert_false(keys_get_text(&in, NULL));
        in = cursor_make(bad[i]);
        assert_false(keys_get_u64(&in, &v));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_lower),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
