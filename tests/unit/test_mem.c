/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/rng.h"
#include "tests/lib/unit.h"

/* Every allocation is counted once and forgotten once. */
static void test_count(void **state)
{
    void *a = mem_alloc(0), *b = mem_realloc(NULL, 10);
    char *c = mem_dup_z("text");

    (void)state;
#ifdef DISCO_COUNT_MEMORY
    assert_int_equal(mem_outstanding(), 3);
#endif
    assert_string_equal(c, "text");
    assert_null(mem_dup_z(NULL));
    b = mem_realloc(b, 1000);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(NULL);
    assert_int_equal(mem_outstanding(), 0);
}

/* Pieces of an arena are aligned, zeroed, apart from each other, and gone together. */
static void test_arena(void **state)
{
    struct arena a = {0};
    unsigned char *pieces[2000];
    size_t sizes[2000], total = 0;
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    for (size_t i = 0; i < 2000; i++) {
        sizes[i] = rng_below(&rng, i % 100 ? 200 : 100000);
        total += sizes[i];
        pieces[i] = arena_alloc(&a, sizes[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i & 0xff), sizes[i]);
    }
    for (size_t i = 0; i < 2000; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], i & 0xff);
    assert_true(a.size_total > total && a.size_total < 2 * total + 200000);
    assert_memory_equal(arena_dup(&a, "xyz", 3), "xyz", 3);
    arena_fini(&a);
    assert_int_equal(a.size_total, 0);
    arena_fini(&a);
}

UNIT_MAIN(UNIT(test_count), UNIT(test_arena))
