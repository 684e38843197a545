/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nodes and services: which index moves with what, who is woken, what is refused. */
#include <stdio.h>

#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

static struct world w;

static int open_world(void **state)
{
    world_open(&w);
    return 0;
}

static int close_world(void **state)
{
    world_close(&w);
    return unit_no_leak(state);
}

static bool on_instance(void *data, const struct catalog_node *n, const struct catalog_service *s)
{
    char *text = data;

    snprintf(text + strlen(text), 200 - strlen(text), "%.*s:%.*s ", STR_ARG(n->name),
             STR_ARG(s->id));
    return true;
}

static uint64_t service_index(const char *service, char text[200])
{
    char ignored[200];
    uint64_t index;

    if (!text)
        text = ignored;
    text[0] = '\0';
    catalog_service_nodes(world_view(&w), str_z(service), on_instance, text, &index);
    return index;
}

static bool on_name(void *data, struct str name, struct str tags)
{
    struct unpack u = unpack_make(tags);
    char *text = data;

    snprintf(text + strlen(text), 200 - strlen(text), "%.*s[", STR_ARG(name));
    for (uint32_t n = unpack_array(&u); n > 0; n--) {
        struct str tag = unpack_str(&u);
        snprintf(text + strlen(text), 200 - strlen(text), "%.*s,", STR_ARG(tag));
    }
    snprintf(text + strlen(text), 200 - strlen(text), "] ");
    return true;
}

static bool on_node(void *data, const struct catalog_node *n)
{
    (void)n;
    ++*(int *)data;
    return true;
}

static int register_node(const char *name, const char *id, const char *address)
{
    struct catalog_register r = {
        .node = {.name = str_z(name), .id = str_z(id), .address = str_z(address)}};
    struct buf b;

    buf_init(&b, 0);
    catalog_encode_register(&r, &b);
    return world_apply(&w, &b);
}

static int register_tagged(const char *node, const char *id, const char *name, const char *tag_a,
                           const char *tag_b)
{
    struct buf tags, b;
    struct catalog_service s = {.id = str_z(id), .name = str_z(name), .port = 1};
    struct catalog_register r = {.node = {.name = str_z(node), .address = STR_LIT("10.0.0.1")},
                                 .service = &s};

    buf_init(&tags, 0);
    buf_init(&b, 0);
    pack_array(&tags, 2);
    pack_str(&tags, str_z(tag_a));
    pack_str(&tags, str_z(tag_b));
    s.tags = buf_str(&tags);
    catalog_encode_register(&r, &b);
    buf_fini(&tags);
    return world_apply(&w, &b);
}

/* Each index moves as Consul's does; the same registration again moves none and wakes nobody. */
static void indexes(void **state)
{
    struct catalog_node n;
    uint64_t index;
    int nodes = 0;

    assert_int_equal(service_index("none", NULL), 1);
    assert_int_equal(world_register(&w, "ix", NULL, NULL, NULL), 0);
    uint64_t i1 = w.index;
    assert_int_equal(world_register(&w, "ix", "s", NULL, NULL), 0);
    uint64_t i2 = w.index;
    assert_int_equal(world_changed(&w, WATCH_SERVICE, "s"), 1);
    assert_int_equal(world_changed(&w, WATCH_SERVICES, ""), 1);
    assert_int_equal(world_changed(&w, WATCH_NODE, "ix"), 1);
    assert_int_equal(world_changed(&w, WATCH_NODES, ""), 0);
    assert_int_equal(world_register(&w, "ix", "s", NULL, NULL), 0);
    assert_int_equal(w.changes.n, 0);
    catalog_nodes(world_view(&w), on_node, &nodes, &index);
    assert_int_equal(index, i1);
    assert_int_equal(nodes, 1);
    assert_int_equal(service_index("s", NULL), i2);
    assert_int_equal(service_index("S", NULL), i2);
    assert_int_equal(world_register(&w, "iy", "t", NULL, NULL), 0);
    uint64_t i3 = w.index;
    assert_int_equal(service_index("s", NULL), i2);
    assert_int_equal(service_index("none", NULL), i3);
    assert_true(catalog_node_services(world_view(&w), STR_LIT("IX"), &n,
                                      (bool (*)(void *, const struct catalog_service *))on_node,
                                      &nodes, &index));
    assert_int_equal(index, i3);
    assert_int_equal(world_deregister(&w, "iy", NULL, NULL), 0);
    assert_int_equal(service_index("t", NULL), w.index);
    assert_int_equal(service_index("none", NULL), w.index);
    assert_int_equal(service_index("s", NULL), i2);
}

/* A service may take another name under its id: the old one's index stays. */
static void service_changes_its_name(void **state)
{
    char text[200];

    assert_int_equal(register_tagged("si", "x", "one", "a", "b"), 0);
    uint64_t i1 = w.index;
    assert_int_equal(register_tagged("si", "x", "two", "a", "b"), 0);
    assert_int_equal(world_changed(&w, WATCH_SERVICE, "one"), 1);
    assert_int_equal(world_changed(&w, WATCH_SERVICE, "two"), 1);
    assert_int_equal(service_index("one", text), i1);
    assert_string_equal(text, "");
    assert_int_equal(service_index("two", text), w.index);
    assert_string_equal(text, "si:x ");
}

/* Names with the union of the tags, each once, sorted. */
static void services_and_tags(void **state)
{
    char text[200] = "";
    struct catalog_service s;
    uint64_t index;

    register_tagged("t1", "w1", "web", "b", "a");
    register_tagged("t1", "w2", "Web", "b", "C");
    register_tagged("t2", "d1", "db", "x", "x");
    catalog_services(world_view(&w), on_name, text, &index);
    assert_string_equal(text, "db[x,] web[C,a,b,] ");
    assert_int_equal(index, w.index);
    assert_true(catalog_service_get(world_view(&w), STR_LIT("T1"), STR_LIT("W2"), &s));
    assert_true(catalog_service_has_tag(&s, STR_LIT("c")));
    assert_false(catalog_service_has_tag(&s, STR_LIT("a")));
}

#define ID1 "50e4a748-2192-161a-0510-9bf59fe950b1"
#define ID2 "50e4a748-2192-161a-0510-9bf59fe950b2"

/* An id that comes with another name renames the node, which loses what was on it. */
static void rename_by_id(void **state)
{
    struct catalog_node n;

    assert_int_equal(register_node("r1", ID1, "10.6.0.1"), 0);
    uint64_t i1 = w.index;
    assert_int_equal(world_register(&w, "r1", NULL, NULL, NULL), 0); /* without an id: allowed */
    assert_int_equal(register_node("r1", ID1, "10.6.0.1"), 0);
    assert_int_equal(register_node("r2", ID1, "10.6.0.1"), 0);
    assert_false(catalog_node_get(world_view(&w), STR_LIT("r1"), &n));
    assert_true(catalog_node_get(world_view(&w), STR_LIT("r2"), &n));
    assert_int_equal(n.create_index, i1);
    assert_int_equal(n.modify_index, w.index);
    assert_true(catalog_node_by_id(world_view(&w), STR_LIT(ID1), &n));
    assert_str(n.name, STR_LIT("r2"));
    assert_true(catalog_node_find(world_view(&w), STR_LIT("50e4"), &n));
    assert_int_equal(register_node("R2", "", "10.6.0.5"), 0);
    assert_true(catalog_node_get(world_view(&w), STR_LIT("r2"), &n));
    assert_str(n.name, STR_LIT("R2"));
    assert_int_equal(n.create_index, i1);
    assert_false(catalog_node_by_id(world_view(&w), STR_LIT(ID1), &n));
}

/* The name of a living node is not given to another id; that of a dead one is. */
static void names_of_the_living(void **state)
{
    struct health_check serf = {
        .node = STR_LIT("node1"), .check_id = STR_LIT("serfHealth"), .status = STR_LIT("passing")};
    struct catalog_register r = {
        .node = {.name = STR_LIT("node1"), .id = STR_LIT(ID1), .address = STR_LIT("127.0.0.1")},
        .checks = &serf,
        .check_n = 1};
    struct buf b;

    buf_init(&b, 0);
    catalog_encode_register(&r, &b);
    assert_int_equal(world_apply(&w, &b), 0);
    assert_int_equal(register_node("node1", ID2, "10.6.0.4"), ERR_INVALID);
    assert_string_equal(w.result.text,
                        "failed inserting node: Error while renaming Node ID: \"" ID2 "\": Node "
                        "name node1 is reserved by node " ID1 " with name node1 (127.0.0.1)");
    assert_int_equal(w.changes.n, 0);
    serf.status = STR_LIT("critical");
    catalog_encode_register(&r, &b);
    assert_int_equal(world_apply(&w, &b), 0);
    assert_int_equal(register_node("node1", ID2, "10.6.0.4"), 0);
}

/* With skip_node_update an existing node stays as it is, a new one is made. */
static void skip_node_update(void **state)
{
    struct catalog_register r = {.node = {.name = STR_LIT("sk"), .address = STR_LIT("10.9.9.9")},
                                 .skip_node_update = true};
    struct catalog_node n;
    struct buf b;

    world_register(&w, "sk", NULL, NULL, NULL);
    buf_init(&b, 0);
    catalog_encode_register(&r, &b);
    assert_int_equal(world_apply(&w, &b), 0);
    assert_int_equal(w.changes.n, 0);
    assert_true(catalog_node_get(world_view(&w), STR_LIT("sk"), &n));
    assert_str(n.address, STR_LIT("10.0.0.1"));
}

/* A node goes with its services and checks; its watchers are all told. */
static void deregister(void **state)
{
    char text[200];
    struct catalog_node n;

    world_register(&w, "d1", "s1", "c1", "passing");
    world_register(&w, "d1", "s2", NULL, NULL);
    world_register(&w, "d2", "s1", NULL, NULL);
    assert_int_equal(world_deregister(&w, "nope", NULL, NULL), 0);
    assert_int_equal(world_deregister(&w, "d1", "nope", NULL), 0);
    assert_int_equal(world_deregister(&w, "d1", NULL, "nope"), 0);
    assert_int_equal(w.changes.n, 0);
    assert_int_equal(world_deregister(&w, "D1", NULL, NULL), 0);
    assert_true(world_changed(&w, WATCH_SERVICE, "s1") >= 1);
    assert_true(world_changed(&w, WATCH_SERVICE, "s2") >= 1);
    assert_true(world_changed(&w, WATCH_CHECKS, "s1") == 1);
    assert_int_equal(world_changed(&w, WATCH_NODES, ""), 1);
    assert_int_equal(service_index("s1", text), w.index);
    assert_string_equal(text, "d2:s1 ");
    assert_false(catalog_node_get(world_view(&w), STR_LIT("d1"), &n));
    for (int t = TABLE_CHECK; t <= TABLE_CHECK_BY_SERVICE; t++)
        assert_int_equal(store_count(w.view.store, t), 0);
    assert_int_equal(store_count(w.view.store, TABLE_CHECK_BY_INSTANCE), 0);
}

/* An error in the last check undoes the node and the service that came with it. */
static void all_or_nothing(void **state)
{
    struct catalog_service s = {.id = STR_LIT("s"), .name = STR_LIT("s")};
    struct health_check c = {
        .node = STR_LIT("x"), .check_id = STR_LIT("c"), .service_id = STR_LIT("missing")};
    struct catalog_register r = {.node = {.name = STR_LIT("x"), .address = STR_LIT("1.2.3.4")},
                                 .service = &s,
                                 .checks = &c,
                                 .check_n = 1};
    struct catalog_node n;
    struct buf b;

    buf_init(&b, 0);
    catalog_encode_register(&r, &b);
    assert_int_equal(world_apply(&w, &b), ERR_INVALID);
    assert_string_equal(w.result.text,
                        "failed inserting check: Missing service registration on node \"x\"");
    assert_int_equal(w.changes.n, 0);
    assert_false(catalog_node_get(world_view(&w), STR_LIT("x"), &n));
    assert_int_equal(view_index(&w.view), w.index);
    c.node = STR_LIT("y");
    catalog_encode_register(&r, &b);
    assert_int_equal(world_apply(&w, &b), ERR_INVALID);
    assert_string_equal(w.result.text, "check node \"y\" does not match node \"x\"");
    s.id = STR_NONE;
    catalog_encode_register(&r, &b);
    assert_int_equal(world_apply(&w, &b), ERR_INVALID);
    assert_string_equal(w.result.text, "failed inserting service: failed inserting service: object "
                                       "missing primary index");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, open_world, close_world)
UNIT_MAIN(TEST(indexes), TEST(service_changes_its_name), TEST(services_and_tags),
          TEST(rename_by_id), TEST(names_of_the_living), TEST(skip_node_update), TEST(deregister),
          TEST(all_or_nothing))
