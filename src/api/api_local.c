/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/agent_endpoint.go */
#include "config.h"

#include "api/api_local.h"

#include "api/api_catalog.h"
#include "base/jread.h"
#include "state/policy.h"

/* A change on its way, in the call's arena. */
struct change {
    struct local_wish wish;
    struct api_call *call;
    int not_found; /* HTTP status when there is no such thing; 200: that is no failure */
    bool is_short; /* a denial does not name the right */
};

static int status_of(int code)
{
    return code == ERR_INVALID ? 400 : code == ERR_DENIED || code == ERR_NO_TOKEN ? 403 : 500;
}

static void on_done(struct local_wish *w)
{
    struct change *h = LIST_ITEM(w, struct change, wish);
    struct api_call *c = h->call;

    api_empty(c, 200);
    if (w->status == ERR_NOT_FOUND && h->not_found != 200)
        (void)api_fail(c, h->not_found, "%.*s", STR_ARG(buf_str(&w->text)));
    else if (w->status == ERR_DENIED && h->is_short)
        (void)api_fail_code(c, ERR_DENIED, NULL);
    else if (w->status && w->status != ERR_NOT_FOUND)
        (void)api_fail(c, status_of(w->status), "%.*s", STR_ARG(buf_str(&w->text)));
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
    struct view view; /* what the token may see */
};

static void put_one_service(void *data, const struct local_service_info *s)
{
    struct listing *l = data;

    if (!policy_allows(&l->view, ACL_SERVICE, s->row->name, ACL_READ) ||
        !filter_takes(l->filter, &(struct filter_item){.service = s->row}))
        return;
    jwrite_name_str(&l->w, s->row->id);
    api_local_put_service(&l->w, s, NULL, l->call->env->config->datacenter);
}

void api_local_services(struct api_call *c, struct agent *agent)
{
    struct listing l = {c, api_catalog_filter(c, FILTER_NODE_SERVICE), api_json(c),
                        agent_view_begin(agent, c->token)};

    jwrite_object(&l.w);
    local_services(agent_local(agent), put_one_service, &l);
    jwrite_close(&l.w);
    jwrite_end(&l.w);
    agent_view_end(&l.view);
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
    if (!api_local_may_read(c, agent, info.row->name))
        return;
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
        local_deregister(agent_local(agent), c->rest, c->token, change_start(c, 200));
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
    else {
        struct local_wish *w = change_start(c, 404);

        LIST_ITEM(w, struct change, wish)->is_short = service_id.n == 0;
        local_maintenance(agent_local(agent), service_id, parse_bool(enable) == 1,
                          param_get(&c->params, "reason"), c->token, w);
    }
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

    bool sees = check->service_name.n
                    ? policy_allows(&l->view, ACL_SERVICE, check->service_name, ACL_READ)
                    : policy_allows(&l->view, ACL_NODE, check->node, ACL_READ);

    if (!sees || !filter_takes(l->filter, &(struct filter_item){.check = check}))
        return;
    jwrite_name_str(&l->w, check->check_id);
    api_catalog_put_check(&l->w, check);
}

void api_local_checks(struct api_call *c, struct agent *agent)
{
    struct listing l = {c, api_catalog_filter(c, FILTER_CHECK), api_json(c),
                        agent_view_begin(agent, c->token)};

    jwrite_object(&l.w);
    local_checks(agent_local(agent), put_one_check, &l);
    jwrite_close(&l.w);
    jwrite_end(&l.w);
    agent_view_end(&l.view);
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
        local_check_deregister(agent_local(agent), c->rest, c->token, change_start(c, 200));
}

static void report(struct api_call *c, struct agent *agent, enum check_status s)
{
    local_check_report(agent_local(agent), c->rest, s, param_get(&c->params, "note"), c->token,
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
        local_check_report(agent_local(agent), c->rest, s, output, c->token, change_start(c, 500));
    jread_free(root);
}
