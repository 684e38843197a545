/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/event_endpoint.go */
#include "config.h"

#include "api/api_event.h"

#include "agent/agent_event.h"
#include "base/rng.h"
#include "state/policy.h"

static void put_text(struct jwrite *w, const char *name, struct str text)
{
    jwrite_name(w, name);
    jwrite_str(w, text);
}

static void put_event(struct jwrite *w, const struct event *e)
{
    jwrite_object(w);
    put_text(w, "ID", e->id);
    put_text(w, "Name", e->name);
    jwrite_name(w, "Payload");
    if (e->payload.n)
        jwrite_base64(w, e->payload);
    else
        jwrite_null(w);
    put_text(w, "NodeFilter", e->node_filter);
    put_text(w, "ServiceFilter", e->service_filter);
    put_text(w, "TagFilter", e->tag_filter);
    jwrite_name(w, "Version");
    jwrite_u64(w, e->version);
    jwrite_name(w, "LTime");
    jwrite_u64(w, e->ltime);
    jwrite_close(w);
}

/* ---- fire ---- */

bool api_event_check_fire(struct api_call *c)
{
    return c->rest.n || api_fail(c, 400, "Missing name");
}

/* 0, or why the token may not fire it. */
static int ask(struct agent *agent, struct api_call *c)
{
    struct view v = agent_view_begin(agent, c->token);
    int status = v.acl_status;

    if (status == 0 && !policy_permits(&v, ACL_EVENT, c->rest, ACL_WRITE))
        status = ERR_DENIED;
    agent_view_end(&v);
    return status;
}

void api_event_fire(struct api_call *c, struct agent *agent)
{
    struct event e = {.name = c->rest,
                      .payload = c->request.body,
                      .node_filter = param_get(&c->params, "node"),
                      .service_filter = param_get(&c->params, "service"),
                      .tag_filter = param_get(&c->params, "tag")};
    char id[37];
    struct error err;
    struct jwrite w;
    int status = ask(agent, c);

    if (status) {
        api_fail_code(c, status, NULL);
        return;
    }
    rng_uuid(id);
    e.id = str_z(id);
    if (agent_fire_event(agent, &e, &err)) {
        api_fail(c, 500, "%s", err.text);
        return;
    }
    w = api_json(c);
    put_event(&w, &e); /* consul: of the time it tells 0 */
    jwrite_end(&w);
}

/* ---- list ---- */

static bool is_listed(const struct api_call *c, const struct view *v, const struct event *e)
{
    struct str name = param_get(&c->params, "name");

    return (name.n == 0 || str_eq(e->name, name)) && policy_allows(v, ACL_EVENT, e->name, ACL_READ);
}

/* The index of the last event that is listed; 1 without any. */
static uint64_t index_of(const struct api_call *c, const struct view *v)
{
    const struct event *e;
    uint64_t index = 1;

    for (size_t i = 0; (e = event_ring_at(c->env->events, i)) != NULL; i++)
        if (is_listed(c, v, e))
            index = event_index(e->id);
    return index;
}

bool api_event_check_list(struct api_call *c)
{
    uint64_t *asked = arena_new(&c->arena, uint64_t);

    *asked = c->params.index;
    c->scratch = asked;
    return true;
}

/* consul: indexes of events have no order: the wait is over when the last event is another one than
 * the index says. */
int api_event_list(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    const uint64_t *asked = c->scratch;
    uint64_t index = index_of(c, v);
    const struct event *e;
    struct jwrite w = api_json(c);

    watch_key(v->watch, WATCH_EVENT, STR_NONE);
    *ret_index = index == *asked ? index : UINT64_MAX;
    api_header_u64(c, "X-Consul-Index", index);
    jwrite_array(&w);
    for (size_t i = 0; (e = event_ring_at(c->env->events, i)) != NULL; i++)
        if (is_listed(c, v, e))
            put_event(&w, e);
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}
