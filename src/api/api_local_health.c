/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: AgentHealthServiceByID, AgentHealthServiceByName: for load balancers on this machine. */
#include "config.h"

#include "api/api_catalog.h"
#include "api/api_local.h"
#include "state/policy.h"

static void put_text(struct jwrite *w, const char *name, struct str value)
{
    jwrite_name(w, name);
    jwrite_str(w, value);
}

static void put_meta(struct jwrite *w, struct pairs p)
{
    struct str name, value;

    jwrite_name(w, "Meta");
    jwrite_object(w);
    for (struct pairs_iter i = pairs_begin(p); pairs_next(&i, &name, &value);) {
        jwrite_name_str(w, name);
        jwrite_str(w, value);
    }
    jwrite_close(w);
}

static void put_number(struct jwrite *w, const char *name, int64_t value)
{
    jwrite_name(w, name);
    jwrite_i64(w, value);
}

static void put_tagged(struct jwrite *w, struct str packed)
{
    struct unpack u = unpack_make(packed);
    uint32_t left = packed.n ? unpack_map(&u) : 0;
    struct str name, address;
    int64_t port;

    if (left == 0)
        return;
    jwrite_name(w, "TaggedAddresses");
    jwrite_object(w);
    while (catalog_tagged_next(&u, &left, &name, &address, &port)) {
        jwrite_name_str(w, name);
        jwrite_object(w);
        put_text(w, "Address", address);
        put_number(w, "Port", port);
        jwrite_close(w);
    }
    jwrite_close(w);
}

static void put_json(struct jwrite *w, const char *name, struct str json)
{
    if (json.n == 0)
        return;
    jwrite_name(w, name);
    jwrite_raw(w, json);
}

void api_local_put_service(struct jwrite *w, const struct local_service_info *info,
                           const char *hash, const char *datacenter)
{
    const struct catalog_service *s = info->row;

    jwrite_object(w);
    if (s->kind.n)
        put_text(w, "Kind", s->kind);
    put_text(w, "ID", s->id);
    put_text(w, "Service", s->name);
    jwrite_name(w, "Tags");
    api_catalog_put_texts(w, s->tags);
    put_meta(w, s->meta);
    put_number(w, "Port", s->port);
    put_text(w, "Address", s->address);
    put_tagged(w, s->tagged_addresses);
    jwrite_name(w, "Weights");
    jwrite_object(w);
    put_number(w, "Passing", s->weight_passing);
    put_number(w, "Warning", s->weight_warning);
    jwrite_close(w);
    jwrite_name(w, "EnableTagOverride");
    jwrite_bool(w, s->enable_tag_override);
    if (hash)
        put_text(w, "ContentHash", str_z(hash));
    put_json(w, "Proxy", s->proxy_json);
    put_json(w, "Connect", s->connect_json);
    put_text(w, "Datacenter", str_z(datacenter));
    jwrite_close(w);
}

/* ---- health ---- */

static const struct {
    const char *name;
    int code;
} outcomes[] = {
    [HEALTH_PASSING] = {"passing", 200},
    [HEALTH_WARNING] = {"warning", 429},
    [HEALTH_CRITICAL] = {"critical", 503},
    [HEALTH_MAINTENANCE] = {"maintenance", 503},
};

/* consul: HealthChecks.AggregatedStatus */
static void worst_of(void *data, const struct health_check *c)
{
    enum health_status *worst = data, s = health_status_of(c->status);

    if (str_eq_z(c->check_id, "_node_maintenance") ||
        str_has_prefix(c->check_id, STR_LIT("_service_maintenance:")))
        s = HEALTH_MAINTENANCE;
    if (s > *worst)
        *worst = s;
}

/* A check in the words of Consul's client library: without what that does not know. */
static void put_check(void *data, const struct health_check *c)
{
    static const char definition[] =
        "{\"Interval\":\"0s\",\"Timeout\":\"0s\",\"DeregisterCriticalServiceAfter\":\"0s\","
        "\"HTTP\":\"\",\"Header\":null,\"Method\":\"\",\"Body\":\"\",\"TLSSkipVerify\":false,"
        "\"TCP\":\"\"}";
    struct jwrite *w = data;
    struct unpack u = unpack_make(c->service_tags);

    jwrite_object(w);
    put_text(w, "Node", c->node);
    put_text(w, "CheckID", c->check_id);
    put_text(w, "Name", c->name);
    put_text(w, "Status", c->status);
    put_text(w, "Notes", c->notes);
    put_text(w, "Output", c->output);
    put_text(w, "ServiceID", c->service_id);
    put_text(w, "ServiceName", c->service_name);
    jwrite_name(w, "ServiceTags");
    if (c->service_tags.n && unpack_array(&u) > 0)
        api_catalog_put_texts(w, c->service_tags);
    else
        jwrite_null(w);
    put_text(w, "Type", STR_LIT(""));
    jwrite_name(w, "Definition");
    jwrite_raw(w, str_z(definition));
    put_number(w, "CreateIndex", 0);
    put_number(w, "ModifyIndex", 0);
    jwrite_close(w);
}

static bool wants_text(const struct api_call *c)
{
    return str_eq_z(param_get(&c->params, "format"), "text") ||
           str_eq_z(c->request.accept, "text/plain");
}

static void answer_text(struct api_call *c, int status, struct str text)
{
    api_empty(c, status);
    buf_put_str(&c->reply.body, text);
    api_header(c, "Content-Type", STR_LIT("text/plain"));
}

bool api_local_may_read(struct api_call *c, struct agent *agent, struct str service)
{
    struct view v = agent_view_begin(agent, c->token);
    bool may = policy_permits(&v, ACL_SERVICE, service, ACL_READ);

    agent_view_end(&v);
    return may || api_fail_code(c, ERR_DENIED, NULL);
}

static enum health_status status_of(struct local *l, struct str id)
{
    enum health_status worst = HEALTH_PASSING;

    local_service_checks(l, id, worst_of, &worst);
    return worst;
}

static void put_health(struct api_call *c, struct local *l, const struct local_service_info *s,
                       struct jwrite *w)
{
    jwrite_object(w);
    put_text(w, "AggregatedStatus", str_z(outcomes[status_of(l, s->row->id)].name));
    jwrite_name(w, "Service");
    api_local_put_service(w, s, NULL, c->env->config->datacenter);
    jwrite_name(w, "Checks");
    jwrite_array(w);
    local_service_checks(l, s->row->id, put_check, w);
    jwrite_close(w);
    jwrite_close(w);
}

void api_local_health_id(struct api_call *c, struct agent *agent)
{
    struct local *l = agent_local(agent);
    struct local_service_info info;
    struct jwrite w;

    if (c->rest.n == 0) {
        (void)api_fail(c, 500, "Bad request: Missing serviceID");
        return;
    }
    if (!local_service_find(l, c->rest, &info)) {
        struct str reason = api_printf(c, "ServiceId %.*s not found", STR_ARG(c->rest));

        w = api_json(c);
        if (wants_text(c))
            jwrite_str(&w, reason);
        else
            jwrite_raw(&w, STR_LIT("{\"AggregatedStatus\":\"critical\",\"Service\":null,"
                                   "\"Checks\":null}"));
        jwrite_end(&w);
        c->reply.status = 404;
        api_header(c, "X-Consul-Reason", reason);
        return;
    }
    if (!api_local_may_read(c, agent, info.row->name))
        return;
    enum health_status s = status_of(l, c->rest);
    if (wants_text(c)) {
        answer_text(c, outcomes[s].code, str_z(outcomes[s].name));
    } else {
        w = api_json(c);
        put_health(c, l, &info, &w);
        jwrite_end(&w);
        c->reply.status = outcomes[s].code;
    }
    api_header(c, "X-Consul-Reason", str_z(outcomes[s].name));
}

struct by_name {
    struct api_call *call;
    struct local *local;
    struct jwrite w;
    size_t n;
    enum health_status worst;
};

static void put_named(void *data, const struct local_service_info *s)
{
    struct by_name *b = data;

    if (!str_eq(s->row->name, b->call->rest))
        return;
    enum health_status status = status_of(b->local, s->row->id);
    b->n++;
    if (status > b->worst)
        b->worst = status;
    put_health(b->call, b->local, s, &b->w);
}

void api_local_health_name(struct api_call *c, struct agent *agent)
{
    struct by_name b = {.call = c, .local = agent_local(agent), .worst = HEALTH_PASSING};

    if (c->rest.n == 0) {
        (void)api_fail(c, 500, "Bad request: Missing service Name");
        return;
    }
    if (!api_local_may_read(c, agent, c->rest))
        return;
    b.w = api_json(c);
    jwrite_array(&b.w);
    local_services(b.local, put_named, &b);
    jwrite_close(&b.w);
    jwrite_end(&b.w);
    c->reply.status = b.n ? outcomes[b.worst].code : 404;
    struct str reason = b.n ? str_z(outcomes[b.worst].name)
                            : api_printf(c, "ServiceName %.*s Not Found", STR_ARG(c->rest));
    if (wants_text(c))
        answer_text(c, c->reply.status, reason);
    api_header(c, "X-Consul-Reason", reason);
}
