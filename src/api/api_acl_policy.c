/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/acl_endpoint.go, agent/consul/acl_endpoint.go */
#include "config.h"

#include "api/acl_body.h"
#include "base/rng.h"
#include "state/session.h"

#define ID_SIZE 36

static const char *const members[] = {"ID",   "Name",        "Description", "Rules", "Datacenters",
                                      "Hash", "CreateIndex", "ModifyIndex", NULL};

bool api_acl_check_policy(struct api_call *c)
{
    return api_acl_check(c) && (c->rest.n || api_fail(c, 400, "Bad request: Missing policy ID"));
}

bool api_acl_check_policy_name(struct api_call *c)
{
    return api_acl_check(c) && (c->rest.n || api_fail(c, 400, "Bad request: Missing policy Name"));
}

/* ---- writing ---- */

static bool take_policy(struct acl_body *b, struct acl_policy *p)
{
    return acl_body_str(b, "ID", &p->id) && acl_body_str(b, "Name", &p->name) &&
           acl_body_str(b, "Description", &p->description) && acl_body_str(b, "Rules", &p->rules) &&
           acl_body_texts(b, "Datacenters", &p->datacenters);
}

bool api_acl_policy_create(struct api_call *c, struct buf *command)
{
    struct acl_policy p = {0};
    struct acl_body b;
    char id[ID_SIZE + 1];
    bool ok = acl_body_open(&b, c, "Policy", members) && take_policy(&b, &p);

    if (ok && p.id.n)
        ok = api_fail(c, 400, "Bad request: Cannot specify the ID when creating a new policy");
    if (ok) {
        rng_uuid(id);
        p.id = str_make(id, ID_SIZE);
        acl_encode_policy(&p, ACL_PUT_NEW, command);
    }
    acl_body_close(&b);
    return ok;
}

bool api_acl_policy_update(struct api_call *c, struct buf *command)
{
    struct acl_policy p = {0};
    struct acl_body b;
    bool ok = acl_body_open(&b, c, "Policy", members) && take_policy(&b, &p);

    if (ok && p.id.n && !str_eq(p.id, c->rest))
        ok = api_fail(c, 400, "Bad request: Policy ID in URL and payload do not match");
    if (ok) {
        p.id = c->rest;
        acl_encode_policy(&p, ACL_PUT_CHANGE, command);
    }
    acl_body_close(&b);
    return ok;
}

bool api_acl_policy_delete(struct api_call *c, struct buf *command)
{
    acl_encode_delete(ACL_KIND_POLICY, c->rest, command);
    return true;
}

/* ---- showing ---- */

/* Lists show all but the rules, and say null where a policy counts everywhere. */
static void put_policy(struct jwrite *w, const struct acl_policy *p, bool in_list)
{
    struct str hashed[] = {p->name, p->description, p->rules, p->datacenters};
    struct unpack u = unpack_make(p->datacenters);
    bool everywhere = p->datacenters.n == 0 || unpack_array(&u) == 0;

    jwrite_object(w);
    jwrite_name(w, "ID");
    jwrite_str(w, p->id);
    jwrite_name(w, "Name");
    jwrite_str(w, p->name);
    jwrite_name(w, "Description");
    jwrite_str(w, p->description);
    if (!in_list) {
        jwrite_name(w, "Rules");
        jwrite_str(w, p->rules);
    }
    if (in_list && everywhere) {
        jwrite_name(w, "Datacenters");
        jwrite_null(w);
    } else {
        acl_body_put_texts(w, "Datacenters", p->datacenters);
    }
    acl_body_put_hash(w, hashed, sizeof hashed / sizeof hashed[0]);
    jwrite_name(w, "CreateIndex");
    jwrite_u64(w, p->create_index);
    jwrite_name(w, "ModifyIndex");
    jwrite_u64(w, p->modify_index);
    jwrite_close(w);
}

static void show(struct api_call *c, const struct acl_policy *p)
{
    struct jwrite w = api_json(c);

    put_policy(&w, p, false);
    jwrite_end(&w);
}

void api_acl_policy_finish(struct api_call *c, const struct result *result)
{
    struct acl_policy p;

    ASSERT(acl_read_policy(buf_str(&result->body), &p));
    show(c, &p);
}

int api_acl_policy_get(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct acl_policy p;
    struct error err = {0};

    if (!acl_body_may_read(c, v))
        return 0;
    if (session_check_id(c->rest, &err)) {
        api_fail(c, 500, "failed acl policy lookup: %s", err.text);
        return 0;
    }
    if (!acl_policy_get(v, c->rest, &p, ret_index))
        return acl_body_missing(c);
    show(c, &p);
    return 0;
}

int api_acl_policy_by_name(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct acl_policy p;

    if (!acl_body_may_read(c, v))
        return 0;
    if (!acl_policy_by_name(v, c->rest, &p, ret_index))
        return acl_body_missing(c);
    show(c, &p);
    return 0;
}

static bool on_policy(void *data, const struct acl_policy *p)
{
    struct jwrite *w = data;

    put_policy(w, p, true);
    return !w->out->failed;
}

int api_acl_policies(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct jwrite w = api_json(c);

    if (!acl_body_may_read(c, v))
        return 0;
    jwrite_array(&w);
    acl_policies(v, on_policy, &w, ret_index);
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}
