/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/api_token.h"

#include "agent/token_fetch.h"
#include "api/right.h"
#include "api/route.h"

struct api_token {
    struct ask ask;
    struct token_wait wait;
    struct api_call *call;
    struct agent *agent; /* to be used on the core */
    struct acl_set *acl; /* the worker's own */
    int status;
    bool is_gone; /* the client */
};

bool api_token_is_needed(const struct api_call *c)
{
    const struct env *env = c->env;

    if (!env->is_client || !env->config->acl_enabled ||
        (c->kind == API_LOCAL && c->route->right == API_RIGHT_OPEN))
        return false;
    return published_get(env->published, PUBLISHED_APPLIED_INDEX) == 0; /* no copy of the rows */
}

/* On the core, once it is known. */
static void judge(struct api_token *t)
{
    struct view v;

    t->status = t->wait.status;
    if (t->status)
        return;
    v = agent_view_begin(t->agent, t->call->token);
    t->status = right_judge(t->call, &v);
    agent_view_end(&v);
    if (t->status == 0 && t->call->kind == API_READ)
        t->acl = token_fetch_copy(agent_token_fetch(t->agent), t->call->token);
}

static void on_known(struct token_wait *w)
{
    struct api_token *t = LIST_ITEM(w, struct api_token, wait);

    judge(t);
    ask_answer(&t->ask);
}

static void run(struct ask *a, struct agent *agent)
{
    struct api_token *t = LIST_ITEM(a, struct api_token, ask);

    t->agent = agent;
    t->wait.token = t->call->token;
    t->wait.go = on_known;
    if (token_fetch_hold(agent_token_fetch(agent), &t->wait))
        judge(t);
    else
        a->later = true;
}

static void on_judged(struct ask *a)
{
    struct api_token *t = LIST_ITEM(a, struct api_token, ask);
    struct api_call *c = t->call;

    if (t->is_gone)
        t->status = ERR_CANCELED;
    api_token_known(c, !t->status || right_refuse(c, t->status));
}

void api_token_start(struct api_call *c)
{
    struct api_token *t = arena_new(&c->arena, struct api_token);
    struct api_request *q = &c->request;

    /* the door's texts may be gone when the endpoint begins */
    q->body = api_keep(c, q->body);
    q->cache_control = api_keep(c, q->cache_control);
    q->accept = api_keep(c, q->accept);
    q->if_none_match = api_keep(c, q->if_none_match);
    q->token_header = q->authorization = q->namespace_header = STR_NONE; /* they were looked at */
    t->call = c;
    t->ask.run = run;
    t->ask.done = on_judged;
    c->ask = t;
    ask_core(c->env, &t->ask);
}

void api_token_cancel(struct api_call *c)
{
    if (c->ask)
        c->ask->is_gone = true;
}

const struct acl_set *api_token_acl(const struct api_call *c)
{
    return c->ask ? c->ask->acl : NULL;
}

void api_token_fini(struct api_call *c)
{
    if (c->ask)
        acl_set_free(c->ask->acl);
}
