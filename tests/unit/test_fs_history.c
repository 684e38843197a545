/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tree of .snapshot over a state that keeps its history. */
#include <errno.h>

#include "fs/fs_history.h"
#include "state/history.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

static const struct fs_tree TREE = {.service_json = NULL};

/* Down a path from .snapshot; 0 with the node (borrowing from text[]), or -ENOENT. */
static int walk(struct view *v, const char *path, struct buf text[8], struct fs_found *ret)
{
    struct str rest = str_z(path);
    ret->node = (struct fs_node){FS_SNAPSHOTS, STR_NONE, STR_NONE};
    for (int i = 0; rest.n > 0; i++) {
        struct fs_node dir = ret->node;
        struct str name = str_split(&rest, '/');
        buf_init(&text[i], 0);
        int r = fs_tree_lookup(&TREE, v, &dir, name, &text[i], ret);
        if (r < 0)
            return r;
    }
    return 0;
}

static void expect(struct world *w, uint64_t index, const char *below, const char *value)
{
    struct buf text[8] = {{0}}, path = {0}, out = {0};
    struct fs_found found;
    buf_putf(&path, "%llu/kv/%s", (unsigned long long)index, below);
    struct view *v = world_view(w);
    int r = walk(v, buf_z(&path), text, &found);
    if (!value) {
        assert_int_equal(r, -ENOENT);
    } else {
        assert_int_equal(r, 0);
        assert_int_equal(found.node.kind, FS_SNAPSHOT_FILE);
        assert_int_equal(fs_tree_read(&TREE, v, &found.node, &out), 0);
        assert_string_equal(buf_z(&out), value);
        assert_int_equal(found.size, out.n);
    }
    for (int i = 0; i < 8; i++)
        buf_fini(&text[i]);
    buf_fini(&path);
    buf_fini(&out);
}

static size_t count(struct world *w, uint64_t index, const char *below)
{
    struct buf text[8] = {{0}}, path = {0};
    struct fs_found found;
    struct fs_list list;
    buf_putf(&path, "%llu/kv%s%s", (unsigned long long)index, below[0] ? "/" : "", below);
    struct view *v = world_view(w);
    assert_int_equal(walk(v, buf_z(&path), text, &found), 0);
    fs_list_init(&list);
    assert_int_equal(fs_tree_list(&TREE, v, &found.node, &list), 0);
    fs_list_finish(&list);
    size_t n = list.n;
    fs_list_fini(&list);
    for (int i = 0; i < 8; i++)
        buf_fini(&text[i]);
    buf_fini(&path);
    return n;
}

/* Values, faces, directories and long names as they were at each index. */
static void shows_each_index(void **state)
{
    struct world w;
    char key[301], name[600];
    world_open(&w);
    state_set_history(w.state, 1 << 20);
    world_put(&w, "a", "one");
    uint64_t one = w.index;
    world_put(&w, "a/b", "deep");
    uint64_t two = w.index;
    world_op(&w, KV_DELETE, "a", "", "", 0);
    uint64_t three = w.index;
    memset(key, 'k', 300);
    key[300] = '\0';
    world_put(&w, key, "long");
    expect(&w, one, "a", "one");
    expect(&w, one, "a%v", "one");
    expect(&w, one, "a/b", NULL);
    expect(&w, two, "a%v", "one");
    expect(&w, two, "a/b", "deep");
    expect(&w, two, "a%t/b", "deep");
    expect(&w, three, "a%v", NULL);
    expect(&w, three, "a/b", "deep");
    assert_int_equal(count(&w, one, ""), 1);
    assert_int_equal(count(&w, two, ""), 2); /* a and a%v */
    assert_int_equal(count(&w, three, ""), 1);
    memset(name, 'k', sizeof(name));
    memcpy(name + 253, "%+/", 3);
    name[253 + 3 + 47] = '\0';
    expect(&w, w.index, name, "long");
    expect(&w, three, name, NULL);
    world_close(&w);
}

/* What cannot be asked is not there. */
static void refuses(void **state)
{
    static const char *const paths[] = {"0", "999", "01", "x", "-1", "99999999999999999999", ""};
    struct world w;
    struct buf text[8] = {{0}};
    struct fs_found found;
    world_open(&w);
    state_set_history(w.state, 1 << 20);
    world_put(&w, "a", "one");
    world_put(&w, "a", "two");
    for (size_t i = 0; paths[i][0]; i++) {
        assert_int_equal(walk(world_view(&w), paths[i], text, &found), -ENOENT);
        buf_fini(&text[0]);
    }
    assert_int_equal(walk(world_view(&w), "latest", text, &found), 0);
    assert_int_equal(found.node.kind, FS_SNAPSHOT_LATEST);
    buf_fini(&text[0]);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_each_index),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
