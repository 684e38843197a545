/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a token to what it permits; what it was given: grant.c. */
#include "config.h"

#include "state/policy.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "state/acl.h"
#include "state/grant.h"
#include "state/indexes.h"

struct known { /* one token */
    struct acl_set *set;
    int64_t expires_ns; /* 0: never */
};

struct policy {
    struct map tokens; /* secret -> struct known, owned */
    uint64_t index;    /* of the tables that they were made from */
    uint64_t restored; /* the snapshot that the tables are of */
    bool default_allow;
};

static void forget_all(struct policy *p)
{
    uint64_t seed = p->tokens.seed;

    MAP_FOREACH (&p->tokens, e) {
        struct known *k = e->value;
        acl_set_free(k->set);
        mem_free(k);
    }
    map_fini(&p->tokens);
    map_init(&p->tokens, seed);
}

struct policy *policy_new(uint64_t seed)
{
    struct policy *p = mem_new(struct policy);

    map_init(&p->tokens, seed);
    return p;
}

void policy_free(struct policy *p)
{
    if (!p)
        return;
    forget_all(p);
    map_fini(&p->tokens);
    mem_free(p);
}

/* ---- resolving ---- */

/* NULL: no such token. */
static struct known *look_up(struct policy *p, const struct policy_settings *s, struct view *v,
                             struct str secret)
{
    struct grant g;
    struct known *k;

    if (s->agent_master.n && str_eq(secret, s->agent_master))
        grant_agent_master(s->node, &g);
    else if (!grant_find(v, s->datacenter, secret, &g))
        return NULL; /* not remembered: a guesser costs no memory */
    k = mem_new(struct known);
    k->set = grant_set(&g, s->default_allow);
    k->expires_ns = g.expires_ns;
    grant_fini(&g);
    if (p->tokens.n >= POLICY_TOKENS_MAX)
        forget_all(p);
    map_set(&p->tokens, secret, k);
    return k;
}

struct str policy_secret(struct str token)
{
    return token.n && !str_eq(token, ACL_SECRET_NONE) ? token : STR_LIT(ACL_SECRET_ANONYMOUS);
}

void policy_resolve(struct policy *p, const struct policy_settings *s, struct view *v,
                    int64_t wall_ns)
{
    struct str secret = policy_secret(v->token);
    struct known *k;
    struct view unwatched = {.store = v->store};
    uint64_t index, restored;

    v->acl = NULL;
    v->acl_status = 0;
    v->list_needs_right = s->enabled && s->key_list;
    if (!s->enabled)
        return;
    index = acl_index(&unwatched);
    restored = indexes_restored(&unwatched);
    if (index != p->index || restored != p->restored || s->default_allow != p->default_allow) {
        forget_all(p);
        p->index = index;
        p->restored = restored;
        p->default_allow = s->default_allow;
    }
    /* The anonymous token's secret is no secret: nobody may name it. */
    if (str_eq_z(v->token, ACL_SECRET_ANONYMOUS)) {
        v->acl_status = ERR_NO_TOKEN;
        return;
    }
    k = map_get(&p->tokens, secret);
    if (!k)
        k = look_up(p, s, v, secret);
    if (k && (k->expires_ns == 0 || wall_ns < k->expires_ns))
        v->acl = k->set;
    else
        v->acl_status = ERR_NO_TOKEN;
}

/* ---- asking ---- */

bool policy_allows(const struct view *v, enum acl_resource resource, struct str name,
                   enum acl_access access)
{
    if (v->acl_status)
        return false;
    return !v->acl || acl_set_allows(v->acl, resource, name, access);
}

bool policy_permits(const struct view *v, enum acl_resource resource, struct str name,
                    enum acl_access access)
{
    bool allowed = policy_allows(v, resource, name, access);

    if (!allowed && !v->acl_status)
        log_debug("agent.acl", "Permission denied: missing=%s:%s name=\"%.*s\"",
                  acl_resource_name(resource), acl_access_name(access), STR_ARG(name));
    return allowed;
}

bool policy_grants(struct view *v, enum acl_resource resource, struct str name,
                   enum acl_access access)
{
    bool granted = policy_permits(v, resource, name, access);

    v->denied |= !granted;
    return granted;
}

bool policy_allows_tree(const struct view *v, enum acl_resource resource, struct str prefix)
{
    if (v->acl_status)
        return false;
    return !v->acl || acl_set_allows_tree(v->acl, resource, prefix);
}

bool policy_allows_check(const struct view *v, struct str node, struct str service)
{
    return policy_allows(v, ACL_NODE, node, ACL_READ) &&
           (service.n == 0 || policy_allows(v, ACL_SERVICE, service, ACL_READ));
}
