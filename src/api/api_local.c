/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/agent_endpoint.go */
#include "config.h"

#include "api/api_local.h"

#include "api/api_catalog.h"
#include "base/jread.h"

/* A change on its way, in the call's arena. */
struct change {
    struct local_wish wish;
    struct api_call *call;
    int not_found; /* HTTP status when there is no such thing; 200: that is no failure */
};

static void on_done(struct local_wish *w)
{
    struct change *h = LIST_ITEM(w, struct change, wish);
    struct api_call *c = h->call;

    api_empty(c, 200);
    if (w->status == ERR_NOT_FOUND && h->not_found != 200)
        (void)api_fail(c, h->not_found, "%.*s", STR_ARG(buf_str(&w->text)));
    else if (w->status && w->status != ERR_NOT_FOUND)
        (void)api_fail(c, w->status == ERR_INVALID ? 400 : 500, "%.*s", STR_ARG(buf_str(&w->text)));
    local_wish_fini(w);
    ask_answer(&c->work.ask);
}

static struct local_wish *change_start(struct api_call *c, int not_found)
{
    struct change *h = arena_new(&c->arena, struct change);

    h->call = c;
    h->not_found = not_found;
    local_wish_init(&h->wish, on_done);
    c->work.ask.later = true;
    return &h->wish;
}

/* The body as JSON, or a 400. */
static struct jvalue *body_parse(struct api_call *c)
{
    struct jvalue *root = NULL;
    struct error err = {0};

    if (c->request.body.n == 0)
        (void)api_fail(c, 400, "Request decode failed: EOF");
    else if (c->request.body.n > LOCAL_DEFINITION_SIZE_MAX)
        (void)api_fail(c, 413, "Request body too large");
    else if (jread_parse(c->request.body, &root, &err) < 0)
        (void)api_fail(c, 400, "Request decode failed: %s", err.text);
    return root;
}

/* ---- services ---- */

bool api_local_check_services(struct api_call *c)
{
    return api_catalog_check(c, NULL, FILTER_NODE_SERVICE);
}

struct listing {
    struct api_call *call;
    struct filter *filter;
    struct jwrite w;
};

static void put_one_service(void *data, const struct local_service_info *s)
{
    struct listing *l = data;

    if (!filter_takes(l->filter, &(struct filter_item){.service = s->row}))
        return;
    jwrite_name_str(&l->w, s->row->id);
    api_local_put_service(&l->w, s, NULL, l->call->env->config->datacenter);
}

void api_local_services(struct api_call *c, struct agent *agent)
{
    struct listing l = {c, api_catalog_filter(c, FILTER_NODE_SERVICE), api_json(c)};

    jwrite_object(&l.w);
    local_services(agent_local(agent), put_one_service, &l);
    jwrite_close(&l.w);
    jwrite_end(&l.w);
    filter_free(l.filter);
}

/* A reader that waits for a change of one service. */
struct hash_wait {
    struct local_watch watch;
    struct api_call *call;
    struct agent *agent;
};

static void put_service(struct api_call *c, struct agent *agent)
{
    struct local_service_info info;
    struct jwrite w;

    if (!local_service_find(agent_local(agent), c->rest, &info)) {
        (void)api_fail(c, 404, "unknown service ID: %.*s", STR_ARG(c->rest));
        return;
    }
    w = api_json(c);
    api_header(c, "X-Consul-Contenthash", api_keep(c, str_z(info.hash)));
    api_local_put_service(&w, &info, info.hash, c->env->config->datacenter);
    jwrite_end(&w);
}

static void on_content(struct local_watch *watch)
{
    struct hash_wait *h = LIST_ITEM(watch, struct hash_wait, watch);

    put_service(h->call, h->agent);
    ask_answer(&h->call->work.ask);
}

void api_local_service(struct api_call *c, struct agent *agent)
{
    const struct config *conf = c->env->config;
    struct str hash = param_get(&c->params, "hash");
    struct duration wait = c->params.wait.ns ? c->params.wait : conf->default_query_time;

    if (hash.n) {
        struct hash_wait *h = arena_new(&c->arena, struct hash_wait);

        if (wait.ns > conf->max_query_time.ns)
            wait = conf->max_query_time;
        h->call = c;
        h->agent = agent;
        h->watch.done = on_content;
        h->watch.service_id = c->rest;
        h->watch.hash = hash;
        h->watch.at = instant_add(clock_now(), wait);
        if (local_watch_start(agent_local(agent), &h->watch)) {
            c->work.ask.later = true;
            return;
        }
    }
    put_service(c, agent);
}

void api_local_service_register(struct api_call *c, struct agent *agent)
{
    struct str replace = param_get(&c->params, "replace-existing-checks");
    bool does = replace.p && (replace.n == 0 || str_eq_nocase(replace, STR_LIT("true")) ||
                              str_eq_z(replace, "1") || str_eq_nocase(replace, STR_LIT("t")));

    local_register(agent_local(agent), c->request.body, c->token, does ? LOCAL_REPLACE_CHECKS : 0,
                   change_start(c, 500));
}

void api_local_service_deregister(struct api_call *c, struct agent *agent)
{
    if (c->rest.n == 0)
        (void)api_fail(c, 500, "ServiceID missing");
    else
        local_deregister(agent_local(agent), c->rest, change_start(c, 200));
}

/* ---- maintenance ---- */

/* Go: strconv.ParseBool */
static int parse_bool(struct str s)
{
    static const char *const words[] = {"1", "t", "T", "TRUE",  "true",  "True",
                                        "0", "f", "F", "FALSE", "false", "False"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_eq_z(s, words[i]))
            return i < 6;
    return -1;
}

static void maintain(struct api_call *c, struct agent *agent, struct str service_id)
{
    struct str enable = param_get(&c->params, "enable");

    if (!param_has(&c->params, "enable"))
        (void)api_fail(c, 400, "Missing value for enable");
    else if (parse_bool(enable) < 0)
        (void)api_fail(c, 400, "Invalid value for enable: \"%.*s\"", STR_ARG(enable));
    else
        local_maintenance(agent_local(agent), service_id, parse_bool(enable) == 1,
                          param_get(&c->params, "reason"), change_start(c, 404));
}

void api_local_service_maintenance(struct api_call *c, struct agent *agent)
{
    if (c->rest.n == 0)
        (void)api_fail(c, 400, "Missing service ID");
    else
        maintain(c, agent, c->rest);
}

void api_local_maintenance(struct api_call *c, struct agent *agent)
{
    maintain(c, agent, STR_NONE);
}

/* ---- checks ---- */

bool api_local_check_checks(struct api_call *c)
{
    struct filter *f = NULL;
    struct error err = {0};

    if (filter_new(param_get(&c->params, "filter"), FILTER_CHECK, &f, &err) < 0)
        return api_fail(c, 500, "%s", err.text); /* here Consul says it without more words */
    filter_free(f);
    return true;
}

static void put_one_check(void *data, const struct health_check *check)
{
    struct listing *l = data;

    if (!filter_takes(l->filter, &(struct filter_item){.check = check}))
        return;
    jwrite_name_str(&l->w, check->check_id);
    api_catalog_put_check(&l->w, check);
}

void api_local_checks(struct api_call *c, struct agent *agent)
{
    struct listing l = {c, api_catalog_filter(c, FILTER_CHECK), api_json(c)};

    jwrite_object(&l.w);
    local_checks(agent_local(agent), put_one_check, &l);
    jwrite_close(&l.w);
    jwrite_end(&l.w);
    filter_free(l.filter);
}

void api_local_check_register(struct api_call *c, struct agent *agent)
{
    struct jvalue *root = body_parse(c);

    if (root)
        local_check_register(agent_local(agent), root, c->token, change_start(c, 500));
    jread_free(root);
}

void api_local_check_deregister(struct api_call *c, struct agent *agent)
{
    if (c->rest.n == 0)
        (void)api_fail(c, 500, "CheckID missing");
    else
        local_check_deregister(agent_local(agent), c->rest, change_start(c, 200));
}

static void report(struct api_call *c, struct agent *agent, enum check_status s)
{
    local_check_report(agent_local(agent), c->rest, s, param_get(&c->params, "note"),
                       change_start(c, 500));
}

void api_local_check_pass(struct api_call *c, struct agent *agent)
{
    report(c, agent, CHECK_PASSING);
}

void api_local_check_warn(struct api_call *c, struct agent *agent)
{
    report(c, agent, CHECK_WARNING);
}

void api_local_check_fail(struct api_call *c, struct agent *agent)
{
    report(c, agent, CHECK_CRITICAL);
}

void api_local_check_update(struct api_call *c, struct agent *agent)
{
    struct jvalue *root = body_parse(c);
    struct str text = STR_LIT(""), output = STR_LIT("");
    enum check_status s;

    if (!root)
        return;
    if (jread_type(root) != JREAD_OBJECT || jread_str(jread_get(root, "Status"), &text) < 0 ||
        jread_str(jread_get(root, "Output"), &output) < 0)
        (void)api_fail(c, 400,
                       "Request decode failed: json: cannot unmarshal value into Go value of type "
                       "agent.checkUpdate");
    else if (check_status_parse(text, &s) < 0)
        (void)api_fail(c, 400, "Invalid check status: '%.*s'", STR_ARG(text));
    else
        local_check_report(agent_local(agent), c->rest, s, output, change_start(c, 500));
    jread_free(root);
}
