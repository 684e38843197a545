/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Services and nodes as files: each listed name opens, lines have their columns, names are found
 * without case.
 */
#include <errno.h>

#include "fs/fs_catalog.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

static int service_json(struct view *v, struct str service, struct buf *out)
{
    buf_put_z(out, "[]");
    return 0;
}

static const struct fs_tree TREE = {.service_json = service_json};

/* Follows a path from the top and reads the file at its end. */
static int read_path(struct world *w, const char *path, struct buf *out)
{
    struct str rest = str_z(path);
    struct buf id, text;
    struct fs_found f = {.node = {FS_ROOT, STR_NONE, STR_NONE}};
    int r = 0;
    buf_init(&id, 0);
    buf_init(&text, 0);
    buf_clear(out);
    while (r == 0 && rest.p) {
        fs_node_pack(&f.node, &id);
        struct fs_node dir = fs_node_unpack(buf_str(&id));
        r = fs_tree_lookup(&TREE, world_view(w), &dir, str_split(&rest, '/'), &text, &f);
    }
    if (r == 0)
        r = fs_node_is_dir(f.node.kind) ? -EISDIR
                                        : fs_tree_read(&TREE, world_view(w), &f.node, out);
    buf_fini(&id);
    buf_fini(&text);
    return r;
}

/* Opens everything below; returns how many files there are. */
static size_t read_all(struct world *w, const struct fs_node *dir)
{
    struct fs_list list;
    struct fs_found f;
    struct buf text, bytes;
    size_t files = 0;
    fs_list_init(&list);
    buf_init(&text, 0);
    buf_init(&bytes, 0);
    assert_int_equal(fs_tree_list(&TREE, world_view(w), dir, &list), 0);
    fs_list_finish(&list);
    for (size_t i = 0; i < list.n; i++) {
        struct str name = fs_list_name(&list, &list.items[i]);
        assert_int_equal(fs_tree_lookup(&TREE, world_view(w), dir, name, &text, &f), 0);
        if (fs_node_is_dir(f.node.kind)) {
            files += read_all(w, &f.node);
        } else {
            assert_int_equal(fs_tree_read(&TREE, world_view(w), &f.node, &bytes), 0);
            files++;
        }
    }
    fs_list_fini(&list);
    buf_fini(&text);
    buf_fini(&bytes);
    return files;
}

static void register_web(struct world *w, const char *node, const char *tag)
{
    struct buf tags, b;
    buf_init(&tags, 0);
    pack_array(&tags, 2);
    pack_str(&tags, str_z(tag));
    pack_str(&tags, STR_LIT("a\tb"));
    struct catalog_service s = {.id = STR_LIT("web/1"),
                                .name = STR_LIT("Web"),
                                .port = 80,
                                .tags = buf_str(&tags),
                                .weight_passing = 1,
                                .weight_warning = 1};
    struct catalog_register r = {
        .node = {.name = str_z(node), .address = STR_LIT("fd00::1"), .datacenter = STR_LIT("dc1")},
        .service = &s};
    buf_init(&b, 0);
    catalog_encode_register(&r, &b);
    assert_int_equal(world_apply(w, &b), 0);
    buf_fini(&tags);
}

static void test_service_files(void **state)
{
    struct world w;
    struct buf out;
    world_open(&w);
    buf_init(&out, 0);
    register_web(&w, "n1", "v1");
    register_web(&w, "n2", "v2");
    assert_int_equal(read_path(&w, "services/web/nodes", &out), 0);
    assert_str(buf_str(&out), STR_LIT("n1\tfd00::1\t80\tpassing\tv1,a\\tb\n"
                                      "n2\tfd00::1\t80\tpassing\tv2,a\\tb\n"));
    assert_int_equal(read_path(&w, "services/WEB/tags/v2", &out), 0);
    assert_str(buf_str(&out), STR_LIT("n2\tfd00::1\t80\tpassing\tv2,a\\tb\n"));
    assert_int_equal(read_path(&w, "services/web/healthy", &out), 0);
    assert_str(buf_str(&out), STR_LIT("[fd00::1]:80\n[fd00::1]:80\n"));
    assert_int_equal(world_register(&w, "n1", NULL, "alive", "critical"), 0);
    assert_int_equal(read_path(&w, "services/web/healthy", &out), 0);
    assert_str(buf_str(&out), STR_LIT("[fd00::1]:80\n"));
    assert_int_equal(read_path(&w, "services/web/json", &out), 0);
    assert_int_equal(read_path(&w, "services/web/tags/v3", &out), -ENOENT);
    assert_int_equal(read_path(&w, "services/none/nodes", &out), -ENOENT);
    assert_int_equal(read_path(&w, "services/web", &out), -EISDIR);
    buf_fini(&out);
    world_close(&w);
}

static void test_instance_files(void **state)
{
    struct world w;
    struct buf out;
    world_open(&w);
    buf_init(&out, 0);
    register_web(&w, "n:1", "v1"); /* a colon in a name is none between two */
    assert_int_equal(world_register(&w, "n:1", NULL, "disk", "warning"), 0);
    assert_int_equal(read_path(&w, "services/web/instances/n:1:web%2F1/address", &out), 0);
    assert_str(buf_str(&out), STR_LIT("10.0.0.1\n"));
    assert_int_equal(read_path(&w, "services/web/instances/n:1:web%2F1/port", &out), 0);
    assert_str(buf_str(&out), STR_LIT("80\n"));
    assert_int_equal(read_path(&w, "services/web/instances/n:1:web%2F1/status", &out), 0);
    assert_str(buf_str(&out), STR_LIT("warning\n"));
    assert_int_equal(read_path(&w, "services/web/instances/n:1:web%2F1/tags", &out), 0);
    assert_str(buf_str(&out), STR_LIT("v1\na\\tb\n"));
    assert_int_equal(read_path(&w, "services/web/instances/n:1:web%2F1/checks/disk", &out), 0);
    assert_str(buf_str(&out), STR_LIT("warning\t-\n"));
    assert_int_equal(read_path(&w, "services/web/instances/n:1:web%2F1/checks/no", &out), -ENOENT);
    assert_int_equal(read_path(&w, "services/web/instances/n:1:web%2F1/meta/no", &out), -ENOENT);
    assert_int_equal(read_path(&w, "services/web/instances/n:1:no/port", &out), -ENOENT);
    assert_int_equal(read_path(&w, "services/web/instances/n1/port", &out), -ENOENT);
    assert_int_equal(read_path(&w, "services/no/instances/n:1:web%2F1/port", &out), -ENOENT);
    buf_fini(&out);
    world_close(&w);
}

static void test_node_files(void **state)
{
    struct world w;
    struct buf out;
    world_open(&w);
    buf_init(&out, 0);
    register_web(&w, "Node/1", "t");
    assert_int_equal(world_register(&w, "Node/1", NULL, "disk", "warning"), 0);
    assert_int_equal(read_path(&w, "nodes/node%2F1/status", &out), 0);
    assert_str(buf_str(&out), STR_LIT("warning\n"));
    assert_int_equal(read_path(&w, "nodes/Node%2F1/checks/disk", &out), 0);
    assert_str(buf_str(&out), STR_LIT("warning\t-\n"));
    assert_int_equal(read_path(&w, "nodes/Node%2F1/services/web%2F1", &out), 0);
    assert_str(buf_str(&out), STR_LIT("Web\t-\t80\tt,a\\tb\n"));
    assert_int_equal(read_path(&w, "nodes/Node%2f1/status", &out), -ENOENT);
    assert_int_equal(read_path(&w, "nodes/nobody/status", &out), -ENOENT);
    buf_fini(&out);
    world_close(&w);
}

static void test_all_open(void **state)
{
    struct world w;
    struct fs_node services = {FS_SERVICES, STR_LIT(""), STR_NONE};
    struct fs_node nodes = {FS_NODES, STR_LIT(""), STR_NONE};
    world_open(&w);
    register_web(&w, "n1", "v1");
    assert_int_equal(world_register(&w, "n3", "other", "c", "passing"), 0);
    /* Web: nodes healthy json, two tags, an instance of four files; other: the same, and a check.
     */
    assert_int_equal(read_all(&w, &services), 3 + 2 + 4 + 3 + 4 + 1);
    /* n1: three and its service; n3: three, service and check. */
    assert_int_equal(read_all(&w, &nodes), 3 + 1 + 3 + 2);
    world_close(&w);
}

UNIT_MAIN(UNIT(test_service_files), UNIT(test_instance_files), UNIT(test_node_files),
          UNIT(test_all_open))
