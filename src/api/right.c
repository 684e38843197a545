/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/right.h"

#include "api/route.h"
#include "state/policy.h"

static const struct {
    enum acl_resource resource;
    enum acl_access access;
    const char *words; /* of a denial with status 500, or NULL */
} rights[] = {
    [API_RIGHT_AGENT_READ] = {ACL_AGENT, ACL_READ, NULL},
    [API_RIGHT_AGENT_WRITE] = {ACL_AGENT, ACL_WRITE, NULL},
    [API_RIGHT_OPERATOR_READ] = {ACL_OPERATOR, ACL_READ, NULL},
    [API_RIGHT_OPERATOR_WRITE] = {ACL_OPERATOR, ACL_WRITE, NULL},
    [API_RIGHT_KEYRING_READ] = {ACL_KEYRING, ACL_READ, "Reading keyring denied by ACLs"},
    [API_RIGHT_KEYRING_WRITE] = {ACL_KEYRING, ACL_WRITE, "Modifying keyring denied due to ACLs"},
    [API_RIGHT_MANAGEMENT] = {ACL_ACL, ACL_WRITE, NULL},
};

int right_judge(const struct api_call *c, const struct view *v)
{
    enum api_right right = c->route->right;
    struct str name = STR_LIT("");

    if (right == API_RIGHT_OPEN)
        return 0; /* the endpoint sees to it */
    if (v->acl_status || right == API_RIGHT_STATE || right == API_RIGHT_TOKEN)
        return v->acl_status;
    if (rights[right].resource == ACL_AGENT)
        name = str_z(c->env->config->node_name);
    return policy_permits(v, rights[right].resource, name, rights[right].access) ? 0 : ERR_DENIED;
}

bool right_refuse(struct api_call *c, int status)
{
    enum api_right right = c->route->right;

    if (status == ERR_DENIED && rights[right].words)
        return api_fail(c, 500, "%s", rights[right].words);
    if (status == ERR_DENIED && (c->route->flags & API_SAYS_RIGHT))
        return api_fail(c, 403, "Permission denied: Missing %s:%s permissions",
                        acl_resource_name(rights[right].resource),
                        acl_access_name(rights[right].access));
    return api_fail_code(c, status, NULL);
}

bool right_is_given(struct api_call *c)
{
    struct view v;
    int status;

    if (c->route->right <= API_RIGHT_OPEN || !c->env->config->acl_enabled)
        return true;
    v = env_view_begin(c->env, c->token, NULL);
    status = right_judge(c, &v);
    env_view_end(&v);
    return !status || right_refuse(c, status);
}
