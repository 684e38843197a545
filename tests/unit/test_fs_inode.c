/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers are never used twice; an inode goes when nothing holds it; one identity leads to one
 * inode.
 */
#include <stdio.h>

#include "fs/fs_inode.h"
#include "tests/lib/unit.h"

static struct fs_node file(const char *key)
{
    return (struct fs_node){FS_KV_FILE, str_z(key), STR_NONE};
}

static void test_numbers_never_return(void **state)
{
    struct fs_inodes t;
    uint64_t seen[200];
    fs_inode_init(&t, 1);
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        struct fs_node node = file("k");
        struct fs_inode *x = fs_inode_add(&t, &node, FS_INODE_ROOT, i);
        x->lookup_n = 1;
        seen[i] = x->number;
        for (size_t k = 0; k < i; k++)
            assert_true(seen[k] != seen[i]);
        fs_inode_forget(&t, x, 1);
        assert_null(fs_inode_get(&t, seen[i]));
    }
    assert_int_equal(t.n, 1); /* the root */
    fs_inode_fini(&t);
}

/* A new version takes the identity over; the old inode lives while it is held. */
static void test_versions(void **state)
{
    struct fs_inodes t;
    fs_inode_init(&t, 1);
    struct fs_node node = file("k");
    struct fs_inode *old = fs_inode_add(&t, &node, FS_INODE_ROOT, 5);
    old->lookup_n = 2;
    old->reader_n = 1;
    uint64_t number = old->number;
    struct fs_inode *new = fs_inode_add(&t, &node, FS_INODE_ROOT, 6);
    new->lookup_n = 1;
    assert_ptr_equal(fs_inode_find(&t, &node), new);
    assert_ptr_equal(fs_inode_get(&t, number), old);
    assert_false(old->is_current);
    assert_true(old->ino != new->ino);
    fs_inode_forget(&t, old, 2);
    assert_ptr_equal(fs_inode_get(&t, number), old); /* still read */
    old->reader_n = 0;
    fs_inode_settle(&t, old);
    assert_null(fs_inode_get(&t, number));
    assert_ptr_equal(fs_inode_find(&t, &node), new);
    fs_inode_fini(&t);
}

static void test_move(void **state)
{
    struct fs_inodes t;
    fs_inode_init(&t, 1);
    struct fs_node a = file("a"), b = file("b");
    struct fs_inode *from = fs_inode_add(&t, &a, FS_INODE_ROOT, 1);
    struct fs_inode *to = fs_inode_add(&t, &b, FS_INODE_ROOT, 1);
    from->lookup_n = to->lookup_n = 1;
    uint64_t to_number = to->number;
    fs_inode_move(&t, from, &b);
    assert_null(fs_inode_find(&t, &a));
    assert_ptr_equal(fs_inode_find(&t, &b), from);
    assert_false(fs_inode_get(&t, to_number)->is_current);
    assert_str(fs_inode_node(from).a, STR_LIT("b"));
    fs_inode_fini(&t);
}

/* Many at once: the table grows, every one is found by number and by identity. */
static void test_many(void **state)
{
    struct fs_inodes t;
    char key[16];
    fs_inode_init(&t, 1);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        struct fs_node node = file(key);
        struct fs_inode *x = fs_inode_add(&t, &node, FS_INODE_ROOT, 1);
        x->lookup_n = 1;
        assert_ptr_equal(fs_inode_get(&t, x->number), x);
    }
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        struct fs_node node = file(key);
        assert_non_null(fs_inode_find(&t, &node));
    }
    assert_null(fs_inode_get(&t, 0));
    assert_null(fs_inode_get(&t, UINT64_MAX));
    fs_inode_fini(&t);
}

/* All of one service are found by its name, and no others; the last one takes the list with it. */
static void test_kin(void **state)
{
    struct fs_inodes t;
    fs_inode_init(&t, 1);
    struct fs_node nodes[] = {{FS_SERVICE, STR_LIT("web"), STR_NONE},
                              {FS_SERVICE_FILE, STR_LIT("web"), STR_LIT("nodes")},
                              {FS_INSTANCE_CHECK, STR_LIT("web"), STR_LIT("n:i")},
                              {FS_NODE_FILE, STR_LIT("web"), STR_LIT("id")},
                              {FS_SERVICE_TAG, STR_LIT("web2"), STR_LIT("a")},
                              {FS_KV_FILE, STR_LIT("web"), STR_NONE}};
    struct fs_inode *all[6];
    for (int i = 0; i < 6; i++) {
        all[i] = fs_inode_add(&t, &nodes[i], FS_INODE_ROOT, 1);
        all[i]->lookup_n = 1;
    }
    int n = 0;
    struct list *kin = fs_inode_kin(&t, FS_SERVICE, STR_LIT("web"));
    LIST_FOREACH (kin, l)
        assert_ptr_equal(LIST_ITEM(l, struct fs_inode, kin), all[n++]);
    assert_int_equal(n, 3);
    kin = fs_inode_kin(&t, FS_NODE, STR_LIT("web"));
    assert_ptr_equal(LIST_ITEM(kin->next, struct fs_inode, kin), all[3]);
    assert_null(fs_inode_kin(&t, FS_NODE, STR_LIT("web2")));
    fs_inode_retire(&t, all[1]); /* whoever has it open keeps it */
    assert_int_equal(t.kin.n, 3);
    for (int i = 0; i < 4; i++)
        fs_inode_forget(&t, all[i], 1);
    assert_null(fs_inode_kin(&t, FS_SERVICE, STR_LIT("web")));
    assert_int_equal(t.kin.n, 1);
    fs_inode_fini(&t);
}

UNIT_MAIN(UNIT(test_kin), UNIT(test_numbers_never_return), UNIT(test_versions), UNIT(test_move),
          UNIT(test_many))
