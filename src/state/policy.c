/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a token to what it permits: its policies, its roles' policies, its identities. */
#include "config.h"

#include "state/policy.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "state/acl.h"
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

/* ---- collecting rules ---- */

struct collect {
    const struct policy_settings *settings;
    struct view *view; /* without a watch: whoever waits is not woken by a policy */
    struct acl_rules rules;
    bool is_management;
    bool failed; /* more rules than there may be: then nothing is permitted */
};

static bool counts_here(struct str datacenters, struct str here)
{
    struct unpack u = unpack_make(datacenters);
    uint32_t n = datacenters.n ? unpack_array(&u) : 0;

    if (n == 0)
        return true;
    for (; n > 0 && !u.bad; n--)
        if (str_eq(unpack_str(&u), here))
            return true;
    return false;
}

/* Rules were parsed before they were stored. */
static void add_policies(struct collect *c, struct str links)
{
    struct unpack u = unpack_make(links);
    uint32_t left = links.n ? unpack_array(&u) : 0;
    struct str id, name;
    struct acl_policy p;

    while (acl_pair_next(&u, &left, &id, &name)) {
        if (str_eq_z(id, ACL_POLICY_MANAGEMENT))
            c->is_management = true;
        else if (acl_policy_get(c->view, id, &p, NULL) &&
                 counts_here(p.datacenters, c->settings->datacenter))
            c->failed |= acl_rules_parse(p.rules, &c->rules, NULL) != 0;
    }
}

static void add(struct collect *c, enum acl_resource resource, bool is_prefix, struct str name,
                enum acl_access access)
{
    c->failed |= acl_rules_add(&c->rules, resource, is_prefix, name, access) != 0;
}

/* consul: structs.aclServiceIdentityRules and aclNodeIdentityRules */
static void add_identities(struct collect *c, struct str services, struct str nodes)
{
    struct unpack u = unpack_make(services);
    uint32_t left = services.n ? unpack_array(&u) : 0;
    struct str name, datacenter;
    struct buf sidecar;

    while (acl_service_next(&u, &left, &name, &datacenter)) {
        if (!counts_here(datacenter, c->settings->datacenter))
            continue;
        buf_init(&sidecar, 0);
        buf_put_str(&sidecar, name);
        buf_put_z(&sidecar, "-sidecar-proxy");
        add(c, ACL_SERVICE, false, name, ACL_WRITE);
        add(c, ACL_SERVICE, false, buf_str(&sidecar), ACL_WRITE);
        add(c, ACL_SERVICE, true, STR_LIT(""), ACL_READ);
        add(c, ACL_NODE, true, STR_LIT(""), ACL_READ);
        buf_fini(&sidecar);
    }
    u = unpack_make(nodes);
    left = nodes.n ? unpack_array(&u) : 0;
    while (acl_pair_next(&u, &left, &name, &datacenter)) {
        if (!str_eq(datacenter, c->settings->datacenter))
            continue;
        add(c, ACL_NODE, false, name, ACL_WRITE);
        add(c, ACL_SERVICE, true, STR_LIT(""), ACL_READ);
    }
}

static void collect_token(struct collect *c, const struct acl_token *t)
{
    struct unpack u = unpack_make(t->roles);
    uint32_t left = t->roles.n ? unpack_array(&u) : 0;
    struct str id, name;
    struct acl_role r;

    add_policies(c, t->policies);
    add_identities(c, t->services, t->nodes);
    while (acl_pair_next(&u, &left, &id, &name)) {
        if (!acl_role_get(c->view, id, &r, NULL))
            continue;
        add_policies(c, r.policies);
        add_identities(c, r.services, r.nodes);
    }
}

/* ---- resolving ---- */

static struct known *make_known(struct policy *p, struct collect *c, struct str secret,
                                int64_t expires_ns)
{
    unsigned flags = c->is_management ? ACL_SET_ALL : 0;
    struct known *k = mem_new(struct known);

    if (c->failed)
        acl_rules_fini(&c->rules);
    else if (c->settings->default_allow)
        flags |= ACL_SET_DEFAULT_ALLOW;
    k->set = acl_set_new(&c->rules, flags);
    k->expires_ns = expires_ns;
    acl_rules_fini(&c->rules);
    if (p->tokens.n >= POLICY_TOKENS_MAX)
        forget_all(p);
    map_set(&p->tokens, secret, k);
    return k;
}

/* NULL: no such token. */
static struct known *look_up(struct policy *p, const struct policy_settings *s, struct view *v,
                             struct str secret)
{
    struct view unwatched = {.store = v->store};
    struct collect c = {.settings = s, .view = &unwatched};
    struct acl_token t = {0};

    if (s->agent_master.n && str_eq(secret, s->agent_master)) {
        add(&c, ACL_AGENT, false, s->node, ACL_WRITE);
        add(&c, ACL_NODE, true, STR_LIT(""), ACL_READ);
    } else if (acl_token_by_secret(&unwatched, secret, &t)) {
        collect_token(&c, &t);
    } else if (!str_eq_z(secret, ACL_SECRET_ANONYMOUS)) {
        return NULL; /* not remembered: a guesser costs no memory */
    }
    return make_known(p, &c, secret, t.expires_ns);
}

void policy_resolve(struct policy *p, const struct policy_settings *s, struct view *v,
                    int64_t wall_ns)
{
    struct str secret = v->token.n ? v->token : STR_LIT(ACL_SECRET_ANONYMOUS);
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
