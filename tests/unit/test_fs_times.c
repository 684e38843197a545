/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A later change has a later time, whatever the clock does and however many were noted.
 */
#include "base/rng.h"
#include "fs/fs_times.h"
#include "tests/lib/unit.h"

static void test_times_rise(void **state)
{
    struct fs_times t;
    struct rng rng;
    uint64_t index = 100;
    int64_t wall = 1000000000;
    rng_init(&rng, 7);
    fs_times_init(&t);
    for (int i = 0; i < 3 * FS_TIMES_MAX; i++) {
        fs_times_note(&t, index, wall);
        index += 1 + rng_below(&rng, 5);
        wall += (int64_t)rng_below(&rng, 1000) - 300; /* it may go back */
    }
    assert_true(t.n <= FS_TIMES_MAX);
    int64_t last = fs_times_get(&t, 1);
    for (uint64_t k = 2; k < index - 5; k += 1 + rng_below(&rng, 3)) {
        int64_t at = fs_times_get(&t, k);
        assert_true(at > last);
        last = at;
    }
    fs_times_fini(&t);
}

static void test_equal_index_equal_time(void **state)
{
    struct fs_times t;
    fs_times_init(&t);
    fs_times_note(&t, 10, 5000);
    fs_times_note(&t, 10, 9000); /* known already */
    assert_int_equal(fs_times_get(&t, 10), 5000);
    fs_times_note(&t, 20, 9000);
    assert_int_equal(fs_times_get(&t, 10), 5000);
    assert_int_equal(fs_times_get(&t, 20), 9000);
    assert_int_equal(fs_times_get(&t, 15), 8995);
    fs_times_fini(&t);
}

UNIT_MAIN(UNIT(test_times_rise), UNIT(test_equal_index_equal_time))
