/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/encode.h"
#include "base/rng.h"
#include "tests/lib/unit.h"

/* A seed gives one sequence, for ever: simulations are replayed by it. */
static void test_seed(void **state)
{
    struct rng a, b, c;

    (void)state;
    rng_init(&a, 42);
    rng_init(&b, 42);
    rng_init(&c, 43);
    assert_true(rng_u64(&a) == UINT64_C(0x15780b2e0c2ec716));
    assert_true(rng_u64(&b) == UINT64_C(0x15780b2e0c2ec716));
    assert_true(rng_u64(&c) != UINT64_C(0x15780b2e0c2ec716));
}

/* Results are in their range, and all about equally likely. */
static void test_below(void **state)
{
    int counts[7] = {0};
    double sum = 0;
    struct rng r;

    (void)state;
    rng_system(&r);
    rng_init(&r, 1);
    for (int i = 0; i < 70000; i++) {
        double unit = rng_unit(&r);

        counts[rng_below(&r, 7)]++;
        assert_true(unit >= 0 && unit < 1);
        sum += unit;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 9600, 10400);
    assert_true(sum > 34500 && sum < 35500);
    assert_int_equal(rng_below(&r, 1), 0);
    assert_true(rng_below(&r, UINT64_MAX) < UINT64_MAX);
}

/* UUIDs are version 4, variant 1 (RFC 4122), and differ. */
static void test_uuid(void **state)
{
    char a[37], b[37];

    (void)state;
    rng_uuid(a);
    rng_uuid(b);
    assert_true(encode_is_uuid(str_z(a)));
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_string_not_equal(a, b);
}

UNIT_MAIN(UNIT(test_seed), UNIT(test_below), UNIT(test_uuid))
