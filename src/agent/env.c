/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/env.h"

struct instant env_now(struct env *env)
{
    if (env->clock)
        env->now = env->clock();
    return env->now;
}

static void resolve(struct env *env, struct view *v)
{
    if (env->config && env->config->acl_enabled) {
        struct policy_settings s = tokens_settings(&env->tokens, env->config);
        policy_resolve(env->policy, &s, v, env->wall ? env->wall() : 0);
    }
}

struct view env_view_begin(struct env *env, struct str token, struct watch_set *watch)
{
    struct view v = {
        .store = store_view_begin(env->reader),
        .watch = watch,
        .token = token.n ? token : str_z(env->tokens.user),
    };

    resolve(env, &v);
    return v;
}

void env_view_as(struct env *env, struct view *v, struct str token)
{
    v->token = token;
    resolve(env, v);
}

void env_view_end(struct view *v)
{
    store_view_end(v->store);
    v->store = NULL;
}
