/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A second try is known as one: of the same thread, for the same file, soon, and once.
 */
#include "fs/fs_stale.h"
#include "tests/lib/unit.h"

#define A STR_LIT("a")
#define B STR_LIT("b")

static struct instant at_s(int64_t s)
{
    return instant_add((struct instant){1}, DURATION_S(s));
}

static void test_second_try(void **state)
{
    struct fs_stale s = {.n = 0};
    assert_false(fs_stale_take(&s, A, 7, 101, at_s(0)));
    fs_stale_note(&s, A, 7, 100, false, at_s(0));
    fs_stale_looked_up(&s, A, 7);
    assert_false(fs_stale_take(&s, A, 8, 101, at_s(1)));
    assert_true(fs_stale_take(&s, A, 7, 101, at_s(1)));
    assert_false(fs_stale_take(&s, A, 7, 101, at_s(1)));
    assert_int_equal(s.n, 0);
}

/* A thread that gave up after ESTALE, and opens the file once more later, comes for the first time.
 */
static void test_not_looked_up(void **state)
{
    struct fs_stale s = {.n = 0};
    fs_stale_note(&s, A, 7, 100, false, at_s(0));
    assert_false(fs_stale_take(&s, A, 7, 101, at_s(1)));
    fs_stale_looked_up(&s, A, 7);
    assert_false(fs_stale_take(&s, A, 7, 101, at_s(1)));
}

/* A file bound to another place has no name to look up: the same inode is opened once more. */
static void test_the_same_again(void **state)
{
    struct fs_stale s = {.n = 0};
    fs_stale_note(&s, A, 7, 100, false, at_s(0));
    assert_true(fs_stale_take(&s, A, 7, 100, at_s(1)));
}

/* Whatever a thread opens, its first try is over. */
static void test_another_file(void **state)
{
    struct fs_stale s = {.n = 0};
    fs_stale_note(&s, A, 7, 100, true, at_s(0));
    fs_stale_looked_up(&s, B, 7);
    assert_false(fs_stale_take(&s, B, 7, 101, at_s(1)));
    fs_stale_looked_up(&s, A, 7);
    assert_false(fs_stale_take(&s, A, 7, 101, at_s(1)));
    fs_stale_note(&s, A, 7, 100, true, at_s(1));
    fs_stale_note(&s, B, 7, 100, false, at_s(1));
    assert_int_equal(s.n, 1);
    assert_int_equal(s.writer_n, 0);
}

static void test_too_late(void **state)
{
    struct fs_stale s = {.n = 0};
    fs_stale_note(&s, A, 7, 100, false, at_s(0));
    fs_stale_looked_up(&s, A, 7);
    assert_false(fs_stale_take(&s, A, 7, 101, at_s(FS_STALE_WINDOW_S)));
    assert_int_equal(s.n, 0);
}

static void note_and_find(struct fs_stale *s, struct str key, int32_t pid, int64_t at)
{
    fs_stale_note(s, key, pid, 100, false, at_s(at));
    fs_stale_looked_up(s, key, pid);
}

/* As many as there is room for are known at the same time; one more costs the oldest only. */
static void test_many(void **state)
{
    struct fs_stale s = {.n = 0};
    for (int32_t pid = 1; pid <= FS_STALE_N + 1; pid++)
        note_and_find(&s, A, pid, pid > FS_STALE_N);
    assert_int_equal(s.n, FS_STALE_N);
    assert_false(fs_stale_take(&s, A, 1, 101, at_s(1)));
    for (int32_t pid = 2; pid <= FS_STALE_N + 1; pid++)
        assert_true(fs_stale_take(&s, A, pid, 101, at_s(1)));
    assert_int_equal(s.n, 0);
}

/* What is out of the window makes room before what is in it. */
static void test_old_ones_go_first(void **state)
{
    struct fs_stale s = {.n = 0};
    for (int32_t pid = 1; pid <= FS_STALE_N; pid++)
        note_and_find(&s, A, pid, pid % 2 ? 0 : FS_STALE_WINDOW_S - 1);
    for (int32_t pid = 1; pid <= FS_STALE_N / 2; pid++)
        note_and_find(&s, B, 1000 + pid, FS_STALE_WINDOW_S + 1);
    for (int32_t pid = 2; pid <= FS_STALE_N; pid += 2)
        assert_true(fs_stale_take(&s, A, pid, 101, at_s(FS_STALE_WINDOW_S + 1)));
}

static void test_a_writer_is_awaited(void **state)
{
    struct fs_stale s = {.n = 0};
    fs_stale_note(&s, A, 7, 100, false, at_s(0));
    assert_false(fs_stale_awaits(&s, A, at_s(0)));
    fs_stale_note(&s, A, 8, 100, true, at_s(0));
    assert_true(fs_stale_awaits(&s, A, at_s(1)));
    assert_false(fs_stale_awaits(&s, B, at_s(1)));
    fs_stale_looked_up(&s, A, 8);
    assert_true(fs_stale_take(&s, A, 8, 101, at_s(1)));
    assert_false(fs_stale_awaits(&s, A, at_s(1)));
    fs_stale_note(&s, A, 9, 100, true, at_s(1));
    assert_false(fs_stale_awaits(&s, A, at_s(1 + FS_STALE_WINDOW_S)));
    assert_int_equal(s.n + s.writer_n, 0);
}

UNIT_MAIN(UNIT(test_second_try), UNIT(test_not_looked_up), UNIT(test_the_same_again),
          UNIT(test_another_file), UNIT(test_too_late), UNIT(test_many),
          UNIT(test_old_ones_go_first), UNIT(test_a_writer_is_awaited))
