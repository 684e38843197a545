/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows as Consul's structs print: order and absence of members as in agent/structs/structs.go. */
#include "config.h"

#include "api/api_catalog.h"
#include "state/wan.h"

/* c: NULL for the mount's document, which is this datacenter's. */
static bool is_seen_from_afar(const struct api_call *c)
{
    struct str dc = c ? c->request.translating : STR_NONE;

    return dc.n && !str_eq_z(dc, c->env->config->datacenter);
}

const struct catalog_node *api_catalog_seen_node(const struct api_call *c,
                                                 const struct catalog_node *n,
                                                 struct catalog_node *copy)
{
    if (!is_seen_from_afar(c))
        return n;
    *copy = *n;
    wan_node(copy);
    return copy;
}

const struct catalog_service *api_catalog_seen_service(const struct api_call *c,
                                                       const struct catalog_service *s,
                                                       struct catalog_service *copy)
{
    if (!is_seen_from_afar(c))
        return s;
    *copy = *s;
    wan_service(copy);
    return copy;
}

static void put_text(struct jwrite *w, const char *name, struct str value)
{
    jwrite_name(w, name);
    jwrite_str(w, value);
}

void api_catalog_put_pairs(struct jwrite *w, const char *name, struct pairs p)
{
    struct pairs_iter i = pairs_begin(p);
    struct str key, value;

    jwrite_name(w, name);
    if (!p.packed.p) {
        jwrite_null(w);
        return;
    }
    jwrite_object(w);
    while (pairs_next(&i, &key, &value)) {
        jwrite_name_str(w, key);
        jwrite_str(w, value);
    }
    jwrite_close(w);
}

static void put_indexes(struct jwrite *w, uint64_t create_index, uint64_t modify_index)
{
    jwrite_name(w, "CreateIndex");
    jwrite_u64(w, create_index);
    jwrite_name(w, "ModifyIndex");
    jwrite_u64(w, modify_index);
}

void api_catalog_put_texts(struct jwrite *w, struct str packed)
{
    struct unpack u = unpack_make(packed);

    jwrite_array(w);
    for (uint32_t left = packed.n ? unpack_array(&u) : 0; left > 0 && !u.bad; left--)
        jwrite_str(w, unpack_str(&u));
    jwrite_close(w);
}

/* Left out when there are none, as Go's omitempty does. */
static void put_tagged(struct jwrite *w, const char *name, struct str packed)
{
    struct unpack u = unpack_make(packed);
    uint32_t left = packed.n ? unpack_map(&u) : 0;
    struct str key, address;
    int64_t port;

    if (left == 0)
        return;
    jwrite_name(w, name);
    jwrite_object(w);
    while (catalog_tagged_next(&u, &left, &key, &address, &port)) {
        jwrite_name_str(w, key);
        jwrite_object(w);
        put_text(w, "Address", address);
        jwrite_name(w, "Port");
        jwrite_i64(w, port);
        jwrite_close(w);
    }
    jwrite_close(w);
}

static void put_weights(struct jwrite *w, const char *name, const struct catalog_service *s)
{
    jwrite_name(w, name);
    jwrite_object(w);
    jwrite_name(w, "Passing");
    jwrite_i64(w, s->weight_passing);
    jwrite_name(w, "Warning");
    jwrite_i64(w, s->weight_warning);
    jwrite_close(w);
}

static void put_raw(struct jwrite *w, const char *name, struct str json, const char *otherwise)
{
    jwrite_name(w, name);
    jwrite_raw(w, json.n ? json : str_z(otherwise));
}

#define NO_PROXY "{\"MeshGateway\":{},\"Expose\":{}}"

/* The members that both forms of a node share. */
static void put_node_members(struct jwrite *w, const struct catalog_node *n, const char *meta)
{
    put_text(w, "ID", n->id);
    put_text(w, "Node", n->name);
    put_text(w, "Address", n->address);
    put_text(w, "Datacenter", n->datacenter);
    api_catalog_put_pairs(w, "TaggedAddresses", n->tagged_addresses);
    api_catalog_put_pairs(w, meta, n->meta);
}

void api_catalog_put_node(struct jwrite *w, const struct catalog_node *n)
{
    jwrite_object(w);
    put_node_members(w, n, "Meta");
    put_indexes(w, n->create_index, n->modify_index);
    jwrite_close(w);
}

static void put_tags(struct jwrite *w, const char *name, struct str packed, bool bare)
{
    jwrite_name(w, name);
    if (bare && !packed.p)
        jwrite_null(w);
    else
        api_catalog_put_texts(w, packed);
}

static void put_service(struct jwrite *w, const struct catalog_service *s, bool bare)
{
    jwrite_object(w);
    if (s->kind.n)
        put_text(w, "Kind", s->kind);
    put_text(w, "ID", s->id);
    put_text(w, "Service", s->name);
    put_tags(w, "Tags", s->tags, bare);
    put_text(w, "Address", s->address);
    put_tagged(w, "TaggedAddresses", s->tagged_addresses);
    api_catalog_put_pairs(w, "Meta", s->meta);
    jwrite_name(w, "Port");
    jwrite_i64(w, s->port);
    put_weights(w, "Weights", s);
    jwrite_name(w, "EnableTagOverride");
    jwrite_bool(w, s->enable_tag_override);
    put_raw(w, "Proxy", s->proxy_json, NO_PROXY);
    put_raw(w, "Connect", s->connect_json, "{}");
    put_indexes(w, s->create_index, s->modify_index);
    jwrite_close(w);
}

void api_catalog_put_instance(struct jwrite *w, const struct catalog_node *n,
                              const struct catalog_service *s)
{
    static const struct pairs empty = {{"\x80", 1}}; /* here, unlike above, {} and not null */

    jwrite_object(w);
    put_node_members(w, n, "NodeMeta");
    put_text(w, "ServiceKind", s->kind);
    put_text(w, "ServiceID", s->id);
    put_text(w, "ServiceName", s->name);
    jwrite_name(w, "ServiceTags");
    api_catalog_put_texts(w, s->tags);
    put_text(w, "ServiceAddress", s->address);
    put_tagged(w, "ServiceTaggedAddresses", s->tagged_addresses);
    put_weights(w, "ServiceWeights", s);
    api_catalog_put_pairs(w, "ServiceMeta", s->meta.packed.p ? s->meta : empty);
    jwrite_name(w, "ServicePort");
    jwrite_i64(w, s->port);
    jwrite_name(w, "ServiceEnableTagOverride");
    jwrite_bool(w, s->enable_tag_override);
    put_raw(w, "ServiceProxy", s->proxy_json, NO_PROXY);
    put_raw(w, "ServiceConnect", s->connect_json, "{}");
    put_indexes(w, s->create_index, s->modify_index);
    jwrite_close(w);
}

static void put_check(struct jwrite *w, const struct health_check *check, bool bare)
{
    jwrite_object(w);
    put_text(w, "Node", check->node);
    put_text(w, "CheckID", check->check_id);
    put_text(w, "Name", check->name);
    put_text(w, "Status", check->status);
    put_text(w, "Notes", check->notes);
    put_text(w, "Output", check->output);
    put_text(w, "ServiceID", check->service_id);
    put_text(w, "ServiceName", check->service_name);
    put_tags(w, "ServiceTags", check->service_tags, bare);
    put_text(w, "Type", check->type);
    put_raw(w, "Definition", check->definition_json, "{}");
    put_indexes(w, check->create_index, check->modify_index);
    jwrite_close(w);
}

void api_catalog_put_service(struct jwrite *w, const struct catalog_service *s)
{
    put_service(w, s, false);
}

void api_catalog_put_bare_service(struct jwrite *w, const struct catalog_service *s)
{
    put_service(w, s, true);
}

void api_catalog_put_check(struct jwrite *w, const struct health_check *check)
{
    put_check(w, check, false);
}

void api_catalog_put_bare_check(struct jwrite *w, const struct health_check *check)
{
    put_check(w, check, true);
}
