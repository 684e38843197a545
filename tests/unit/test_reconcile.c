/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/reconcile.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

#define ID1 "11111111-2222-3333-4444-555555555555"
#define ID2 "22222222-2222-3333-4444-555555555555"

static const struct reconcile_self self = {{"node1", 5}, {"dc1", 3}};

static struct pair pair(const char *name, const char *value)
{
    return (struct pair){str_z(name), str_z(value)};
}

static struct member member(const char *name, const char *ip, const struct pair *tags, size_t n,
                            enum member_status status)
{
    struct member m = {.name = str_z(name), .status = status, .vsn = {1, 5, 2, 2, 5, 4}};
    m.tags = tags;
    m.tag_n = n;
    assert_int_equal(addr_parse(str_z(ip), 8301, &m.addr), 0);
    member_read_tags(&m);
    return m;
}

static struct member server(const char *name, const char *id, const char *ip,
                            enum member_status status)
{
    static struct pair tags[8];
    tags[0] = pair("role", "consul");
    tags[1] = pair("dc", "dc1");
    tags[2] = pair("id", id);
    tags[3] = pair("port", "8300");
    tags[4] = pair("vsn", "2");
    tags[5] = pair("build", "1.9.8:disco");
    tags[6] = pair("raft_vsn", "3");
    return member(name, ip, tags, 7, status);
}

static struct member client(const char *name, const char *id, const char *dc, const char *ip,
                            enum member_status status)
{
    static struct pair tags[4];
    tags[0] = pair("role", "node");
    tags[1] = pair("dc", dc);
    tags[2] = pair("id", id);
    tags[3] = pair("build", "1.9.8:");
    return member(name, ip, tags, 4, status);
}

/* One step: what is done, applied. */
static enum reconcile_act step(struct world *w, const struct member *m)
{
    struct buf command;
    buf_init(&command, 0);
    enum reconcile_act act = reconcile_member(world_view(w), &self, m, &command);
    if (act)
        assert_int_equal(world_apply(w, &command), 0);
    else
        buf_fini(&command);
    return act;
}

static bool note_status(void *data, const struct health_check *c)
{
    assert_str(c->check_id, STR_LIT(RECONCILE_CHECK_ID));
    *(char *)data = c->status.p[0];
    return true;
}

/* 'p', 'c', or '-' without a check. */
static char status_of(struct world *w, const char *node)
{
    uint64_t index;
    char status = '-';
    health_node_checks(world_view(w), str_z(node), note_status, &status, &index);
    return status;
}

/* A client joins, fails, comes back, leaves; each step once. */
static void client_comes_and_goes(void **state)
{
    struct world w;
    struct catalog_node node;
    struct catalog_service service;
    world_open(&w);
    struct member m = client("node4", ID1, "dc1", "10.0.0.4", MEMBER_ALIVE);
    assert_int_equal(step(&w, &m), RECONCILE_JOINED);
    assert_int_equal(step(&w, &m), RECONCILE_NOTHING);
    assert_int_equal(status_of(&w, "node4"), 'p');
    assert_true(catalog_node_get(world_view(&w), STR_LIT("node4"), &node));
    assert_str(node.id, STR_LIT(ID1));
    assert_str(node.address, STR_LIT("10.0.0.4"));
    assert_int_equal(pairs_count(node.tagged_addresses), 0); /* it tells them itself */
    assert_false(
        catalog_service_get(world_view(&w), STR_LIT("node4"), STR_LIT("consul"), &service));
    m.status = MEMBER_LEAVING;
    assert_int_equal(step(&w, &m), RECONCILE_NOTHING);
    m.status = MEMBER_FAILED;
    assert_int_equal(step(&w, &m), RECONCILE_FAILED);
    assert_int_equal(step(&w, &m), RECONCILE_NOTHING);
    assert_int_equal(status_of(&w, "node4"), 'c');
    m.status = MEMBER_ALIVE;
    assert_int_equal(step(&w, &m), RECONCILE_JOINED);
    assert_int_equal(status_of(&w, "node4"), 'p');
    m.status = MEMBER_LEFT;
    assert_int_equal(step(&w, &m), RECONCILE_LEFT);
    assert_int_equal(step(&w, &m), RECONCILE_NOTHING);
    assert_false(catalog_node_get(world_view(&w), STR_LIT("node4"), &node));
    m.status = MEMBER_FAILED; /* a failed node that is not in the catalog is not put there */
    assert_int_equal(step(&w, &m), RECONCILE_NOTHING);
    world_close(&w);
}

/* A server has its service, with what clients look for in its meta; itself it never removes. */
static void server_has_its_service(void **state)
{
    struct world w;
    struct catalog_service service;
    struct str value;
    world_open(&w);
    struct member m = server("node1", ID1, "10.0.0.1", MEMBER_ALIVE);
    assert_int_equal(step(&w, &m), RECONCILE_JOINED);
    assert_int_equal(step(&w, &m), RECONCILE_NOTHING);
    assert_true(catalog_service_get(world_view(&w), STR_LIT("node1"), STR_LIT("consul"), &service));
    assert_int_equal(service.port, 8300);
    assert_int_equal(pairs_count(service.meta), 7);
    assert_true(pairs_get(service.meta, STR_LIT("serf_protocol_max"), &value));
    assert_str(value, STR_LIT("5"));
    assert_true(pairs_get(service.meta, STR_LIT("version"), &value));
    assert_str(value, STR_LIT("1.9.8"));
    m.status = MEMBER_LEFT;
    assert_int_equal(step(&w, &m), RECONCILE_NOTHING);
    m.status = MEMBER_FAILED;
    assert_int_equal(step(&w, &m), RECONCILE_NOTHING);
    world_close(&w);
}

/* A new address, a new machine under an old name, and members that are not this datacenter's. */
static void conflicts(void **state)
{
    struct world w;
    struct catalog_node node;
    struct str value;
    world_open(&w);
    struct member m = client("node4", ID1, "dc1", "10.0.0.4", MEMBER_ALIVE);
    assert_int_equal(step(&w, &m), RECONCILE_JOINED);
    m = client("node4", ID1, "dc1", "10.0.0.5", MEMBER_ALIVE);
    assert_int_equal(step(&w, &m), RECONCILE_JOINED);
    assert_true(catalog_node_get(world_view(&w), STR_LIT("node4"), &node));
    assert_str(node.address, STR_LIT("10.0.0.5"));
    assert_true(pairs_get(node.tagged_addresses, STR_LIT("lan"), &value));
    assert_str(value, STR_LIT("10.0.0.5"));
    m = client("node4", ID2, "dc1", "10.0.0.6", MEMBER_ALIVE);
    assert_int_equal(step(&w, &m), RECONCILE_FAILED); /* the old machine is declared dead first */
    assert_int_equal(step(&w, &m), RECONCILE_JOINED);
    assert_int_equal(step(&w, &m), RECONCILE_NOTHING);
    assert_true(catalog_node_get(world_view(&w), STR_LIT("node4"), &node));
    assert_str(node.id, STR_LIT(ID2));
    m = client("node9", ID1, "dc2", "10.0.0.9", MEMBER_ALIVE);
    assert_int_equal(step(&w, &m), RECONCILE_NOTHING);
    struct pair other[] = {pair("role", "web"), pair("dc", "dc1")};
    m = member("serf", "10.0.0.9", other, 2, MEMBER_ALIVE);
    assert_int_equal(step(&w, &m), RECONCILE_NOTHING);
    world_close(&w);
}

static void count_known(void *data, struct str node)
{
    *(int *)data += str_eq_z(node, "node4") ? 1 : 100;
}

/* Nodes of the catalog that gossip forgot go; external nodes, which it never knew, stay. */
static void forgotten_nodes_go(void **state)
{
    struct world w;
    struct catalog_node node;
    struct buf command;
    int known = 0;
    world_open(&w);
    struct member m = client("node4", ID1, "dc1", "10.0.0.4", MEMBER_ALIVE);
    assert_int_equal(step(&w, &m), RECONCILE_JOINED);
    assert_int_equal(world_register(&w, "google", "search", NULL, NULL), 0);
    reconcile_each_known(world_view(&w), count_known, &known);
    assert_int_equal(known, 1);
    buf_init(&command, 0);
    assert_int_equal(reconcile_reaped(world_view(&w), &self, STR_LIT("google"), &command),
                     RECONCILE_NOTHING);
    assert_int_equal(reconcile_reaped(world_view(&w), &self, STR_LIT("node4"), &command),
                     RECONCILE_REAPED);
    assert_int_equal(world_apply(&w, &command), 0);
    assert_false(catalog_node_get(world_view(&w), STR_LIT("node4"), &node));
    assert_true(catalog_node_get(world_view(&w), STR_LIT("google"), &node));
    world_close(&w);
}

UNIT_MAIN(UNIT(client_comes_and_goes), UNIT(server_has_its_service), UNIT(conflicts),
          UNIT(forgotten_nodes_go))
