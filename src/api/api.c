/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of a call:
 *
 *     api_start ── path, route, access, options, check ──(any may answer)──> finished
 *                      │
 *                      ├── api_token_start: what the token permits ── api_token_known ─> as here
 *                      ├── local ──────────────────────────────────────────> finished
 *                      ├── read_start: run_view, maybe parked and run again ─> finished, or go_on
 *                      ├── prepare, write_submit ── on_written: finish ──────> finished
 *                      └── ask_core: run_core (core thread) ── on_answered ──> finished
 *
 * The door's texts may go when the client does, so path, query, method and token are copied at the
 * start, body and Accept when the core is to see them.
 */
#include "config.h"

#include "api/api.h"

#include "agent/metrics.h"
#include "api/access.h"
#include "api/api_cache.h"
#include "api/api_ship.h"
#include "api/api_token.h"
#include "api/api_ui.h"
#include "api/redirect.h"
#include "api/right.h"
#include "api/route.h"
#include "base/encode.h"

#define HEADERS_LEFT_FOR_ENDPOINTS 12

static bool take_request(struct api_call *c);
static bool find_route(struct api_call *c);
static void put_base_headers(struct api_call *c);
static bool may_proceed(struct api_call *c);
static bool take_options(struct api_call *c);
static bool start_work(struct api_call *c);
static bool finished(struct api_call *c);
static bool end_read(struct api_call *c);
static void on_read(struct read *r);
static int run_view(struct read *r, struct view *v, uint64_t *ret_index);
static void on_written(struct write *w);
static void run_core(struct ask *a, struct agent *agent);
static void on_answered(struct ask *a);

struct api_call *api_call_new(struct env *env)
{
    struct api_call *c = mem_new(struct api_call);

    c->env = env;
    c->reply.status = 200;
    buf_init(&c->reply.body, 0);
    return c;
}

void api_call_free(struct api_call *c)
{
    if (!c)
        return;
    buf_fini(&c->reply.body);
    api_token_fini(c);
    arena_fini(&c->run_arena);
    arena_fini(&c->arena);
    mem_free(c);
}

bool api_start(struct api_call *c)
{
    c->started = env_now(c->env);
    if (!take_request(c) || !find_route(c))
        return finished(c);
    put_base_headers(c);
    if (!may_proceed(c) || !take_options(c))
        return finished(c);
    if (api_ship_is_needed(c)) {
        api_ship_start(c);
        return false;
    }
    if (api_token_is_needed(c)) {
        api_token_start(c);
        return false;
    }
    if (!right_is_given(c) || (c->route->check && !c->route->check(c)))
        return finished(c);
    return start_work(c);
}

void api_token_known(struct api_call *c, bool may_go_on)
{
    bool is_done = true;

    if (!may_go_on || (c->route->check && !c->route->check(c)))
        finished(c);
    else
        is_done = start_work(c);
    if (is_done)
        c->done(c);
}

void api_finish_later(struct api_call *c)
{
    finished(c);
    c->done(c);
}

void api_cancel(struct api_call *c)
{
    api_ship_cancel(c);
    api_token_cancel(c);
    if (!c->ship && c->route && c->kind == API_READ)
        read_cancel(&c->work.read);
}

bool api_is_parked(const struct api_call *c)
{
    return api_ship_is_waiting(c) || (c->route && c->kind == API_READ && c->work.read.parked);
}

/* ---- the way in ---- */

struct str api_keep(struct api_call *c, struct str s)
{
    return str_make(arena_dup(&c->arena, s.p, s.n), s.n);
}

static bool take_request(struct api_call *c)
{
    struct api_request *q = &c->request;
    struct buf decoded;
    bool ok = true;

    q->path = api_keep(c, q->path);
    q->method_text = api_keep(c, q->method_text);
    c->path = q->path;
    if (str_find(q->path, '%', 0) < q->path.n) {
        buf_init(&decoded, API_PATH_SIZE_MAX);
        ok = encode_percent_parse(q->path, false, &decoded) == 0 && !decoded.failed;
        c->path = api_keep(c, buf_str(&decoded));
        buf_fini(&decoded);
    }
    if (q->query.n) {
        q->query = api_keep(c, q->query);
        param_parse(q->query, &c->arena, &c->params);
        c->pretty = param_has(&c->params, "pretty");
    }
    if (!ok || q->path.n == 0 || q->path.p[0] != '/' || q->path.n > API_PATH_SIZE_MAX ||
        (!c->env->config->disable_http_unprintable_char_filter &&
         !access_path_is_printable(c->path))) {
        api_empty(c, q->path.n > API_PATH_SIZE_MAX ? 414 : 400);
        return false;
    }
    c->token = param_get(&c->params, "token");
    if (!c->token.n)
        c->token = q->token_header;
    if (!c->token.n && str_has_prefix(q->authorization, STR_LIT("Bearer ")))
        c->token = str_trim(str_drop(q->authorization, 7));
    if (c->token.n)
        c->token = api_keep(c, c->token);
    return true;
}

/* consul: keys pass through Go's ServeMux too, which redirects a//b to a/b. Ours: what follows
 * /v1/kv/ is the key, whatever it is. */
static bool find_route(struct api_call *c)
{
    const struct api_route *any;

    if (!str_has_prefix(c->path, STR_LIT("/v1/kv/"))) {
        if (redirect_needs_cleaning(c->path)) {
            redirect_to_clean(c);
            return false;
        }
        if (api_ui_answer(c))
            return false;
    }
    c->route = route_find(c->path, c->request.method, &any);
    if (!any) {
        if (route_lacks_slash(c->path))
            redirect_to(c, api_printf(c, "%.*s/", STR_ARG(c->path)));
        else
            api_empty(c, 404);
        return false;
    }
    c->route = c->route ? c->route : any;
    c->rest = str_drop(c->path, strlen(c->route->path));
    c->kind = (int)c->route->kind;
    return true;
}

static void put_base_headers(struct api_call *c)
{
    const struct config_pairs *more = &c->env->config->response_headers;

    api_header(c, "Vary", STR_LIT("Accept-Encoding"));
    api_header(c, "X-Consul-Default-Acl-Policy", str_z(c->env->config->acl_default_policy));
    if (c->env->config->translate_wan_addrs)
        api_header(c, "X-Consul-Translate-Addresses", STR_LIT("true"));
    for (size_t i = 0; i < more->n && i < API_HEADERS_MAX - HEADERS_LEFT_FOR_ENDPOINTS; i++)
        api_header(c, more->names[i], str_z(more->values[i]));
    c->base_header_n = c->reply.header_n;
}

/* consul: agent/http.go, wrap */
static bool may_proceed(struct api_call *c)
{
    const struct api_request *q = &c->request;
    struct buf allow;

    if (!c->is_shipped && access_is_blocked(c->env->config, c->path))
        return api_fail(c, 403, "Endpoint is blocked by agent configuration");
    if (c->route->methods && !c->route->methods(c))
        return false;
    if (q->method != c->route->method) {
        buf_init(&allow, 0);
        route_allow(c->route, &allow);
        api_header(c, "Allow", api_keep(c, buf_str(&allow)));
        buf_fini(&allow);
        if (q->method == API_OPTIONS)
            return false;
        return api_fail(c, 405, "method %.*s not allowed", STR_ARG(q->method_text));
    }
    if (q->method != API_GET && !q->is_unix && !access_may_write(c->env->config, &q->remote))
        return api_fail(c, 403, "Access is restricted");
    return true;
}

static bool take_options(struct api_call *c)
{
    unsigned flags = c->route->flags;
    struct str dc = param_get(&c->params, "dc");
    struct error err;

    if ((flags & API_QUERY) && param_options(&c->params, &err))
        return api_fail(c, 400, "%s", err.text);
    if ((flags & API_QUERY) && !api_cache_check(c))
        return false;
    if ((flags & API_NS) && param_is_given(&c->params, "ns"))
        return api_fail(c, 400,
                        "Bad request: Invalid query parameter: \"ns\" - "
                        "Namespaces are a Consul Enterprise feature");
    if ((flags & API_NS) && c->request.namespace_header.n)
        return api_fail(c, 400,
                        "Bad request: Invalid header: \"X-Consul-Namespace\" - "
                        "Namespaces are a Consul Enterprise feature");
    bool may_ship = !c->is_final && (c->env->is_client ||
                                     published_get(c->env->published, PUBLISHED_DATACENTERS) > 0);
    if (!may_ship && (flags & API_DC) && dc.n && !str_eq_z(dc, c->env->config->datacenter))
        return api_fail(c, 500, "No path to datacenter");
    return true;
}

static bool start_read(struct api_call *c)
{
    struct read *r = &c->work.read;

    *r = (struct read){
        .mode = c->params.mode,
        .min_index = c->params.index,
        .wait = c->params.wait,
        .token = c->token,
        .own_acl = api_token_acl(c),
        .any_token = c->route->flags & API_ANY_TOKEN,
        .is_own = c->route->flags & API_OWN,
        .run = run_view,
        .done = on_read,
    };
    if (read_start(c->env, r))
        return true;
    if (r->parked) { /* it will be made afresh */
        buf_fini(&c->reply.body);
        arena_fini(&c->run_arena);
    }
    return false;
}

/* Apart from the call: it is three times as large as a read, of which thousands may be parked. */
struct api_write {
    struct write write;
    struct api_call *call;
};

static bool start_write(struct api_call *c)
{
    struct api_write *a = arena_new(&c->arena, struct api_write);
    struct write *w = &a->write;

    a->call = c;
    buf_init(&w->command, COMMAND_SIZE_MAX);
    if (!c->route->prepare(c, &w->command) ||
        (w->command.failed && !api_fail_code(c, ERR_TOO_LARGE, NULL))) {
        buf_fini(&w->command);
        return finished(c);
    }
    w->token = c->token;
    w->done = on_written;
    w->until_shown = true;
    write_submit(c->env, w);
    return false;
}

static bool start_work(struct api_call *c)
{

    switch ((enum api_kind)c->kind) {
    case API_LOCAL:
        c->route->local(c);
        return finished(c);
    case API_READ:
        return start_read(c) && end_read(c);
    case API_WRITE:
        return start_write(c);
    case API_CORE:
        c->request.body = api_keep(c, c->request.body);
        c->request.accept = api_keep(c, c->request.accept);
        c->work.ask.run = run_core;
        c->work.ask.done = on_answered;
        ask_core(c->env, &c->work.ask);
        return false;
    }
    ASSERT(false);
    return true;
}

/* ---- the work ---- */

static int run_view(struct read *r, struct view *v, uint64_t *ret_index)
{
    struct api_call *c = LIST_ITEM(r, struct api_call, work.read);

    arena_fini(&c->run_arena);
    buf_clear(&c->reply.body);
    c->reply.status = 200;
    c->reply.is_json = c->is_failure = false;
    c->reply.header_n = c->base_header_n;
    return c->route->view(c, v, ret_index);
}

static void put_read_headers(struct api_call *c, const struct read *r)
{
    static const char *const words[] = {
        [READ_DEFAULT] = "leader", [READ_CONSISTENT] = "consistent", [READ_STALE] = "stale"};

    if (c->route->flags & API_NO_META)
        return;
    if (!(c->route->flags & API_NO_INDEX))
        api_header_u64(c, "X-Consul-Index", r->index);
    api_header(c, "X-Consul-Knownleader", r->knows_leader ? STR_LIT("true") : STR_LIT("false"));
    if (r->last_contact_ms == 0)
        api_header(c, "X-Consul-Lastcontact", STR_LIT("0"));
    else
        api_header_u64(c, "X-Consul-Lastcontact", r->last_contact_ms);
    if (c->route->flags & API_CONSISTENCY)
        api_header(c, "X-Consul-Effective-Consistency", str_z(words[r->mode]));
}

/* False: the reply is not there yet. */
static bool end_read(struct api_call *c)
{
    struct read *r = &c->work.read;

    if (r->status)
        api_fail_code(c, r->status, NULL);
    else if (!c->is_failure)
        put_read_headers(c, r);
    if (!r->status && !c->is_failure && c->route->go_on && c->route->go_on(c))
        return false;
    return finished(c);
}

static void on_read(struct read *r)
{
    struct api_call *c = LIST_ITEM(r, struct api_call, work.read);

    if (end_read(c))
        c->done(c);
}

static void on_written(struct write *w)
{
    struct api_call *c = LIST_ITEM(w, struct api_write, write)->call;

    if (w->status)
        api_fail_code(c, w->status, NULL);
    else if (w->result.status)
        api_fail_code(c, w->result.status, w->result.text);
    else if (c->route->finish)
        c->route->finish(c, &w->result);
    else
        api_true(c, true);
    write_fini(w);
    finished(c);
    c->done(c);
}

static void run_core(struct ask *a, struct agent *agent)
{
    struct api_call *c = LIST_ITEM(a, struct api_call, work.ask);

    c->route->core(c, agent);
}

static void on_answered(struct ask *a)
{
    struct api_call *c = LIST_ITEM(a, struct api_call, work.ask);

    if (c->route->view && !c->is_failure) {
        c->kind = API_READ;
        if (start_read(c))
            on_read(&c->work.read);
        return;
    }
    finished(c);
    c->done(c);
}

/* ---- the way out ---- */

static void log_finished(const struct api_call *c)
{
    const struct api_request *q = &c->request;
    struct str query = q->query;
    char from[ADDR_TEXT_MAX] = "@";
    struct buf url, latency;

    buf_init(&url, 2048);
    buf_init(&latency, 0);
    buf_put_str(&url, q->path);
    for (char before = '?'; query.p && query.n; before = '&') {
        struct str part = str_split(&query, '&');

        buf_put_c(&url, before);
        buf_put_str(&url,
                    str_has_prefix(part, STR_LIT("token=")) ? STR_LIT("token=<hidden>") : part);
    }
    if (!q->is_unix)
        addr_format(&q->remote, from);
    duration_format(instant_since(env_now(c->env), c->started), &latency);
    log_debug("agent.http", "Request finished: method=%.*s url=%.*s from=%s latency=%s",
              STR_ARG(q->method_text), STR_ARG(buf_str(&url)), from, buf_z(&latency));
    buf_fini(&url);
    buf_fini(&latency);
}

/* Go: defer setMeta. A refusal has them only where the read itself refused. */
static bool has_meta_of_error(const struct api_call *c)
{
    if (!c->is_failure || !c->route || !(c->route->flags & API_META_ERROR))
        return false;
    return c->reply.status == 500 ||
           (c->reply.status == 403 && c->kind == API_READ && c->work.read.env);
}

/* Always true. */
static bool finished(struct api_call *c)
{
    struct api_reply *r = &c->reply;

    if (r->body.failed)
        api_fail(c, 500, "the reply is larger than %zu bytes", BUF_MAX_DEFAULT);
    if (!c->ship && has_meta_of_error(c)) {
        api_header(c, "X-Consul-Index", STR_LIT("1"));
        api_header(c, "X-Consul-Knownleader", STR_LIT("false"));
        api_header(c, "X-Consul-Lastcontact", STR_LIT("0"));
    }
    api_cache_tell(c);
    if (r->is_json)
        api_header(c, "Content-Type", STR_LIT("application/json"));
    metrics_add(c->env->metrics, METRIC_HTTP_REQUESTS, 1);
    metrics_add(c->env->metrics, METRIC_HTTP_ERRORS, r->status >= 500);
    if (!c->is_quiet && log_is_on(LOG_DEBUG))
        log_finished(c);
    return true;
}
