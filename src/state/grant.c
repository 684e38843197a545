/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes: [is_management, is_bad, has_policies, has_roles, expires_ns, [resource, access, is_prefix,
 * name ...]]: four items for each rule.
 */
#include "config.h"

#include "state/grant.h"

#include "base/mem.h"
#include "state/acl.h"

#define ITEMS      6
#define RULE_ITEMS 4

/* ---- collecting rules ---- */

struct collect {
    struct str datacenter;
    struct view *view;
    struct grant *grant;
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
    struct grant *g = c->grant;
    struct str id, name;
    struct acl_policy p;

    while (acl_pair_next(&u, &left, &id, &name)) {
        g->has_policies = true;
        if (str_eq_z(id, ACL_POLICY_MANAGEMENT))
            g->is_management = true;
        else if (acl_policy_get(c->view, id, &p, NULL) && counts_here(p.datacenters, c->datacenter))
            g->is_bad |= acl_rules_parse(p.rules, &g->rules, NULL) != 0;
    }
}

static void add(struct grant *g, enum acl_resource resource, bool is_prefix, struct str name,
                enum acl_access access)
{
    g->is_bad |= acl_rules_add(&g->rules, resource, is_prefix, name, access) != 0;
}

/* consul: structs.aclServiceIdentityRules and aclNodeIdentityRules */
static void add_identities(struct collect *c, struct str services, struct str nodes)
{
    struct unpack u = unpack_make(services);
    uint32_t left = services.n ? unpack_array(&u) : 0;
    struct grant *g = c->grant;
    struct str name, datacenter;
    struct buf sidecar;

    while (acl_service_next(&u, &left, &name, &datacenter)) {
        if (!counts_here(datacenter, c->datacenter))
            continue;
        buf_init(&sidecar, 0);
        buf_put_str(&sidecar, name);
        buf_put_z(&sidecar, "-sidecar-proxy");
        add(g, ACL_SERVICE, false, name, ACL_WRITE);
        add(g, ACL_SERVICE, false, buf_str(&sidecar), ACL_WRITE);
        add(g, ACL_SERVICE, true, STR_LIT(""), ACL_READ);
        add(g, ACL_NODE, true, STR_LIT(""), ACL_READ);
        buf_fini(&sidecar);
    }
    u = unpack_make(nodes);
    left = nodes.n ? unpack_array(&u) : 0;
    while (acl_pair_next(&u, &left, &name, &datacenter)) {
        if (!str_eq(datacenter, c->datacenter))
            continue;
        add(g, ACL_NODE, false, name, ACL_WRITE);
        add(g, ACL_SERVICE, true, STR_LIT(""), ACL_READ);
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
        c->grant->has_roles = true;
        if (!acl_role_get(c->view, id, &r, NULL))
            continue;
        add_policies(c, r.policies);
        add_identities(c, r.services, r.nodes);
    }
}

bool grant_find(struct view *v, struct str datacenter, struct str secret, struct grant *ret)
{
    struct view unwatched = {.store = v->store}; /* whoever waits is not woken by a policy */
    struct collect c = {.datacenter = datacenter, .view = &unwatched, .grant = ret};
    struct acl_token t = {0};

    *ret = (struct grant){0};
    if (acl_token_by_secret(&unwatched, secret, &t)) {
        collect_token(&c, &t);
        ret->expires_ns = t.expires_ns;
        return true;
    }
    return str_eq_z(secret, ACL_SECRET_ANONYMOUS);
}

void grant_agent_master(struct str node, struct grant *ret)
{
    *ret = (struct grant){0};
    add(ret, ACL_AGENT, false, node, ACL_WRITE);
    add(ret, ACL_NODE, true, STR_LIT(""), ACL_READ);
}

void grant_fini(struct grant *g)
{
    acl_rules_fini(&g->rules);
}

struct acl_set *grant_set(const struct grant *g, bool default_allow)
{
    const struct acl_rules none = {0};
    unsigned flags = g->is_management ? ACL_SET_ALL : 0;

    if (!g->is_bad && default_allow)
        flags |= ACL_SET_DEFAULT_ALLOW;
    return acl_set_new(g->is_bad ? &none : &g->rules, flags);
}

/* ---- bytes ---- */

void grant_encode(const struct grant *g, struct buf *out)
{
    pack_array(out, ITEMS);
    pack_bool(out, g->is_management);
    pack_bool(out, g->is_bad);
    pack_bool(out, g->has_policies);
    pack_bool(out, g->has_roles);
    pack_int(out, g->expires_ns);
    pack_array(out, (uint32_t)(g->rules.n * RULE_ITEMS));
    for (size_t i = 0; i < g->rules.n; i++) {
        const struct acl_rule *r = &g->rules.list[i];

        pack_uint(out, r->resource);
        pack_uint(out, r->access);
        pack_bool(out, r->is_prefix);
        pack_bin(out, r->name);
    }
}

int grant_decode(struct str bytes, struct grant *ret)
{
    struct unpack u = unpack_make(bytes);
    bool fits = unpack_array(&u) == ITEMS;
    struct grant g = {0};

    g.is_management = unpack_bool(&u);
    g.is_bad = unpack_bool(&u);
    g.has_policies = unpack_bool(&u);
    g.has_roles = unpack_bool(&u);
    g.expires_ns = unpack_int(&u);
    uint32_t n = unpack_array(&u);
    fits = fits && n % RULE_ITEMS == 0 && n / RULE_ITEMS <= ACL_RULES_MAX;
    for (uint32_t i = 0; fits && i < n / RULE_ITEMS; i++) {
        uint64_t resource = unpack_uint(&u), access = unpack_uint(&u);
        bool is_prefix = unpack_bool(&u);
        struct str name = unpack_str(&u);

        fits = !u.bad && resource < ACL_RESOURCE_N && access <= ACL_DENY &&
               acl_rules_add(&g.rules, (enum acl_resource)resource, is_prefix, name,
                             (enum acl_access)access) == 0;
    }
    if (u.bad || !fits) {
        grant_fini(&g);
        return ERR_CORRUPT;
    }
    *ret = g;
    return 0;
}
