/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/api_cluster.h"

#include "agent/cluster.h"

/* ---- join ---- */

static void on_joined(void *data, size_t joined, int status, struct str errors)
{
    struct api_call *c = data;

    if (status || joined == 0)
        (void)api_fail(c, 500, "%.*s", STR_ARG(errors));
    else
        api_empty(c, 200);
    ask_answer(&c->work.ask);
}

void api_cluster_join(struct api_call *c, struct agent *agent)
{
    bool wan = str_eq_z(param_get(&c->params, "wan"), "1");

    if (wan && !cluster_wan(agent_cluster(agent))) {
        (void)api_fail(c, 500, "Must be a server to join WAN cluster");
        return;
    }
    c->work.ask.later = true;
    cluster_join(agent_cluster(agent), wan, &c->rest, 1, on_joined, c);
}

/* ---- leave ---- */

struct leaving {
    struct api_call *call;
    struct agent *agent;
};

static void on_left(void *data)
{
    struct leaving *l = data;
    struct agent *agent = l->agent;

    api_empty(l->call, 200);
    ask_answer(&l->call->work.ask);
    agent_ask_stop(agent);
}

/* Good-bye first, then the answer, then the stop. */
void api_cluster_leave(struct api_call *c, struct agent *agent)
{
    struct leaving *l = arena_new(&c->arena, struct leaving);

    l->call = c;
    l->agent = agent;
    c->work.ask.later = true;
    agent_leave(agent, on_left, l);
}

void api_cluster_force_leave(struct api_call *c, struct agent *agent)
{
    bool prune = param_has(&c->params, "prune"), wan = param_has(&c->params, "wan");

    if (cluster_force_leave(agent_cluster(agent), c->rest, prune, wan))
        (void)api_fail(c, 500, "agent: No node found with name '%.*s'", STR_ARG(c->rest));
    else
        api_empty(c, 200);
}

/* ---- datacenters ---- */

static void on_datacenter(void *data, const char *name)
{
    jwrite_z(data, name);
}

/* consul: bad options are told, and the answer is put behind that. */
void api_cluster_datacenters(struct api_call *c, struct agent *agent)
{
    struct jwrite w = api_json(c);
    struct error err = {0};

    if (param_options(&c->params, &err) < 0)
        api_fail(c, 400, "%s", err.text);
    jwrite_array(&w);
    agent_each_datacenter(agent, on_datacenter, &w);
    jwrite_close(&w);
    jwrite_end(&w);
}
