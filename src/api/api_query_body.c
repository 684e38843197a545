/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: parseQuery in agent/consul/prepared_query_endpoint.go */
#include "config.h"

#include "api/api_body.h"
#include "api/api_query.h"
#include "state/query_template.h"

#define META_NAME_SIZE_MAX  128
#define META_VALUE_SIZE_MAX 512

static bool object_of(struct api_call *c, const struct jvalue *root, const char *name,
                      const char *const *known, const struct jvalue **ret)
{
    *ret = jread_get(root, name);
    if (!api_body_is_object_or_null(*ret))
        return api_body_wrong_type(c, name, "struct");
    return jread_type(*ret) == JREAD_NULL || api_body_known(c, *ret, known);
}

static bool take_service(struct api_call *c, const struct jvalue *root, struct query *q)
{
    static const char *const names[] = {"Service", "Failover", "OnlyPassing", "IgnoreCheckIDs",
                                        "Near",    "Tags",     "NodeMeta",    "ServiceMeta",
                                        "Connect", NULL};
    static const char *const failover_names[] = {"NearestN", "Datacenters", NULL};
    const struct jvalue *s, *failover;

    return object_of(c, root, "Service", names, &s) &&
           object_of(c, s, "Failover", failover_names, &failover) &&
           api_body_str(c, s, "Service", &q->service) &&
           api_body_i64(c, failover, "NearestN", &q->failover_nearest) &&
           api_body_texts(c, failover, "Datacenters", &q->failover_datacenters) &&
           api_body_bool(c, s, "OnlyPassing", &q->only_passing) &&
           api_body_texts(c, s, "IgnoreCheckIDs", &q->ignored_checks) &&
           api_body_str(c, s, "Near", &q->near) && api_body_texts(c, s, "Tags", &q->tags) &&
           api_body_pairs(c, s, "NodeMeta", &q->node_meta) &&
           api_body_pairs(c, s, "ServiceMeta", &q->service_meta) &&
           api_body_bool(c, s, "Connect", &q->connect);
}

static bool take_fields(struct api_call *c, const struct jvalue *root, struct query *q,
                        struct str *ret_id)
{
    static const char *const names[] = {"ID",      "Name", "Session",     "Token",       "Template",
                                        "Service", "DNS",  "CreateIndex", "ModifyIndex", NULL};
    static const char *const template_names[] = {"Type", "Regexp", "RemoveEmptyTags", NULL};
    static const char *const dns_names[] = {"TTL", NULL};
    const struct jvalue *template, *dns;

    if (jread_type(root) != JREAD_OBJECT)
        return api_body_failed(c, "json: cannot unmarshal into Go value of type "
                                  "structs.PreparedQuery");
    return api_body_known(c, root, names) && api_body_str(c, root, "ID", ret_id) &&
           api_body_str(c, root, "Name", &q->name) &&
           api_body_str(c, root, "Session", &q->session) &&
           api_body_str(c, root, "Token", &q->token) &&
           object_of(c, root, "Template", template_names, &template) &&
           api_body_str(c, template, "Type", &q->template_type) &&
           api_body_str(c, template, "Regexp", &q->regexp) &&
           api_body_bool(c, template, "RemoveEmptyTags", &q->remove_empty_tags) &&
           object_of(c, root, "DNS", dns_names, &dns) && api_body_str(c, dns, "TTL", &q->ttl) &&
           take_service(c, root, q);
}

/* ---- is it sound? ---- */

static bool invalid(struct api_call *c, struct str text)
{
    return api_fail(c, 500, "Invalid prepared query: %.*s", STR_ARG(text));
}

static bool is_meta_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char x = name.p[i];
        if (!(x >= 'a' && x <= 'z') && !(x >= 'A' && x <= 'Z') && !(x >= '0' && x <= '9') &&
            x != '-' && x != '_')
            return false;
    }
    return true;
}

static bool check_meta(struct api_call *c, struct pairs p)
{
    struct pairs_iter i = pairs_begin(p);
    struct str name, value;

    while (pairs_next(&i, &name, &value)) {
        const char *why = name.n == 0                   ? "Key cannot be blank"
                          : !is_meta_name(name)         ? "Key contains invalid characters"
                          : name.n > META_NAME_SIZE_MAX ? "Key is too long (limit: 128 characters)"
                          : value.n > META_VALUE_SIZE_MAX
                              ? "Value is too long (limit: 512 characters)"
                              : NULL;
        if (why)
            return invalid(c, api_printf(c, "Couldn't load metadata pair ('%.*s', '%.*s'): %s",
                                         STR_ARG(name), STR_ARG(value), why));
    }
    return true;
}

static bool check_ttl(struct api_call *c, struct str ttl)
{
    struct duration d;

    if (ttl.n == 0)
        return true;
    if (duration_parse(ttl, (struct duration){0}, &d))
        return invalid(c, api_printf(c, "Bad DNS TTL '%.*s': time: invalid duration \"%.*s\"",
                                     STR_ARG(ttl), STR_ARG(ttl)));
    if (d.ns < 0)
        return invalid(c, api_printf(c, "DNS TTL '%lld', must be >=0", (long long)d.ns));
    return true;
}

static bool check_query(struct api_call *c, const struct query *q)
{
    struct error err;

    if (!query_is_template(q) && q->name.n == 0 && q->session.n == 0)
        return invalid(c, STR_LIT("Must be bound to a session"));
    if (str_eq_z(q->token, "<hidden>"))
        return invalid(c, STR_LIT("Bad Token '<hidden>', it looks like a query definition with a "
                                  "redacted token was submitted"));
    if (q->service.n == 0)
        return invalid(c, STR_LIT("Must provide a Service name to query"));
    if (q->failover_nearest < 0)
        return invalid(
            c, api_printf(c, "Bad NearestN '%lld', must be >= 0", (long long)q->failover_nearest));
    if (q->name.n > QUERY_NAME_SIZE_MAX)
        return invalid(c, STR_LIT("Name is too long"));
    if (!check_meta(c, q->node_meta) || !check_meta(c, q->service_meta) || !check_ttl(c, q->ttl))
        return false;
    if (query_template_check(q, &err) < 0)
        return api_fail(c, 500, "failed compiling template: %s", err.text);
    return true;
}

bool api_query_take(struct api_call *c, const struct jvalue *root, struct query *ret,
                    struct str *ret_id)
{
    *ret = (struct query){0};
    *ret_id = STR_NONE;
    return (!root || take_fields(c, root, ret, ret_id)) && check_query(c, ret);
}
