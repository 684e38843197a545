/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A listing goes on from any cookie, on any handle; a name that is both value and tree shows twice.
 */
#include <stdio.h>

#include "fs/fs_list.h"
#include "tests/lib/unit.h"

static void add_numbered(struct fs_list *l, int n, int step)
{
    for (int i = 0; i < n; i++) {
        char name[32];
        int k = (int)((int64_t)i * step % n);
        (void)snprintf(name, sizeof(name), "key%d", k);
        fs_list_add(l, str_z(name), FS_LIST_VALUE);
    }
}

static void fill(struct fs_list *l, int n, int step)
{
    fs_list_init(l);
    add_numbered(l, n, step);
    fs_list_finish(l);
}

/* The same names in another order of adding give the same cookies. */
static void test_cookies_agree(void **state)
{
    struct fs_list a, b;
    fill(&a, 1009, 1);
    fill(&b, 1009, 7);
    assert_int_equal(a.n, 1009);
    for (size_t i = 0; i < a.n; i++) {
        assert_true(a.items[i].cookie > FS_LIST_COOKIE_DOT_DOT);
        assert_true(a.items[i].cookie <= INT64_MAX);
        assert_int_equal(a.items[i].cookie, b.items[i].cookie);
        assert_str(fs_list_name(&a, &a.items[i]), fs_list_name(&b, &b.items[i]));
        assert_int_equal(fs_list_after(&a, a.items[i].cookie), i + 1);
        if (i > 0)
            assert_int_equal(fs_list_after(&a, a.items[i].cookie - 1), i);
    }
    assert_int_equal(fs_list_after(&a, 0), 0);
    fs_list_fini(&a);
    fs_list_fini(&b);
}

static void test_value_and_tree(void **state)
{
    struct fs_list l;
    bool tree = false, value = false;
    fs_list_init(&l);
    fs_list_add(&l, STR_LIT("a"), FS_LIST_VALUE);
    fs_list_add(&l, STR_LIT("b"), FS_LIST_VALUE);
    fs_list_add(&l, STR_LIT("a"), FS_LIST_TREE);
    fs_list_add(&l, STR_LIT("c"), FS_LIST_TREE);
    fs_list_add(&l, STR_LIT("c"), FS_LIST_TREE);
    fs_list_finish(&l);
    assert_int_equal(l.n, 4);
    for (size_t i = 0; i < l.n; i++) {
        struct str name = fs_list_name(&l, &l.items[i]);
        tree = tree || (str_eq_z(name, "a") && l.items[i].what == FS_LIST_TREE);
        value = value || (str_eq_z(name, "a%v") && l.items[i].what == FS_LIST_VALUE);
    }
    assert_true(tree && value);
    fs_list_fini(&l);
}

/* Any number, and names given twice: each there once, in the order of their cookies. */
static void test_many(void **state)
{
    for (int n = 1; n < 20000; n = n * 3 + 1) {
        struct fs_list l;
        fs_list_init(&l);
        add_numbered(&l, n, 1);
        add_numbered(&l, n / 2, 1);
        fs_list_finish(&l);
        assert_int_equal(l.n, n);
        for (size_t i = 0; i < l.n; i++) {
            assert_true(i == 0 || l.items[i - 1].cookie < l.items[i].cookie);
            assert_int_equal(fs_list_after(&l, l.items[i].cookie), i + 1);
        }
        fs_list_fini(&l);
    }
}

static void test_empty(void **state)
{
    struct fs_list l;
    fs_list_init(&l);
    fs_list_finish(&l);
    assert_int_equal(l.n, 0);
    assert_int_equal(fs_list_after(&l, 0), 0);
    fs_list_fini(&l);
}

UNIT_MAIN(UNIT(test_cookies_agree), UNIT(test_value_and_tree), UNIT(test_many), UNIT(test_empty))
