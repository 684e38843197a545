/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PUT /v1/catalog/register and deregister. Members that Consul does not know
 * are refused as there; the texts of the errors are Consul's, but for those
 * that come out of Go's JSON decoder, of which the beginning is kept.
 *
 * consul: agent/catalog_endpoint.go, agent/consul/catalog_endpoint.go
 */
#include "config.h"

#include "api/api_body.h"
#include "api/api_catalog.h"
#include "base/encode.h"

#define CHECKS_MAX 1024

/* A value of any kind back into JSON, as Go would print it again. */
static void put_json(struct jwrite *w, const struct jvalue *v)
{
    const struct jvalue *value;
    struct str text = STR_NONE;
    size_t pos = 0;
    int64_t i;
    double d = 0;
    bool b = false;

    switch (jread_type(v)) {
    case JREAD_NULL:
        jwrite_null(w);
        return;
    case JREAD_BOOL:
        if (jread_bool(v, &b) == 0)
            jwrite_bool(w, b);
        return;
    case JREAD_NUMBER:
        if (jread_i64(v, &i) == 0)
            jwrite_i64(w, i);
        else if (jread_double(v, &d) == 0)
            jwrite_double(w, d);
        return;
    case JREAD_STRING:
        if (jread_str(v, &text) == 0)
            jwrite_str(w, text);
        return;
    case JREAD_ARRAY:
        jwrite_array(w);
        for (size_t n = 0; n < jread_count(v); n++)
            put_json(w, jread_at(v, n));
        jwrite_close(w);
        return;
    case JREAD_OBJECT:
        jwrite_object(w);
        while (jread_next(v, &pos, &text, &value)) {
            jwrite_name_str(w, text);
            put_json(w, value);
        }
        jwrite_close(w);
        return;
    }
}

#define JSON_DEPTH_MAX 16

static bool is_too_deep(const struct jvalue *v, int depth)
{
    const struct jvalue *value;
    struct str name;
    size_t pos = 0;

    if (depth > JSON_DEPTH_MAX)
        return true;
    if (jread_type(v) == JREAD_OBJECT)
        while (jread_next(v, &pos, &name, &value))
            if (is_too_deep(value, depth + 1))
                return true;
    if (jread_type(v) == JREAD_ARRAY)
        for (size_t i = 0; i < jread_count(v); i++)
            if (is_too_deep(jread_at(v, i), depth + 1))
                return true;
    return false;
}

/* Proxy and Connect are kept as the JSON that came; `base` stands before what is given. */
static bool take_json(struct api_call *c, const struct jvalue *object, const char *name,
                      struct str *ret)
{
    const struct jvalue *v = jread_get(object, name);
    struct jwrite w;
    struct buf out;

    if (jread_type(v) == JREAD_NULL)
        return true;
    if (jread_type(v) != JREAD_OBJECT || is_too_deep(v, 0))
        return api_body_wrong_type(c, name, "struct");
    buf_init(&out, 0);
    jwrite_init(&w, &out, false);
    put_json(&w, v);
    jwrite_end(&w);
    *ret = api_body_keep(c, &out);
    return true;
}

/* ---- service ---- */

static bool take_weights(struct api_call *c, const struct jvalue *object, struct catalog_service *s)
{
    const struct jvalue *v = jread_get(object, "Weights");

    s->weight_passing = s->weight_warning = 1;
    if (jread_type(v) == JREAD_NULL)
        return true;
    if (jread_type(v) != JREAD_OBJECT)
        return api_body_wrong_type(c, "Weights", "structs.Weights");
    s->weight_passing = s->weight_warning = 0;
    return api_body_i64(c, v, "Passing", &s->weight_passing) &&
           api_body_i64(c, v, "Warning", &s->weight_warning);
}

/* The value of one tagged address, as packed behind its name. */
static bool take_tagged_value(struct api_call *c, const struct jvalue *v, struct str *ret)
{
    struct str address = STR_LIT("");
    int64_t port = 0;
    struct buf packed;

    if (!api_body_is_object_or_null(v))
        return api_body_wrong_type(c, "TaggedAddresses", "structs.ServiceAddress");
    if (!api_body_str(c, v, "Address", &address) || !api_body_i64(c, v, "Port", &port))
        return false;
    buf_init(&packed, 0);
    pack_array(&packed, 2);
    pack_str(&packed, address);
    pack_int(&packed, port);
    *ret = api_body_keep(c, &packed);
    return true;
}

static bool take_tagged(struct api_call *c, const struct jvalue *object, struct str *ret)
{
    const struct jvalue *map = jread_get(object, "TaggedAddresses"), *value;
    struct pairs sorted = {0};
    size_t n = jread_count(map), i = 0, pos = 0;
    struct str name, packed;
    struct buf out;

    if (jread_type(map) == JREAD_NULL)
        return true;
    if (jread_type(map) != JREAD_OBJECT || n > API_BODY_PAIRS_MAX)
        return api_body_wrong_type(c, "TaggedAddresses", "map[string]structs.ServiceAddress");
    struct pair *list = arena_alloc(&c->arena, (n + 1) * sizeof *list);
    for (; jread_next(map, &pos, &name, &value); i++) {
        list[i].name = name;
        if (!take_tagged_value(c, value, &list[i].value))
            return false;
    }
    buf_init(&out, 0);
    pairs_pack(list, i, &out); /* sorts; the values are packed already */
    sorted.packed = api_body_keep(c, &out);
    buf_init(&out, 0);
    pack_map(&out, pairs_count(sorted));
    for (struct pairs_iter k = pairs_begin(sorted); pairs_next(&k, &name, &packed);) {
        pack_str(&out, name);
        buf_put_str(&out, packed);
    }
    *ret = api_body_keep(c, &out);
    return true;
}

static bool is_any_address(struct str address)
{
    struct addr a;

    return addr_parse(address, 0, &a) == 0 && addr_is_any(&a);
}

bool api_catalog_take_service(struct api_call *c, const struct jvalue *v, struct catalog_service *s)
{
    static const char *const names[] = {
        "Kind",        "ID",          "Service", "Tags",
        "Address",     "Meta",        "Port",    "TaggedAddresses",
        "Weights",     "Proxy",       "Connect", "EnableTagOverride",
        "CreateIndex", "ModifyIndex", NULL};

    if (jread_type(v) != JREAD_OBJECT)
        return api_body_wrong_type(c, "Service", "structs.NodeService");
    if (!api_body_known(c, v, names) || !api_body_str(c, v, "Kind", &s->kind) ||
        !api_body_str(c, v, "ID", &s->id) || !api_body_str(c, v, "Service", &s->name) ||
        !api_body_texts(c, v, "Tags", &s->tags) || !api_body_str(c, v, "Address", &s->address) ||
        !api_body_pairs(c, v, "Meta", &s->meta) || !api_body_i64(c, v, "Port", &s->port) ||
        !take_tagged(c, v, &s->tagged_addresses) || !take_weights(c, v, s) ||
        !take_json(c, v, "Proxy", &s->proxy_json) ||
        !take_json(c, v, "Connect", &s->connect_json) ||
        !api_body_bool(c, v, "EnableTagOverride", &s->enable_tag_override))
        return false;
    if (s->id.n == 0)
        s->id = s->name;
    return true;
}

/* ---- register ---- */

static bool take_checks(struct api_call *c, const struct jvalue *root, struct catalog_register *r)
{
    const struct jvalue *one = jread_get(root, "Check"), *list = jread_get(root, "Checks");
    size_t n = jread_count(list);
    bool has_one = jread_type(one) != JREAD_NULL;

    if ((jread_type(list) != JREAD_NULL && jread_type(list) != JREAD_ARRAY) || n > CHECKS_MAX)
        return api_body_wrong_type(c, "Checks", "structs.HealthChecks");
    struct health_check *checks = arena_alloc(&c->arena, (n + 1) * sizeof *checks);
    for (size_t i = 0; i < n + has_one; i++) {
        checks[i] = (struct health_check){0};
        if (!api_catalog_take_check(c, i < n ? jread_at(list, i) : one, &checks[i]))
            return false;
        if (checks[i].node.n == 0)
            checks[i].node = r->node.name;
    }
    r->checks = checks;
    r->check_n = n + has_one;
    return true;
}

static bool take_register(struct api_call *c, const struct jvalue *root, struct catalog_register *r)
{
    static const char *const names[] = {
        "Datacenter", "ID",    "Node",   "Address",        "TaggedAddresses", "NodeMeta",
        "Service",    "Check", "Checks", "SkipNodeUpdate", "WriteRequest",    NULL};
    struct catalog_node *n = &r->node;
    const struct jvalue *service = jread_get(root, "Service");
    struct catalog_service *s = arena_new(&c->arena, struct catalog_service);

    if (jread_type(root) != JREAD_OBJECT)
        return api_body_failed(c, "json: cannot unmarshal into Go value of type "
                                  "structs.RegisterRequest");
    if (!api_body_known(c, root, names) || !api_body_str(c, root, "Datacenter", &n->datacenter) ||
        !api_body_str(c, root, "ID", &n->id) || !api_body_str(c, root, "Node", &n->name) ||
        !api_body_str(c, root, "Address", &n->address) ||
        !api_body_pairs(c, root, "TaggedAddresses", &n->tagged_addresses) ||
        !api_body_pairs(c, root, "NodeMeta", &n->meta) ||
        !api_body_bool(c, root, "SkipNodeUpdate", &r->skip_node_update))
        return false;
    *s = (struct catalog_service){0};
    if (jread_type(service) != JREAD_NULL) {
        if (!api_catalog_take_service(c, service, s))
            return false;
        r->service = s;
    }
    return take_checks(c, root, r);
}

static bool is_our_datacenter(struct api_call *c, struct str *datacenter)
{
    struct str ours = str_z(c->env->config->datacenter), asked = param_get(&c->params, "dc");

    if (asked.n || datacenter->n == 0)
        *datacenter = asked.n ? asked : ours;
    return str_eq(*datacenter, ours) || api_fail(c, 500, "No path to datacenter");
}

static bool check_register(struct api_call *c, const struct catalog_register *r)
{
    const struct catalog_node *n = &r->node;

    if (n->name.n == 0)
        return api_fail(c, 500, "Must provide node");
    if (n->address.n == 0 && !r->skip_node_update)
        return api_fail(c, 500, "Must provide address if SkipNodeUpdate is not set");
    if (n->id.n && n->id.n != 36)
        return api_fail(c, 500, "Bad node ID: uuid string is wrong length");
    if (n->id.n && !encode_is_uuid(n->id))
        return api_fail(c, 500, "Bad node ID: uuid is improperly formatted");
    if (r->service && r->service->id.n && r->service->name.n == 0)
        return api_fail(c, 500, "Must provide service name with ID");
    if (r->service && is_any_address(r->service->address))
        return api_fail(c, 500, "Invalid service address");
    return true;
}

bool api_catalog_register(struct api_call *c, struct buf *command)
{
    struct catalog_register r = {0};
    struct jvalue *root = NULL;
    bool ok = api_body_parse(c, &root) && take_register(c, root, &r) &&
              is_our_datacenter(c, &r.node.datacenter) && check_register(c, &r);

    if (ok)
        catalog_encode_register(&r, command);
    jread_free(root);
    return ok;
}

/* ---- deregister ---- */

bool api_catalog_deregister(struct api_call *c, struct buf *command)
{
    static const char *const names[] = {"Datacenter", "Node",         "ServiceID",
                                        "CheckID",    "WriteRequest", NULL};
    struct str datacenter = STR_NONE, node = STR_NONE, service = STR_NONE, check = STR_NONE;
    struct jvalue *root = NULL;
    bool ok = api_body_parse(c, &root);

    if (ok && jread_type(root) != JREAD_OBJECT)
        ok = api_body_failed(c, "json: cannot unmarshal into Go value of type "
                                "structs.DeregisterRequest");
    ok = ok && api_body_known(c, root, names) && api_body_str(c, root, "Datacenter", &datacenter) &&
         api_body_str(c, root, "Node", &node) && api_body_str(c, root, "ServiceID", &service) &&
         api_body_str(c, root, "CheckID", &check) && is_our_datacenter(c, &datacenter);
    if (ok && node.n == 0)
        ok = api_fail(c, 500, "Must provide node");
    if (ok)
        catalog_encode_deregister(node, service, check, command);
    jread_free(root);
    return ok;
}
