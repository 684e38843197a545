/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/own_node.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

#define ID "11111111-2222-3333-4444-555555555555"

static void put(struct world *w, const struct config *c)
{
    struct buf command;
    buf_init(&command, 0);
    own_node_encode(c, ID, &command);
    assert_int_equal(world_apply(w, &command), 0);
}

static struct config *config_of_node1(void)
{
    struct config *c = config_new();
    c->node_name = "node1";
    c->port_server = 8300;
    assert_int_equal(addr_parse(STR_LIT("127.0.0.1"), 0, &c->advertise), 0);
    c->advertise_wan = c->advertise;
    return c;
}

static bool look_at_check(void *data, const struct health_check *c)
{
    assert_str(c->check_id, STR_LIT("serfHealth"));
    assert_str(c->name, STR_LIT("Serf Health Status"));
    assert_str(c->output, STR_LIT("Agent alive and reachable"));
    assert_str(c->status, STR_LIT("passing"));
    *(int *)data += 1;
    return true;
}

/* What is stored is what a real Consul shows of itself. */
static void is_stored_as_recorded(void **state)
{
    struct config *c = config_of_node1();
    struct world w;
    struct catalog_node node;
    struct catalog_service service;
    struct str value;
    uint64_t index;
    int checks = 0;
    world_open(&w);
    assert_true(own_node_differs(world_view(&w), c, ID));
    put(&w, c);
    struct view *v = world_view(&w);
    assert_false(own_node_differs(v, c, ID));
    assert_true(catalog_node_get(v, STR_LIT("node1"), &node));
    assert_str(node.id, STR_LIT(ID));
    assert_str(node.address, STR_LIT("127.0.0.1"));
    assert_int_equal(pairs_count(node.tagged_addresses), 4);
    assert_true(pairs_get(node.tagged_addresses, STR_LIT("wan_ipv4"), &value));
    assert_true(pairs_get(node.meta, STR_LIT("consul-network-segment"), &value));
    assert_true(catalog_service_get(v, STR_LIT("node1"), STR_LIT("consul"), &service));
    assert_int_equal(service.port, 8300);
    assert_int_equal(pairs_count(service.meta), 7);
    assert_true(pairs_get(service.meta, STR_LIT("version"), &value));
    assert_str(value, STR_LIT("1.9.8"));
    health_node_checks(v, STR_LIT("node1"), look_at_check, &checks, &index);
    assert_int_equal(checks, 1);
    world_close(&w);
    config_free(c);
}

/* Each thing that may change, or that somebody may take away, is noticed. */
static void differences_are_noticed(void **state)
{
    struct config *c = config_of_node1();
    char *names[] = {"rack"}, *values[] = {"9"};
    struct world w;
    world_open(&w);
    put(&w, c);
    assert_true(own_node_differs(world_view(&w), c, "99999999-2222-3333-4444-555555555555"));
    c->port_server = 8399;
    assert_true(own_node_differs(world_view(&w), c, ID));
    c->port_server = 8300;
    c->node_meta = (struct config_pairs){names, values, 1};
    assert_true(own_node_differs(world_view(&w), c, ID));
    c->node_meta.n = 0;
    assert_int_equal(addr_parse(STR_LIT("127.0.0.2"), 0, &c->advertise_wan), 0);
    assert_true(own_node_differs(world_view(&w), c, ID));
    c->advertise_wan = c->advertise;
    assert_false(own_node_differs(world_view(&w), c, ID));
    assert_int_equal(world_deregister(&w, "node1", NULL, "serfHealth"), 0);
    assert_true(own_node_differs(world_view(&w), c, ID));
    put(&w, c);
    assert_false(own_node_differs(world_view(&w), c, ID));
    assert_int_equal(world_deregister(&w, "node1", "consul", NULL), 0);
    assert_true(own_node_differs(world_view(&w), c, ID));
    world_close(&w);
    config_free(c);
}

UNIT_MAIN(UNIT(is_stored_as_recorded), UNIT(differences_are_noticed))
