/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/map.h"
#include "base/rng.h"
#include "tests/lib/unit.h"

#define KEYS 500

/* Any order of sets and deletions: the map holds what an array by number holds. */
static void test_model(void **state)
{
    static int values[KEYS];
    void *model[KEYS] = {0};
    struct map m;
    struct rng rng;
    size_t n = 0, walked = 0;

    (void)state;
    rng_init(&rng, 1);
    map_init(&m, 77);
    assert_null(map_get(&m, STR_LIT("x")));
    assert_null(map_del(&m, STR_LIT("x")));
    for (int i = 0; i < 20000; i++) {
        size_t at = rng_below(&rng, KEYS);
        char text[16];
        int size = snprintf(text, sizeof(text), "%.*s%zu", (int)(at % 9), "keykeykey", at);
        struct str key = str_make(text, (size_t)size);

        assert_ptr_equal(map_get(&m, key), model[at]);
        if (rng_below(&rng, 3)) {
            void *value = &values[rng_below(&rng, KEYS)];

            assert_ptr_equal(map_set(&m, key, value), model[at]);
            n += !model[at];
            model[at] = value;
        } else {
            assert_ptr_equal(map_del(&m, key), model[at]);
            n -= model[at] != NULL;
            model[at] = NULL;
        }
        assert_int_equal(m.n, n);
    }
    MAP_FOREACH (&m, e) {
        walked++;
        if (walked % 2)
            assert_non_null(map_del(&m, map_key(e)));
    }
    assert_int_equal(walked, n);
    assert_int_equal(m.n, n / 2);
    map_fini(&m);
}

/* Keys are bytes: empty ones and those with NUL are keys like others. */
static void test_bytes(void **state)
{
    struct map m;
    int a, b, c;

    (void)state;
    map_init(&m, 0);
    map_set(&m, STR_NONE, &a);
    map_set(&m, STR_LIT("\0"), &b);
    map_set(&m, STR_LIT("\0\0"), &c);
    assert_ptr_equal(map_get(&m, STR_LIT("")), &a);
    assert_ptr_equal(map_get(&m, STR_LIT("\0")), &b);
    assert_ptr_equal(map_get(&m, STR_LIT("\0\0")), &c);
    map_fini(&m);
}

UNIT_MAIN(UNIT(test_model), UNIT(test_bytes))
