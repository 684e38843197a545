/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nodes, services, checks, sessions and prepared queries of a Consul snapshot:
 * agent/structs/structs.go and prepared_query.go. */
#include "config.h"

#include "state/consul.h"
#include "state/query.h"
#include "state/row.h"
#include "state/session.h"

/* Every service and check comes with its node once more. */
static void take_node(struct consul_sink *s, const struct consul_record *r, struct str name)
{
    struct catalog_node n = {
        .name = name,
        .id = consul_text(r, "ID"),
        .address = consul_text(r, "Address"),
        .datacenter = consul_text(r, "Datacenter"),
        .tagged_addresses = consul_pairs(r, "TaggedAddresses"),
        .meta = consul_pairs(r, "NodeMeta"),
        .create_index = consul_index(r, "CreateIndex"),
        .modify_index = consul_index(r, "ModifyIndex"),
    };

    if (str_eq(buf_str(&s->last_node), name) && name.n)
        return;
    buf_clear(&s->last_node);
    buf_put_str(&s->last_node, name);
    row_node_key(&s->key, name);
    row_put_node(&s->row, &n);
    consul_put(s, CONSUL_TO_NODE);
}

struct tagged {
    struct str name, address;
    int64_t port;
};

/* A map name -> {Address, Port}, in the order of the names. */
static struct str tagged_addresses(const struct consul_record *r)
{
    struct consul_record e = *r;
    struct str value = consul_field(r, "TaggedAddresses");
    struct unpack u = unpack_make(value);
    struct tagged list[CONSUL_PAIRS_MAX];
    struct buf *out = consul_part(r);
    uint32_t n = value.n ? unpack_map(&u) : 0;

    if (!value.n)
        return STR_NONE;
    if (u.bad || n > CONSUL_PAIRS_MAX) {
        *r->bad = true;
        return STR_NONE;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct tagged t = {.name = unpack_str(&u)};
        uint32_t k = i;

        e.map = consul_value(&u);
        t.address = consul_text(&e, "Address");
        t.port = consul_i64(&e, "Port");
        for (; k > 0 && str_cmp(t.name, list[k - 1].name) < 0; k--)
            list[k] = list[k - 1];
        list[k] = t;
    }
    *r->bad |= u.bad;
    pack_map(out, n);
    for (uint32_t i = 0; i < n; i++) {
        pack_str(out, list[i].name);
        pack_array(out, 2);
        pack_str(out, list[i].address);
        pack_int(out, list[i].port);
    }
    return buf_str(out);
}

static void take_service(struct consul_sink *s, const struct consul_record *r, struct str node)
{
    struct consul_record weights = consul_sub(r, "Weights"), connect = consul_sub(r, "Connect");
    struct catalog_service v = {
        .node = node,
        .id = consul_text(r, "ID"),
        .name = consul_text(r, "Service"),
        .address = consul_text(r, "Address"),
        .kind = consul_text(r, "Kind"),
        .tags = consul_texts(r, "Tags"),
        .meta = consul_pairs(r, "Meta"),
        .tagged_addresses = tagged_addresses(r),
        .port = consul_i64(r, "Port"),
        .weight_passing = weights.map.n ? consul_i64(&weights, "Passing") : 1,
        .weight_warning = weights.map.n ? consul_i64(&weights, "Warning") : 1,
        .enable_tag_override = consul_bool(r, "EnableTagOverride"),
        .create_index = consul_index(r, "CreateIndex"),
        .modify_index = consul_index(r, "ModifyIndex"),
    };

    if (consul_bool(&connect, "Native"))
        v.connect_json = STR_LIT("{\"Native\":true}");
    if (v.kind.n)
        s->left[CONSUL_LEFT_PROXY]++;
    row_service_key(&s->key, node, v.id);
    row_put_service(&s->row, &v);
    consul_put(s, CONSUL_TO_SERVICE);
}

static void take_check(struct consul_sink *s, const struct consul_record *r, struct str node)
{
    struct health_check c = {
        .node = node,
        .check_id = consul_text(r, "CheckID"),
        .name = consul_text(r, "Name"),
        .notes = consul_text(r, "Notes"),
        .output = consul_text(r, "Output"),
        .service_id = consul_text(r, "ServiceID"),
        .service_name = consul_text(r, "ServiceName"),
        .type = consul_text(r, "Type"),
        .status = consul_text(r, "Status"),
        .service_tags = consul_texts(r, "ServiceTags"),
        .definition_json = STR_LIT("{}"),
        .create_index = consul_index(r, "CreateIndex"),
        .modify_index = consul_index(r, "ModifyIndex"),
    };

    row_check_key(&s->key, node, c.check_id);
    row_put_check(&s->row, &c);
    consul_put(s, CONSUL_TO_CHECK);
}

void consul_take_register(struct consul_sink *s, const struct consul_record *r)
{
    struct consul_record service = consul_sub(r, "Service"), check = consul_sub(r, "Check");
    struct str node = consul_text(r, "Node");

    *r->bad |= node.n == 0 || node.n > ROW_NAME_SIZE_MAX;
    if (*r->bad)
        return;
    take_node(s, r, node);
    *r->part_n = 0;
    if (service.map.n)
        take_service(s, &service, node);
    *r->part_n = 0;
    if (check.map.n)
        take_check(s, &check, node);
}

static void put_service_check(struct buf *out, const struct consul_record *e)
{
    pack_array(out, 2);
    pack_str(out, consul_text(e, "ID"));
    pack_str(out, consul_text(e, "Namespace"));
}

void consul_take_session(struct consul_sink *s, const struct consul_record *r)
{
    struct session v = {
        .id = consul_text(r, "ID"),
        .name = consul_text(r, "Name"),
        .node = consul_text(r, "Node"),
        .node_checks = consul_texts(r, "NodeChecks"),
        .service_checks = consul_each(r, "ServiceChecks", put_service_check),
        .checks = consul_texts(r, "Checks"),
        .lock_delay_ns = consul_i64(r, "LockDelay"),
        .delete_keys = str_eq_z(consul_text(r, "Behavior"), "delete"),
        .ttl = consul_text(r, "TTL"),
        .create_index = consul_index(r, "CreateIndex"),
        .modify_index = consul_index(r, "ModifyIndex"),
    };

    buf_put_str(&s->key, v.id);
    session_put_row(&s->row, &v);
    consul_put(s, CONSUL_TO_SESSION);
}

void consul_take_query(struct consul_sink *s, const struct consul_record *r)
{
    struct consul_record template = consul_sub(r, "Template"), service = consul_sub(r, "Service");
    struct consul_record failover = consul_sub(&service, "Failover"), dns = consul_sub(r, "DNS");
    struct query q = {
        .id = consul_text(r, "ID"),
        .name = consul_text(r, "Name"),
        .session = consul_text(r, "Session"),
        .token = consul_text(r, "Token"),
        .template_type = consul_text(&template, "Type"),
        .regexp = consul_text(&template, "Regexp"),
        .remove_empty_tags = consul_bool(&template, "RemoveEmptyTags"),
        .service = consul_text(&service, "Service"),
        .near = consul_text(&service, "Near"),
        .failover_nearest = consul_i64(&failover, "NearestN"),
        .only_passing = consul_bool(&service, "OnlyPassing"),
        .connect = consul_bool(&service, "Connect"),
        .failover_datacenters = consul_texts(&failover, "Datacenters"),
        .ignored_checks = consul_texts(&service, "IgnoreCheckIDs"),
        .tags = consul_texts(&service, "Tags"),
        .node_meta = consul_pairs(&service, "NodeMeta"),
        .service_meta = consul_pairs(&service, "ServiceMeta"),
        .ttl = consul_text(&dns, "TTL"),
        .create_index = consul_index(r, "CreateIndex"),
        .modify_index = consul_index(r, "ModifyIndex"),
    };

    buf_put_str(&s->key, q.id);
    query_put_row(&s->row, &q);
    consul_put(s, CONSUL_TO_QUERY);
}
