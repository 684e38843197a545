/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/api_agent.h"

#include "agent/monitor.h"
#include "state/policy.h"

void api_agent_self(struct api_call *c, struct agent *agent)
{
    struct jwrite w = api_json(c);

    agent_render_self(agent, &w);
    jwrite_end(&w);
}

/* ---- members ---- */

bool api_agent_check_members(struct api_call *c)
{
    struct str segment = param_get(&c->params, "segment");

    if (segment.n == 0)
        return true;
    if (param_is_given(&c->params, "wan"))
        return api_fail(c, 400, "Cannot provide a segment with wan=true");
    if (!str_eq_z(segment, "_all"))
        return api_fail(c, 500, "Network segments are not supported in this version of Consul");
    return true;
}

struct member_list {
    struct jwrite w;
    struct view view; /* for what the token may see */
};

static void on_member(void *data, const struct agent_member *m)
{
    struct member_list *l = data;

    if (policy_allows(&l->view, ACL_NODE, str_z(m->name), ACL_READ))
        agent_render_member(m, &l->w);
}

void api_agent_members(struct api_call *c, struct agent *agent)
{
    struct member_list l = {.w = api_json(c), .view = agent_view_begin(agent, c->token)};

    jwrite_array(&l.w);
    if (param_is_given(&c->params, "wan"))
        agent_each_wan_member(agent, on_member, &l);
    else
        agent_each_member(agent, on_member, &l);
    agent_view_end(&l.view);
    jwrite_close(&l.w);
    jwrite_end(&l.w);
}

/* ---- metrics ---- */

static bool wants_prometheus(const struct api_call *c)
{
    struct str accept = c->request.accept;

    return str_eq_z(param_get(&c->params, "format"), "prometheus") ||
           str_search(accept, STR_LIT("text/plain;version=0.4.0")) < accept.n ||
           str_search(accept, STR_LIT("application/openmetrics-text")) < accept.n;
}

bool api_agent_check_metrics(struct api_call *c)
{
    bool prometheus = wants_prometheus(c);

    if (prometheus && c->env->config->prometheus_retention.ns <= 0)
        return api_fail(c, 415,
                        "Prometheus is not enabled since its retention time is not positive");
    c->scratch = prometheus ? c : NULL;
    return true;
}

void api_agent_metrics(struct api_call *c, struct agent *agent)
{
    struct jwrite w = api_json(c);

    if (!c->scratch) {
        agent_render_metrics(agent, &w);
        jwrite_end(&w);
        return;
    }
    c->reply.is_json = false;
    agent_render_prometheus(agent, &c->reply.body);
    api_header(c, "Content-Type", STR_LIT("text/plain; version=0.0.4; charset=utf-8"));
}

/* ---- reload ---- */

void api_agent_reload(struct api_call *c, struct agent *agent)
{
    struct error err = {0};

    if (agent_ask_reload(agent, &err) < 0)
        (void)api_fail(c, 500, "%s", err.text);
    else
        api_empty(c, 200);
}

/* ---- monitor ----
 *
 *   worker  local: stream starts ── ask: add ──> core      then lines come as mail
 *   worker  client gone: call forgotten ── ask: remove ──> core ── answer: freed
 *
 * The watch outlives the call: lines may be under way until the core has answered the removal. */

struct watch {
    struct monitor_subscriber subscriber;
    struct ask ask;
    struct api_call *call; /* NULL: the client has left */
    bool is_asking, is_json;
    uint64_t dropped_n; /* by the door, since the last line it took */
    struct buf line;
};

static void on_line(struct monitor_subscriber *s, struct str line, uint64_t dropped_n);
static void on_stream_closed(struct api_call *c);
static void run_add(struct ask *a, struct agent *agent);
static void on_added(struct ask *a);

void api_agent_monitor(struct api_call *c)
{
    struct str level = param_get(&c->params, "loglevel");
    enum log_level parsed = LOG_INFO;

    if (level.n > 0 && (log_level_parse(level, &parsed) < 0 || parsed == LOG_OFF)) {
        (void)api_fail(c, 400, "Bad request: Unknown log level: %.*s", STR_ARG(level));
        return;
    }
    struct watch *w = mem_new(struct watch);
    w->call = c;
    w->is_json = param_has(&c->params, "logjson");
    w->subscriber.env = c->env;
    w->subscriber.level = parsed;
    w->subscriber.line = on_line;
    buf_init(&w->line, 0);
    c->scratch = w;
    c->is_quiet = true;
    api_stream_start(c, on_stream_closed);
    w->ask.run = run_add;
    w->ask.done = on_added;
    w->is_asking = true;
    ask_core(c->env, &w->ask);
}

static struct watch *watch_of(struct ask *a)
{
    return LIST_ITEM(a, struct watch, ask);
}

static void run_add(struct ask *a, struct agent *agent)
{
    monitor_add(agent_monitor(agent), &watch_of(a)->subscriber);
}

static void run_remove(struct ask *a, struct agent *agent)
{
    monitor_remove(agent_monitor(agent), &watch_of(a)->subscriber);
}

static void on_removed(struct ask *a)
{
    struct watch *w = watch_of(a);

    buf_fini(&w->line);
    mem_free(w);
}

static void watch_close(struct watch *w)
{
    w->is_asking = true;
    w->ask.run = run_remove;
    w->ask.done = on_removed;
    ask_core(w->subscriber.env, &w->ask);
}

static void on_added(struct ask *a)
{
    struct watch *w = watch_of(a);

    w->is_asking = false;
    if (!w->call)
        watch_close(w);
}

static void on_stream_closed(struct api_call *c)
{
    struct watch *w = c->scratch;

    w->call = NULL;
    if (!w->is_asking)
        watch_close(w);
}

static void on_line(struct monitor_subscriber *s, struct str line, uint64_t dropped_n)
{
    struct watch *w = LIST_ITEM(s, struct watch, subscriber);

    if (!w->call)
        return;
    buf_clear(&w->line);
    w->dropped_n += dropped_n;
    if (w->dropped_n > 0)
        buf_putf(&w->line, "[WARN] Monitor dropped %llu logs during monitor request\n",
                 (unsigned long long)w->dropped_n);
    if (w->is_json)
        monitor_format_json(line, &w->line);
    else
        buf_put_str(&w->line, line);
    buf_put_c(&w->line, '\n');
    w->dropped_n = api_stream_push(w->call, buf_str(&w->line)) ? 0 : w->dropped_n + 1;
}
