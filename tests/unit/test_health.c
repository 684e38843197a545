/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks, and what they make of the services they hang on. */
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

static bool on_check(void *data, const struct health_check *c)
{
    char *text = data;

    snprintf(text + strlen(text), 200 - strlen(text), "%.*s/%.*s=%.*s ", STR_ARG(c->node),
             STR_ARG(c->check_id), STR_ARG(c->status));
    return true;
}

static bool on_instance(void *data, const struct health_instance *i)
{
    char *text = data;

    snprintf(text + strlen(text), 200 - strlen(text), "%.*s=%d ", STR_ARG(i->node->name),
             (int)i->worst);
    return true;
}

static uint64_t ask_service(const char *name, const char *want)
{
    char text[200] = "";
    uint64_t index;

    health_service_nodes(world_view(&w), str_z(name), on_instance, text, &index);
    assert_string_equal(text, want);
    return index;
}

static uint64_t ask_state(const char *name, const char *want)
{
    char text[200] = "";
    uint64_t index;

    health_state_checks(world_view(&w), str_z(name), on_check, text, &index);
    assert_string_equal(text, want);
    return index;
}

/* A node's check counts for all its services, a service's for itself; the worst wins. */
static void join(void **state)
{
    char text[200] = "";

    world_register(&w, "h1", "web", "up", "passing");
    world_register(&w, "h2", "web", "up", "warning");
    world_register(&w, "h2", "db", NULL, NULL);
    world_register(&w, "h1", NULL, "serfHealth", "critical");
    assert_int_equal(world_changed(&w, WATCH_SERVICE, "web"), 1);
    assert_int_equal(world_changed(&w, WATCH_CHECKS, ""), 1);
    assert_int_equal(ask_service("web", "h1=2 h2=1 "), w.index);
    ask_service("db", "h2=0 ");
    health_instance_checks(world_view(&w), STR_LIT("H1"), STR_LIT("web"), on_check, text);
    assert_string_equal(text, "h1/serfHealth=critical h1/up=passing ");
    ask_state("critical", "h1/serfHealth=critical ");
    ask_state("any", "h1/serfHealth=critical h1/up=passing h2/up=warning ");
    ask_state("CRITICAL", "");
}

static void register_instance(const char *node, const char *id, const char *status)
{
    struct catalog_service s = {.id = str_z(id), .name = STR_LIT("web")};
    struct health_check c = {.node = str_z(node),
                             .check_id = str_z(id),
                             .service_id = str_z(id),
                             .status = str_z(status)};
    struct catalog_register r = {.node = {.name = str_z(node), .address = STR_LIT("10.0.0.1")},
                                 .service = &s,
                                 .checks = &c,
                                 .check_n = 1};
    struct buf b;

    buf_init(&b, 0);
    catalog_encode_register(&r, &b);
    assert_int_equal(world_apply(&w, &b), 0);
}

/* Several instances on one node share its checks, and nobody else's. */
static void instances_of_one_node(void **state)
{
    register_instance("B", "w2", "passing");
    register_instance("b", "W1", "critical");
    register_instance("b", "w10", "passing");
    register_instance("a", "w1", "passing");
    register_instance("ab", "w1", "warning");
    register_instance("c", "w1", "passing");
    ask_service("web", "a=0 ab=1 b=2 b=0 b=0 c=0 ");
    world_register(&w, "b", NULL, "node", "warning");
    ask_service("web", "a=0 ab=1 b=2 b=1 b=1 c=0 ");
    world_register(&w, "b", NULL, "node", "passing");
    register_instance("b", "w1", "passing");
    ask_service("web", "a=0 ab=1 b=0 b=0 b=0 c=0 ");
}

/* Another output is a change, the same is none; the check index is one for all. */
static void indexes(void **state)
{
    char text[200] = "";
    uint64_t index;

    world_register(&w, "u", "s", "c", "passing");
    world_register(&w, "u", "other", NULL, NULL);
    uint64_t i2 = w.index;
    world_register(&w, "u", "s", "c", "critical");
    uint64_t i3 = w.index;
    assert_int_equal(ask_service("s", "u=2 "), i3);
    assert_int_equal(ask_service("other", "u=0 "), i2);
    world_register(&w, "u", "s", "c", "critical");
    assert_int_equal(w.changes.n, 0);
    health_service_checks(world_view(&w), STR_LIT("none"), on_check, text, &index);
    assert_int_equal(index, i3);
    world_deregister(&w, "u", NULL, "C");
    assert_int_equal(ask_service("s", "u=0 "), w.index);
    health_node_checks(world_view(&w), STR_LIT("u"), on_check, text, &index);
    assert_string_equal(text, "");
    assert_int_equal(index, w.index);
}

/* A check that moves to another service wakes the watchers of both. */
static void check_moves(void **state)
{
    world_register(&w, "n", "a", "c", "critical");
    world_register(&w, "n", "b", NULL, NULL);
    ask_service("a", "n=2 ");
    world_register(&w, "n", "b", "c", "critical");
    assert_int_equal(world_changed(&w, WATCH_SERVICE, "a"), 1);
    assert_int_equal(world_changed(&w, WATCH_SERVICE, "b"), 1);
    assert_int_equal(ask_service("a", "n=0 "), w.index);
    assert_int_equal(ask_service("b", "n=2 "), w.index);
}

/* Without a status a check is critical; unknown statuses count as that. */
static void statuses(void **state)
{
    world_register(&w, "n", "s", "c", NULL);
    ask_state("critical", "n/c=critical ");
    world_register(&w, "n", "s", "c", "odd");
    ask_state("odd", "n/c=odd ");
    ask_service("s", "n=2 ");
}

/* A check that turns critical, or goes, ends the sessions that hang on it. */
static void sessions_end_with_checks(void **state)
{
    static const char id[] = "11111111-2222-3333-4444-555555555501";
    struct session s = {.id = str_z(id), .node = STR_LIT("n")}, got;
    struct buf b, checks;

    world_register(&w, "n", NULL, "serfHealth", "passing");
    buf_init(&checks, 0);
    pack_array(&checks, 1);
    pack_str(&checks, STR_LIT("serfHealth"));
    s.node_checks = buf_str(&checks);
    for (int round = 0; round < 2; round++) {
        buf_init(&b, 0);
        session_encode_create(&s, &b);
        assert_int_equal(world_apply(&w, &b), 0);
        assert_true(session_get(world_view(&w), str_z(id), &got, NULL));
        if (round == 0)
            world_register(&w, "n", NULL, "serfHealth", "critical");
        else
            world_deregister(&w, "n", NULL, "serfHealth");
        assert_int_equal(world_changed(&w, WATCH_SESSION, id), 1);
        assert_false(session_get(world_view(&w), str_z(id), &got, NULL));
        if (round == 0) {
            buf_init(&b, 0);
            session_encode_create(&s, &b);
            assert_int_equal(world_apply(&w, &b), ERR_INVALID);
            assert_string_equal(w.result.text, "Check 'serfHealth' is in critical state");
            world_register(&w, "n", NULL, "serfHealth", "passing");
        }
    }
    assert_int_equal(store_count(world_view(&w)->store, TABLE_SESSION_BY_CHECK), 0);
    assert_int_equal(store_count(w.view.store, TABLE_SESSION_BY_NODE), 0);
    buf_fini(&checks);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, open_world, close_world)
UNIT_MAIN(TEST(join), TEST(instances_of_one_node), TEST(indexes), TEST(check_moves), TEST(statuses),
          TEST(sessions_end_with_checks))
