/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every key shows in exactly one place, under a name that opens it; a value and a tree of the same
 * name both show; markers of directories do not.
 */
#include <errno.h>
#include <stdio.h>

#include "base/map.h"
#include "base/rng.h"
#include "fs/fs_path.h"
#include "fs/fs_tree.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

static const struct fs_tree TREE = {.service_json = NULL};

static struct fs_node kv_dir(struct str prefix)
{
    return (struct fs_node){FS_KV_DIR, prefix, STR_NONE};
}

static void put_bytes(struct world *w, struct str key, struct str value)
{
    struct kv_op op = {.verb = KV_SET, .key = key, .value = value};
    struct buf b;
    buf_init(&b, 0);
    kv_encode(&op, &b);
    assert_int_equal(world_apply(w, &b), 0);
}

struct walk {
    struct world *w;
    struct map seen; /* keys that were opened */
    size_t files;
};

/* Lists a directory and all below; each name is looked up, each file's key noted. */
static void walk_dir(struct walk *walk, struct str prefix)
{
    struct fs_list list;
    struct fs_node dir = kv_dir(prefix);
    struct buf text;
    fs_list_init(&list);
    buf_init(&text, 0);
    assert_int_equal(fs_tree_list(&TREE, world_view(walk->w), &dir, &list), 0);
    fs_list_finish(&list);
    for (size_t i = 0; i < list.n; i++) {
        struct fs_found found;
        struct str name = fs_list_name(&list, &list.items[i]);
        assert_true(name.n <= FS_PATH_NAME_MAX);
        assert_int_equal(fs_tree_lookup(&TREE, world_view(walk->w), &dir, name, &text, &found), 0);
        assert_int_equal(found.node.kind,
                         list.items[i].what == FS_LIST_TREE ? FS_KV_DIR : FS_KV_FILE);
        if (found.node.kind == FS_KV_DIR) {
            walk_dir(walk, found.node.a);
        } else {
            assert_null(map_set(&walk->seen, found.node.a, walk));
            walk->files++;
        }
    }
    buf_fini(&text);
    fs_list_fini(&list);
}

static size_t walk_all(struct world *w)
{
    struct walk walk = {.w = w};
    map_init(&walk.seen, 3);
    walk_dir(&walk, STR_LIT(""));
    map_fini(&walk.seen);
    return walk.files;
}

static const char *const VECTORS[] = {
    "a",     "a/b",    "a//b",     "a-b",      "a0",        "a%",           "a%25",
    "a%v",   "a%/b",   "%",        "/",        "//",        "///x",         "/lead",
    ".",     "..",     "...",      ".x",       "a/.",       "a/..",         "./a",
    " ",     "a b",    "*",        "-rf",      "~",         "a\\b",         "tab\t",
    "nl\n",  "a/../b", "\xff\xfe", "\xc3\xa9", "e\xcc\x81", "\xe2\x80\xa8", "UPPER",
    "upper", "foo",    "foobar",   "foo/bar",  ".snapshot", "%+",           "a%+/b"};

static void test_every_key_shows_once(void **state)
{
    static const char alphabet[] = {'/', '%', '.', 'a', (char)0xff, '\0'};
    struct world w;
    struct rng rng;
    struct map keys;
    world_open(&w);
    map_init(&keys, 5);
    rng_init(&rng, 42);
    for (size_t i = 0; i < COUNT_OF(VECTORS); i++) {
        put_bytes(&w, str_z(VECTORS[i]), STR_LIT("v"));
        map_set(&keys, str_z(VECTORS[i]), &w);
    }
    static const size_t sizes[] = {252, 253, 254, 255, 256, 257, 300, 506, 507, 759, 765, 5000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        static const char *const tails[] = {"", ".", "..", "\xc3\xa9", "/x", "%"};
        for (size_t t = 0; t < COUNT_OF(tails); t++) {
            struct buf key;
            buf_init(&key, 0);
            for (size_t k = 0; k < sizes[i]; k++)
                buf_put_c(&key, 'k');
            buf_put_z(&key, tails[t]);
            put_bytes(&w, buf_str(&key), STR_LIT("v"));
            map_set(&keys, buf_str(&key), &w);
            buf_fini(&key);
        }
    }
    for (int i = 0; i < 3000; i++) {
        char key[600];
        size_t n = 1 + rng_below(&rng, i % 3 ? 8 : sizeof(key) - 1);
        for (size_t k = 0; k < n; k++)
            key[k] = alphabet[rng_below(&rng, sizeof(alphabet))];
        put_bytes(&w, str_make(key, n), STR_LIT("v"));
        map_set(&keys, str_make(key, n), &w);
    }
    assert_int_equal(walk_all(&w), keys.n);
    map_fini(&keys);
    world_close(&w);
}

static int look(struct world *w, const char *prefix, const char *name, struct fs_found *ret)
{
    static char kept[256];
    struct fs_node dir = kv_dir(str_z(prefix));
    struct buf text;
    buf_init(&text, 0);
    int r = fs_tree_lookup(&TREE, world_view(w), &dir, str_z(name), &text, ret);
    if (r == 0) {
        assert_true(str_copy_z(ret->node.a, kept, sizeof(kept)));
        ret->node.a = str_z(kept);
    }
    buf_fini(&text);
    return r;
}

static void test_faces(void **state)
{
    struct world w;
    struct fs_found f;
    world_open(&w);
    world_put(&w, "a", "value");
    assert_int_equal(look(&w, "", "a", &f), 0);
    assert_int_equal(f.node.kind, FS_KV_FILE);
    assert_int_equal(f.size, 5);
    assert_int_equal(f.version, w.index);
    assert_int_equal(look(&w, "", "a%v", &f), 0);
    assert_int_equal(look(&w, "", "a%t", &f), -ENOENT);
    world_put(&w, "a/b", "x");
    assert_int_equal(look(&w, "", "a", &f), 0);
    assert_int_equal(f.node.kind, FS_KV_DIR);
    assert_str(f.node.a, STR_LIT("a/"));
    assert_int_equal(look(&w, "", "a%v", &f), 0);
    assert_str(f.node.a, STR_LIT("a"));
    assert_int_equal(look(&w, "", "a%t", &f), 0);
    assert_int_equal(f.node.kind, FS_KV_DIR);
    assert_int_equal(look(&w, "", "%61", &f), -ENOENT);
    assert_int_equal(walk_all(&w), 2);
    world_close(&w);
}

static void test_markers(void **state)
{
    struct world w;
    struct fs_found f;
    world_open(&w);
    world_put(&w, "d/", "");
    assert_int_equal(look(&w, "", "d", &f), 0);
    assert_int_equal(f.node.kind, FS_KV_DIR);
    assert_int_equal(walk_all(&w), 0);            /* hidden, */
    assert_int_equal(look(&w, "d/", "%", &f), 0); /* but it opens */
    assert_true(fs_tree_dir_is_empty(world_view(&w), STR_LIT("d/")));
    assert_false(fs_tree_has_dir(world_view(&w), STR_LIT("e/")));
    world_put(&w, "d/", "text");
    assert_int_equal(walk_all(&w), 1);
    assert_false(fs_tree_dir_is_empty(world_view(&w), STR_LIT("d/")));
    world_put(&w, "d/", "");
    world_put(&w, "d/x", "");
    assert_false(fs_tree_dir_is_empty(world_view(&w), STR_LIT("d/")));
    world_close(&w);
}

static void test_top(void **state)
{
    struct world w;
    struct fs_found f;
    struct buf text;
    struct fs_node root = {FS_ROOT, STR_NONE, STR_NONE};
    struct fs_list list;
    world_open(&w);
    buf_init(&text, 0);
    fs_list_init(&list);
    assert_int_equal(fs_tree_list(&TREE, world_view(&w), &root, &list), 0);
    fs_list_finish(&list);
    assert_int_equal(list.n, 10);
    for (size_t i = 0; i < list.n; i++) {
        struct str name = fs_list_name(&list, &list.items[i]);
        assert_int_equal(fs_tree_lookup(&TREE, world_view(&w), &root, name, &text, &f), 0);
        assert_int_equal(fs_node_is_dir(f.node.kind), list.items[i].what == FS_LIST_TREE);
    }
    assert_int_equal(fs_tree_lookup(&TREE, world_view(&w), &root, STR_LIT("x"), &text, &f),
                     -ENOENT);
    fs_list_fini(&list);
    buf_fini(&text);
    world_close(&w);
}

UNIT_MAIN(UNIT(test_every_key_shows_once), UNIT(test_faces), UNIT(test_markers), UNIT(test_top))
