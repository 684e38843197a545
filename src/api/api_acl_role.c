/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/acl_endpoint.go, agent/consul/acl_endpoint.go */
#include "config.h"

#include "api/acl_body.h"
#include "base/rng.h"
#include "state/session.h"

#define ID_SIZE 36

static const char *const members[] = {
    "ID",   "Name",        "Description", "Policies", "ServiceIdentities", "NodeIdentities",
    "Hash", "CreateIndex", "ModifyIndex", NULL};

bool api_acl_check_role(struct api_call *c)
{
    return api_acl_check(c) && (c->rest.n || api_fail(c, 400, "Bad request: Missing role ID"));
}

bool api_acl_check_role_name(struct api_call *c)
{
    return api_acl_check(c) && (c->rest.n || api_fail(c, 400, "Bad request: Missing role Name"));
}

/* ---- writing ---- */

static bool take_role(struct acl_body *b, struct acl_role *r)
{
    return acl_body_str(b, "ID", &r->id) && acl_body_str(b, "Name", &r->name) &&
           acl_body_str(b, "Description", &r->description) &&
           acl_body_links(b, "Policies", &r->policies) && acl_body_services(b, &r->services) &&
           acl_body_nodes(b, &r->nodes);
}

bool api_acl_role_create(struct api_call *c, struct buf *command)
{
    struct acl_role r = {0};
    struct acl_body b;
    char id[ID_SIZE + 1];
    bool ok = acl_body_open(&b, c, "Role", members) && take_role(&b, &r);

    if (ok && r.id.n)
        ok = api_fail(c, 400, "Bad request: Cannot specify the ID when creating a new role");
    if (ok) {
        rng_uuid(id);
        r.id = str_make(id, ID_SIZE);
        acl_encode_role(&r, ACL_PUT_NEW, command);
    }
    acl_body_close(&b);
    return ok;
}

bool api_acl_role_update(struct api_call *c, struct buf *command)
{
    struct acl_role r = {0};
    struct acl_body b;
    bool ok = acl_body_open(&b, c, "Role", members) && take_role(&b, &r);

    if (ok && r.id.n && !str_eq(r.id, c->rest))
        ok = api_fail(c, 400, "Bad request: Role ID in URL and payload do not match");
    if (ok) {
        r.id = c->rest;
        acl_encode_role(&r, ACL_PUT_CHANGE, command);
    }
    acl_body_close(&b);
    return ok;
}

bool api_acl_role_delete(struct api_call *c, struct buf *command)
{
    acl_encode_delete(ACL_KIND_ROLE, c->rest, command);
    return true;
}

/* ---- showing ---- */

static void put_role(struct jwrite *w, struct view *v, const struct acl_role *r)
{
    struct str hashed[] = {r->name, r->description, r->policies, r->services, r->nodes};

    jwrite_object(w);
    jwrite_name(w, "ID");
    jwrite_str(w, r->id);
    jwrite_name(w, "Name");
    jwrite_str(w, r->name);
    jwrite_name(w, "Description");
    jwrite_str(w, r->description);
    acl_body_put_policies(w, v, r->policies);
    acl_body_put_services(w, r->services);
    acl_body_put_nodes(w, r->nodes);
    acl_body_put_hash(w, hashed, sizeof hashed / sizeof hashed[0]);
    jwrite_name(w, "CreateIndex");
    jwrite_u64(w, r->create_index);
    jwrite_name(w, "ModifyIndex");
    jwrite_u64(w, r->modify_index);
    jwrite_close(w);
}

static void show(struct api_call *c, struct view *v, const struct acl_role *r)
{
    struct jwrite w = api_json(c);

    put_role(&w, v, r);
    jwrite_end(&w);
}

void api_acl_role_finish(struct api_call *c, const struct result *result)
{
    struct acl_role r;

    ASSERT(acl_read_role(buf_str(&result->body), &r));
    show(c, NULL, &r);
}

/* Consul sets no header of a read here. */
static void missing(struct api_call *c)
{
    api_empty(c, 404);
    c->is_failure = true;
}

int api_acl_role_get(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct acl_role r;
    struct error err = {0};

    if (!acl_body_may_read(c, v))
        return 0;
    if (session_check_id(c->rest, &err))
        api_fail(c, 500, "failed acl role lookup: %s", err.text);
    else if (acl_role_get(v, c->rest, &r, ret_index))
        show(c, v, &r);
    else
        missing(c);
    return 0;
}

int api_acl_role_by_name(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct acl_role r;

    if (!acl_body_may_read(c, v))
        return 0;
    if (acl_role_by_name(v, c->rest, &r, ret_index))
        show(c, v, &r);
    else
        missing(c);
    return 0;
}

struct role_list {
    struct jwrite w;
    struct view *view;
    struct str policy;
};

static bool on_role(void *data, const struct acl_role *r)
{
    struct role_list *l = data;

    if (!l->policy.n || acl_body_has_link(r->policies, l->policy))
        put_role(&l->w, l->view, r);
    return !l->w.out->failed;
}

int api_acl_roles(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct role_list l = {.w = api_json(c), .view = v, .policy = param_get(&c->params, "policy")};

    if (!acl_body_may_read(c, v))
        return 0;
    jwrite_array(&l.w);
    acl_roles(v, on_role, &l, ret_index);
    jwrite_close(&l.w);
    jwrite_end(&l.w);
    return 0;
}
