/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/prepared_query_endpoint.go, agent/consul/prepared_query_endpoint.go */
#include "config.h"

#include "api/api_query.h"

#include "api/api_body.h"
#include "api/api_catalog.h"
#include "base/rng.h"
#include "state/session.h"

#define LIMIT_DEFAULT ((size_t)65536)

/* ---- rendering ---- */

static void put_list(struct jwrite *w, const char *name, struct str packed)
{
    jwrite_name(w, name);
    if (packed.p)
        api_catalog_put_texts(w, packed);
    else
        jwrite_null(w);
}

static void put_text(struct jwrite *w, const char *name, struct str text)
{
    jwrite_name(w, name);
    jwrite_str(w, text);
}

static void put_flag(struct jwrite *w, const char *name, bool value)
{
    jwrite_name(w, name);
    jwrite_bool(w, value);
}

static void put_number(struct jwrite *w, const char *name, int64_t value)
{
    jwrite_name(w, name);
    jwrite_i64(w, value);
}

void api_query_put_dns(struct jwrite *w, const struct query *q)
{
    jwrite_name(w, "DNS");
    jwrite_object(w);
    put_text(w, "TTL", q->ttl);
    jwrite_close(w);
}

static void put_service(struct jwrite *w, const struct query *q)
{
    jwrite_name(w, "Service");
    jwrite_object(w);
    put_text(w, "Service", q->service);
    jwrite_name(w, "Failover");
    jwrite_object(w);
    put_number(w, "NearestN", q->failover_nearest);
    put_list(w, "Datacenters", q->failover_datacenters);
    jwrite_close(w);
    put_flag(w, "OnlyPassing", q->only_passing);
    put_list(w, "IgnoreCheckIDs", q->ignored_checks);
    put_text(w, "Near", q->near);
    put_list(w, "Tags", q->tags);
    api_catalog_put_pairs(w, "NodeMeta", q->node_meta);
    api_catalog_put_pairs(w, "ServiceMeta", q->service_meta);
    put_flag(w, "Connect", q->connect);
    jwrite_close(w);
}

bool api_query_put(void *data, const struct query *q)
{
    struct jwrite *w = data;

    jwrite_object(w);
    put_text(w, "ID", q->id);
    put_text(w, "Name", q->name);
    put_text(w, "Session", q->session);
    put_text(w, "Token", q->token);
    jwrite_name(w, "Template");
    jwrite_object(w);
    put_text(w, "Type", q->template_type);
    put_text(w, "Regexp", q->regexp);
    put_flag(w, "RemoveEmptyTags", q->remove_empty_tags);
    jwrite_close(w);
    put_service(w, q);
    api_query_put_dns(w, q);
    jwrite_name(w, "CreateIndex");
    jwrite_u64(w, q->create_index);
    jwrite_name(w, "ModifyIndex");
    jwrite_u64(w, q->modify_index);
    jwrite_close(w);
    return !w->out->failed;
}

/* ---- all queries ---- */

int api_query_list(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct jwrite w = api_json(c);

    jwrite_array(&w);
    query_list(v, api_query_put, &w, ret_index);
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}

bool api_query_create(struct api_call *c, struct buf *command)
{
    struct jvalue *root = NULL;
    char *id = arena_alloc(&c->arena, 37);
    struct str given;
    struct query q;
    bool ok = api_body_parse(c, &root) && api_query_take(c, root, &q, &given);

    if (ok && given.n)
        ok = api_fail(c, 500, "ID must be empty when creating a new prepared query");
    if (ok) {
        rng_uuid(id);
        q.id = str_z(id);
        query_encode_set(&q, false, command);
    }
    jread_free(root);
    c->scratch = id;
    return ok;
}

void api_query_created(struct api_call *c, const struct result *result)
{
    struct jwrite w = api_json(c);

    (void)result;
    jwrite_object(&w);
    put_text(&w, "ID", str_z(c->scratch));
    jwrite_close(&w);
    jwrite_end(&w);
}

/* ---- one ---- */

static enum api_query_what what_of(struct str rest, struct str *ret_key)
{
    *ret_key = rest;
    if (str_has_suffix(rest, STR_LIT("/execute"))) {
        *ret_key = str_take(rest, rest.n - 8);
        return API_QUERY_EXECUTE;
    }
    if (str_has_suffix(rest, STR_LIT("/explain"))) {
        *ret_key = str_take(rest, rest.n - 8);
        return API_QUERY_EXPLAIN;
    }
    return API_QUERY_ROW;
}

bool api_query_methods(struct api_call *c)
{
    struct str key;
    bool is_row = what_of(c->rest, &key) == API_QUERY_ROW;
    unsigned may = is_row ? API_GET | API_PUT | API_DELETE : API_GET;
    const char *names = is_row ? "GET,PUT,DELETE" : "GET";
    struct jwrite w;

    if ((unsigned)c->request.method & may)
        return true;
    if (c->request.method == API_OPTIONS) {
        api_header(c, "Allow", api_printf(c, "OPTIONS,%s", names));
        w = api_json(c);
        jwrite_object(&w);
        jwrite_close(&w);
        jwrite_end(&w);
        return false;
    }
    api_header(c, "Allow", str_z(names));
    return api_fail(c, 405, "method %.*s not allowed", STR_ARG(c->request.method_text));
}

/* What was wrong before a server was asked has no headers of a reply. */
static bool bad_parameter(struct api_call *c, const char *fmt, struct str value, const char *after)
{
    api_fail(c, 500, "%s\"%.*s\"%s", fmt, STR_ARG(value), after);
    c->is_failure = false;
    return false;
}

static bool take_parameters(struct api_call *c, struct api_query_request *q)
{
    static const char *const words[] = {"1", "t", "T", "true",  "TRUE",  "True",
                                        "0", "f", "F", "false", "FALSE", "False"};
    struct str limit = param_get(&c->params, "limit"), connect = param_get(&c->params, "connect");
    int64_t n = 0;

    q->limit = LIMIT_DEFAULT;
    if (limit.n && str_to_i64(limit, &n))
        return bad_parameter(c, "Bad limit: strconv.Atoi: parsing ", limit, ": invalid syntax");
    if (n > 0)
        q->limit = (size_t)n;
    if (c->request.prepared.n && str_to_i64(param_get(&c->params, "failovers"), &n) == 0 && n > 0)
        q->failovers = (size_t)n;
    for (size_t i = 0; connect.n; i++) {
        if (i == sizeof words / sizeof words[0])
            return bad_parameter(c, "Error parsing 'connect' value: strconv.ParseBool: parsing ",
                                 connect, ": invalid syntax");
        if (str_eq_z(connect, words[i])) {
            q->connect = i < 6;
            break;
        }
    }
    return true;
}

/* Before changes "Prepared Query lookup failed: " says who asks. */
static bool check_id(struct api_call *c, struct str id, const char *before)
{
    struct error err;

    return session_check_id(id, &err) == 0 ||
           api_fail(c, 500, "%sfailed prepared query lookup: %s", before, err.text);
}

bool api_query_check(struct api_call *c)
{
    struct api_query_request *q = arena_new(&c->arena, struct api_query_request);
    char ip[ADDR_TEXT_MAX];

    *q = (struct api_query_request){.what = what_of(c->rest, &q->key)};
    (void)what_of(c->rest, &q->key);
    c->scratch = q;
    if (q->what == API_QUERY_ROW)
        return c->request.method != API_GET || check_id(c, q->key, "");
    c->params.index = 0; /* neither waits */
    q->source = api_keep(c, api_source_ip(c, ip));
    return q->what == API_QUERY_EXPLAIN || take_parameters(c, q);
}

static int read_row(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    const struct api_query_request *r = c->scratch;
    struct query q;
    struct jwrite w;

    if (!query_get(v, r->key, &q, ret_index))
        return api_query_not_found(c);
    w = api_json(c);
    jwrite_array(&w);
    api_query_put(&w, &q);
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}

int api_query_read(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    const struct api_query_request *r = c->scratch;

    *ret_index = 1; /* consul: executions tell no index */
    switch (r->what) {
    case API_QUERY_EXECUTE:
        return api_query_execute(c, v);
    case API_QUERY_EXPLAIN:
        return api_query_explain(c, v);
    case API_QUERY_ROW:
        break;
    }
    return read_row(c, v, ret_index);
}

/* ---- changes ---- */

bool api_query_update(struct api_call *c, struct buf *command)
{
    const struct api_query_request *r = c->scratch;
    struct jvalue *root = NULL;
    struct str given;
    struct query q;
    bool ok = check_id(c, r->key, "Prepared Query lookup failed: ") &&
              (c->request.body.n == 0 || api_body_parse(c, &root)) &&
              api_query_take(c, root, &q, &given);

    if (ok) {
        q.id = r->key;
        query_encode_set(&q, true, command);
    }
    jread_free(root);
    return ok;
}

bool api_query_delete(struct api_call *c, struct buf *command)
{
    const struct api_query_request *r = c->scratch;

    if (!check_id(c, r->key, "Prepared Query lookup failed: "))
        return false;
    query_encode_delete(r->key, command);
    return true;
}

void api_query_done(struct api_call *c, const struct result *result)
{
    (void)result;
    api_empty(c, 200);
}
