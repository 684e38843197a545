/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who gets listings with attributes: those that have looked up files in what they listed, nobody
 * else, and the table forgets the oldest.
 */
#include "fs/fs_walk.h"
#include "tests/lib/unit.h"

static void test_names_alone(void **state)
{
    struct fs_walk w = {.next = 0};
    for (uint64_t dir = 1; dir < 100; dir++)
        assert_false(fs_walk_begin(&w, 7, dir));
}

static void test_looks_up(void **state)
{
    struct fs_walk w = {.next = 0};
    assert_false(fs_walk_begin(&w, 7, 1));
    assert_false(fs_walk_begin(&w, 8, 1));
    fs_walk_looked_up(&w, 7, 1);
    assert_true(fs_walk_begin(&w, 7, 1)); /* the rest of it */
    assert_true(fs_walk_begin(&w, 7, 2));
    assert_false(fs_walk_begin(&w, 8, 2)); /* another program */
}

static void test_elsewhere(void **state)
{
    struct fs_walk w = {.next = 0};
    fs_walk_looked_up(&w, 7, 1); /* has listed nothing */
    assert_false(fs_walk_begin(&w, 7, 1));
    fs_walk_looked_up(&w, 7, 2); /* a file that it did not find by listing */
    assert_false(fs_walk_begin(&w, 7, 1));
}

static void test_forgets(void **state)
{
    struct fs_walk w = {.next = 0};
    assert_false(fs_walk_begin(&w, 1, 1));
    fs_walk_looked_up(&w, 1, 1);
    for (int32_t pid = 2; pid <= FS_WALK_N; pid++)
        assert_false(fs_walk_begin(&w, pid, 1));
    assert_true(fs_walk_begin(&w, 1, 1));
    assert_false(fs_walk_begin(&w, 100, 1));
    assert_false(fs_walk_begin(&w, 1, 1));
}

static void test_unknown_program(void **state)
{
    struct fs_walk w = {.next = 0};
    assert_true(fs_walk_begin(&w, 0, 1)); /* of another pid namespace */
    fs_walk_looked_up(&w, 0, 1);
    assert_int_equal(w.next, 0);
}

UNIT_MAIN(UNIT(test_names_alone), UNIT(test_looks_up), UNIT(test_elsewhere), UNIT(test_forgets),
          UNIT(test_unknown_program))
