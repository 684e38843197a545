/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/own_node.h"

#include "agent/config_value.h"
#include "state/catalog.h"
#include "state/health.h"

/* consul: serfCheckID and its texts */
#define CHECK_ID     "serfHealth"
#define CHECK_NAME   "Serf Health Status"
#define CHECK_OUTPUT "Agent alive and reachable"

struct own_node {
    struct catalog_node node;
    struct catalog_service service;
    struct health_check check;
    char address[ADDR_TEXT_MAX], wan[ADDR_TEXT_MAX];
    struct buf tagged, meta, service_meta, tags;
};

static void put_pair(struct buf *out, const char *name, const char *value)
{
    pack_str(out, str_z(name));
    pack_str(out, str_z(value));
}

void own_node_meta(const struct config *c, struct config_pairs *out)
{
    config_value_pairs_set(out, STR_LIT("consul-network-segment"), STR_NONE);
    for (size_t i = 0; i < c->node_meta.n; i++)
        config_value_pairs_set(out, str_z(c->node_meta.names[i]), str_z(c->node_meta.values[i]));
}

static void pack_meta(const struct config *c, struct buf *out)
{
    struct config_value v = {0};
    own_node_meta(c, &v.pairs);
    pack_map(out, (uint32_t)v.pairs.n);
    for (size_t i = 0; i < v.pairs.n; i++)
        put_pair(out, v.pairs.names[i], v.pairs.values[i]);
    config_value_fini(&v);
}

/* As the recordings show it; clients look for the version here. */
static void pack_service_meta(struct buf *out)
{
    pack_map(out, 7);
    put_pair(out, "non_voter", "false");
    put_pair(out, "raft_version", "3");
    put_pair(out, "read_replica", "false");
    put_pair(out, "serf_protocol_current", "2");
    put_pair(out, "serf_protocol_max", "5");
    put_pair(out, "serf_protocol_min", "1");
    put_pair(out, "version", OWN_NODE_CONSUL_VERSION);
}

static void own_node_init(struct own_node *n, const struct config *c, const char *node_id)
{
    *n = (struct own_node){0};
    addr_format_ip(&c->advertise, n->address);
    addr_format_ip(&c->advertise_wan, n->wan);
    buf_init(&n->tagged, 0);
    buf_init(&n->meta, 0);
    buf_init(&n->service_meta, 0);
    buf_init(&n->tags, 0);
    pack_map(&n->tagged, 4);
    put_pair(&n->tagged, "lan", n->address);
    put_pair(&n->tagged, addr_is_v4(&c->advertise) ? "lan_ipv4" : "lan_ipv6", n->address);
    put_pair(&n->tagged, "wan", n->wan);
    put_pair(&n->tagged, addr_is_v4(&c->advertise_wan) ? "wan_ipv4" : "wan_ipv6", n->wan);
    pack_meta(c, &n->meta);
    pack_service_meta(&n->service_meta);
    pack_array(&n->tags, 0);
    n->node = (struct catalog_node){
        .name = str_z(c->node_name),
        .id = str_z(node_id),
        .address = str_z(n->address),
        .datacenter = str_z(c->datacenter),
        .tagged_addresses = {buf_str(&n->tagged)},
        .meta = {buf_str(&n->meta)},
    };
    n->service = (struct catalog_service){
        .node = n->node.name,
        .id = STR_LIT("consul"),
        .name = STR_LIT("consul"),
        .tags = buf_str(&n->tags),
        .meta = {buf_str(&n->service_meta)},
        .port = c->port_server,
        .weight_passing = 1,
        .weight_warning = 1,
    };
    n->check = (struct health_check){
        .node = n->node.name,
        .check_id = STR_LIT(CHECK_ID),
        .name = STR_LIT(CHECK_NAME),
        .output = STR_LIT(CHECK_OUTPUT),
        .status = STR_LIT("passing"),
        .service_tags = buf_str(&n->tags),
        .definition_json = STR_LIT("{}"),
    };
}

static void own_node_fini(struct own_node *n)
{
    buf_fini(&n->tagged);
    buf_fini(&n->meta);
    buf_fini(&n->service_meta);
    buf_fini(&n->tags);
}

void own_node_encode(const struct config *c, const char *node_id, struct buf *out)
{
    struct own_node n;
    own_node_init(&n, c, node_id);
    struct catalog_register r = {
        .node = n.node,
        .service = &n.service,
        .checks = &n.check,
        .check_n = 1,
    };
    catalog_encode_register(&r, out);
    own_node_fini(&n);
}

void own_node_describe(const struct config *c, const char *node_id, struct arena *arena,
                       struct catalog_node *ret)
{
    struct own_node n;
    own_node_init(&n, c, node_id);
    *ret = n.node;
    struct str *texts[] = {
        &ret->name,       &ret->id, &ret->address, &ret->datacenter, &ret->tagged_addresses.packed,
        &ret->meta.packed};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = str_make(arena_dup(arena, texts[i]->p, texts[i]->n), texts[i]->n);
    own_node_fini(&n);
}

static bool pairs_eq(struct pairs a, struct pairs b)
{
    struct pairs_iter i = pairs_begin(a);
    struct str name, value, other;
    if (pairs_count(a) != pairs_count(b))
        return false;
    while (pairs_next(&i, &name, &value)) {
        if (!pairs_get(b, name, &other) || !str_eq(value, other))
            return false;
    }
    return true;
}

struct check_search {
    const struct health_check *wanted;
    bool found;
};

static bool check_is_same(void *data, const struct health_check *c)
{
    struct check_search *s = data;
    if (!str_eq(c->check_id, s->wanted->check_id))
        return true;
    s->found = str_eq(c->status, s->wanted->status) && str_eq(c->output, s->wanted->output) &&
               str_eq(c->name, s->wanted->name);
    return false;
}

bool own_node_differs(struct view *v, const struct config *c, const char *node_id)
{
    struct own_node n;
    struct catalog_node node;
    struct catalog_service service;
    uint64_t index;
    own_node_init(&n, c, node_id);
    struct check_search search = {&n.check, false};
    health_node_checks(v, n.node.name, check_is_same, &search, &index);
    bool same = search.found && catalog_node_get(v, n.node.name, &node) &&
                str_eq(node.id, n.node.id) && str_eq(node.address, n.node.address) &&
                pairs_eq(node.tagged_addresses, n.node.tagged_addresses) &&
                pairs_eq(node.meta, n.node.meta) &&
                catalog_service_get(v, n.node.name, n.service.id, &service) &&
                service.port == n.service.port && pairs_eq(service.meta, n.service.meta);
    own_node_fini(&n);
    return !same;
}
