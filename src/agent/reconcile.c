/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/reconcile.h"

#include <stdio.h>

#include "agent/own_node.h"
#include "state/catalog.h"
#include "state/health.h"

#define CHECK_NAME "Serf Health Status"

/* A register command under construction. */
struct wanted {
    struct catalog_node node;
    struct catalog_service service;
    struct health_check check;
    char address[ADDR_TEXT_MAX];
    struct buf tagged, meta, service_meta, no_tags;
};

static void put_pair(struct buf *out, const char *name, const char *value)
{
    pack_str(out, str_z(name));
    pack_str(out, str_z(value));
}

bool reconcile_is_ours(const struct reconcile_self *self, const struct member *m)
{
    if (m->role == MEMBER_OTHER || !str_eq(m->dc, self->datacenter))
        return false;
    return m->role == MEMBER_CLIENT || m->segment.n == 0;
}

void reconcile_pack_server_meta(const struct member *m, struct buf *out)
{
    char number[24];
    const char *replica = m->read_replica ? "true" : "false";
    const char *names[] = {"serf_protocol_current", "serf_protocol_max", "serf_protocol_min"};
    const uint8_t numbers[] = {m->vsn[2], m->vsn[1], m->vsn[0]};
    pack_map(out, 7);
    put_pair(out, "non_voter", replica);
    snprintf(number, sizeof number, "%lld", (long long)m->raft_vsn);
    put_pair(out, "raft_version", number);
    put_pair(out, "read_replica", replica);
    for (int i = 0; i < 3; i++) {
        snprintf(number, sizeof number, "%u", numbers[i]);
        put_pair(out, names[i], number);
    }
    /* disco's own version says nothing to clients that look for Consul's */
    bool is_disco = str_has_suffix(member_tag(m, "build"), STR_LIT(":disco"));
    put_pair(out, "version", is_disco ? OWN_NODE_CONSUL_VERSION : m->version);
}

/* ---- what is there ---- */

struct search {
    struct health_check check; /* borrows from the view */
    bool found;
};

static bool find_serf_health(void *data, const struct health_check *c)
{
    struct search *s = data;
    if (!str_eq_z(c->check_id, RECONCILE_CHECK_ID))
        return true;
    s->check = *c;
    s->found = true;
    return false;
}

static bool serf_health(struct view *v, struct str node, struct health_check *ret)
{
    struct search s = {.found = false};
    uint64_t index;
    health_node_checks(v, node, find_serf_health, &s, &index);
    *ret = s.check;
    return s.found;
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

/* ---- what should be there ---- */

static void wanted_init(struct wanted *w, const struct reconcile_self *self, const struct member *m)
{
    *w = (struct wanted){0};
    addr_format_ip(&m->addr, w->address);
    buf_init(&w->tagged, 0);
    buf_init(&w->meta, 0);
    buf_init(&w->service_meta, 0);
    buf_init(&w->no_tags, 0);
    pack_array(&w->no_tags, 0);
    w->node = (struct catalog_node){
        .name = m->name, .id = m->id, .address = str_z(w->address), .datacenter = self->datacenter};
    if (m->role == MEMBER_SERVER)
        reconcile_pack_server_meta(m, &w->service_meta);
    w->service = (struct catalog_service){
        .node = m->name,
        .id = STR_LIT("consul"),
        .name = STR_LIT("consul"),
        .tags = buf_str(&w->no_tags),
        .meta = {buf_str(&w->service_meta)},
        .port = m->role == MEMBER_SERVER ? addr_port(&m->rpc) : 0,
        .weight_passing = 1,
        .weight_warning = 1,
    };
    w->check = (struct health_check){
        .node = m->name,
        .check_id = STR_LIT(RECONCILE_CHECK_ID),
        .name = STR_LIT(CHECK_NAME),
        .status = STR_LIT("passing"),
        .output = STR_LIT("Agent alive and reachable"),
        .service_tags = buf_str(&w->no_tags),
        .definition_json = STR_LIT("{}"),
    };
}

static void wanted_fini(struct wanted *w)
{
    buf_fini(&w->tagged);
    buf_fini(&w->meta);
    buf_fini(&w->service_meta);
    buf_fini(&w->no_tags);
}

/* The node itself tells its tagged addresses and meta when it has synced. Until then a server's
 * follow from its address; a new client is there without, as in consul, and syncs in a second. */
static void take_over(struct wanted *w, const struct member *m, const struct catalog_node *old)
{
    bool v4 = addr_is_v4(&m->addr);
    if (old && str_eq(old->address, w->node.address) && pairs_count(old->tagged_addresses)) {
        w->node.tagged_addresses = old->tagged_addresses;
    } else if (old || m->role == MEMBER_SERVER) {
        pack_map(&w->tagged, 4);
        put_pair(&w->tagged, "lan", w->address);
        put_pair(&w->tagged, v4 ? "lan_ipv4" : "lan_ipv6", w->address);
        put_pair(&w->tagged, "wan", w->address);
        put_pair(&w->tagged, v4 ? "wan_ipv4" : "wan_ipv6", w->address);
        w->node.tagged_addresses.packed = buf_str(&w->tagged);
    }
    if (old && pairs_count(old->meta)) {
        w->node.meta = old->meta;
    } else if (old || m->role == MEMBER_SERVER) {
        pack_map(&w->meta, 1);
        put_pair(&w->meta, "consul-network-segment", "");
        w->node.meta.packed = buf_str(&w->meta);
    }
}

static void encode_check(const struct wanted *w, struct buf *command)
{
    struct catalog_register r = {
        .node = w->node, .skip_node_update = true, .checks = &w->check, .check_n = 1};
    catalog_encode_register(&r, command);
}

/* ---- the steps ---- */

static bool service_is_same(struct view *v, const struct wanted *w)
{
    struct catalog_service s;
    return catalog_service_get(v, w->node.name, w->service.id, &s) && s.port == w->service.port &&
           pairs_eq(s.meta, w->service.meta);
}

static enum reconcile_act alive(struct view *v, const struct reconcile_self *self,
                                const struct member *m, struct buf *command)
{
    struct wanted w;
    struct catalog_node node;
    struct health_check check;
    bool is_server = m->role == MEMBER_SERVER;
    wanted_init(&w, self, m);
    bool known = catalog_node_get(v, m->name, &node);
    bool passes = serf_health(v, m->name, &check) && str_eq(check.status, w.check.status);
    enum reconcile_act act = RECONCILE_JOINED;
    if (known && passes && str_eq(node.address, w.node.address) &&
        (m->id.n == 0 || str_eq_nocase(node.id, m->id)) && (!is_server || service_is_same(v, &w))) {
        act = RECONCILE_NOTHING;
    } else if (known && passes && m->id.n && node.id.n && !str_eq_nocase(node.id, m->id)) {
        /* Another machine took the name before the old one was found dead. Gossip knows one member
         * of a name, so the old one is gone; the state gives its name away once it is critical. */
        w.node.id = node.id;
        w.check.status = STR_LIT("critical");
        w.check.output = STR_LIT("Agent not live or unreachable");
        encode_check(&w, command);
        act = RECONCILE_FAILED;
    } else {
        take_over(&w, m, known ? &node : NULL);
        struct catalog_register r = {.node = w.node,
                                     .service = is_server ? &w.service : NULL,
                                     .checks = &w.check,
                                     .check_n = 1};
        catalog_encode_register(&r, command);
    }
    wanted_fini(&w);
    return act;
}

static enum reconcile_act failed(struct view *v, const struct reconcile_self *self,
                                 const struct member *m, struct buf *command)
{
    struct catalog_node node;
    struct health_check check;
    if (!catalog_node_get(v, m->name, &node) ||
        (serf_health(v, m->name, &check) && str_eq_z(check.status, "critical")))
        return RECONCILE_NOTHING;
    struct wanted w;
    wanted_init(&w, self, m);
    w.node = node;
    w.check.status = STR_LIT("critical");
    w.check.output = STR_LIT("Agent not live or unreachable");
    encode_check(&w, command);
    wanted_fini(&w);
    return RECONCILE_FAILED;
}

static bool deregister(struct view *v, const struct reconcile_self *self, struct str name,
                       struct buf *command)
{
    struct catalog_node node;
    if (str_eq_nocase(name, self->node) || !catalog_node_get(v, name, &node))
        return false;
    catalog_encode_deregister(name, STR_NONE, STR_NONE, command);
    return true;
}

enum reconcile_act reconcile_member(struct view *v, const struct reconcile_self *self,
                                    const struct member *m, struct buf *command)
{
    if (!reconcile_is_ours(self, m))
        return RECONCILE_NOTHING;
    switch (m->status) {
    case MEMBER_ALIVE:
        return alive(v, self, m, command);
    case MEMBER_FAILED:
        return str_eq_nocase(m->name, self->node) ? RECONCILE_NOTHING : failed(v, self, m, command);
    case MEMBER_LEFT:
        return deregister(v, self, m->name, command) ? RECONCILE_LEFT : RECONCILE_NOTHING;
    case MEMBER_REAPED:
        return deregister(v, self, m->name, command) ? RECONCILE_REAPED : RECONCILE_NOTHING;
    case MEMBER_NONE:
    case MEMBER_LEAVING:
        break;
    }
    return RECONCILE_NOTHING;
}

enum reconcile_act reconcile_reaped(struct view *v, const struct reconcile_self *self,
                                    struct str node, struct buf *command)
{
    struct health_check check;
    if (!serf_health(v, node, &check) || !deregister(v, self, node, command))
        return RECONCILE_NOTHING;
    return RECONCILE_REAPED;
}

struct known {
    struct view *v;
    void (*each)(void *data, struct str node);
    void *data;
};

static bool on_node(void *data, const struct catalog_node *n)
{
    struct known *k = data;
    struct health_check check;
    if (serf_health(k->v, n->name, &check))
        k->each(k->data, n->name);
    return true;
}

void reconcile_each_known(struct view *v, void (*each)(void *data, struct str node), void *data)
{
    struct known k = {v, each, data};
    uint64_t index;
    catalog_nodes(v, on_node, &k, &index);
}
