/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is asked of rights as such. consul: agent/acl_endpoint.go, agent/agent_endpoint.go */
#include "config.h"

#include "api/acl_body.h"
#include "state/policy.h"

#define QUESTIONS_MAX 64 /* in one request; consul: maximumBatchAuthorizeSize */

bool api_acl_check(struct api_call *c)
{
    return c->env->config->acl_enabled || api_fail(c, 401, "ACL support disabled");
}

/* ---- may this token do that? ---- */

struct question {
    struct str resource, segment, access;
};
struct questions {
    struct question list[QUESTIONS_MAX];
    size_t n;
};

bool api_acl_check_authorize(struct api_call *c)
{
    struct questions *q = arena_new(&c->arena, struct questions);
    struct jvalue *root = NULL;
    struct error err = {0};
    bool ok = true;

    if (!api_acl_check(c))
        return false;
    if (jread_parse(c->request.body, &root, &err))
        return api_fail(c, 400, "Failed to decode request body: %s", err.text);
    if (jread_type(root) != JREAD_ARRAY)
        ok = api_fail(c, 400, "Failed to decode request body: not a list");
    else if (jread_count(root) > QUESTIONS_MAX)
        ok = api_fail(c, 400, "Refusing to process more than %d authorizations at once",
                      QUESTIONS_MAX);
    for (size_t i = 0; ok && i < jread_count(root); i++) {
        const struct jvalue *v = jread_at(root, i);
        struct str resource = STR_NONE, segment = STR_NONE, access = STR_NONE;

        if (jread_type(v) != JREAD_OBJECT || jread_str(jread_get(v, "Resource"), &resource) ||
            jread_str(jread_get(v, "Segment"), &segment) ||
            jread_str(jread_get(v, "Access"), &access))
            ok = api_fail(c, 400, "Failed to decode request body: question %zu", i);
        q->list[q->n++] =
            (struct question){api_keep(c, resource), api_keep(c, segment), api_keep(c, access)};
    }
    jread_free(root);
    c->scratch = q;
    return ok;
}

static bool is_allowed(const struct view *v, const struct question *q)
{
    enum acl_resource resource;
    enum acl_access access;

    return acl_resource_parse(q->resource, &resource) && acl_access_parse(q->access, &access) &&
           access != ACL_DENY && policy_allows(v, resource, q->segment, access);
}

int api_acl_authorize(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    const struct questions *q = c->scratch;
    struct jwrite w = api_json(c);

    *ret_index = view_index(v);
    jwrite_array(&w);
    for (size_t i = 0; i < q->n; i++) {
        jwrite_object(&w);
        jwrite_name(&w, "Resource");
        jwrite_str(&w, q->list[i].resource);
        if (q->list[i].segment.n) {
            jwrite_name(&w, "Segment");
            jwrite_str(&w, q->list[i].segment);
        }
        jwrite_name(&w, "Access");
        jwrite_str(&w, q->list[i].access);
        jwrite_name(&w, "Allow");
        jwrite_bool(&w, is_allowed(v, &q->list[i]));
        jwrite_close(&w);
    }
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}

/* ---- rules as they were written before there were policies ---- */

bool api_acl_check_translate(struct api_call *c)
{
    struct str *text = arena_new(&c->arena, struct str);

    *text = api_keep(c, c->request.body);
    c->scratch = text;
    return api_acl_check(c);
}

/* There a name always stood for all that begins with it. */
static void put_rule(struct buf *out, const struct acl_rule *r)
{
    if (out->n)
        buf_put_c(out, '\n');
    if (!acl_resource_is_named(r->resource)) {
        buf_putf(out, "%s = \"%s\"", acl_resource_name(r->resource), acl_access_name(r->access));
        return;
    }
    buf_putf(out, "%s_prefix ", acl_resource_name(r->resource));
    state_quote(out, r->name);
    buf_putf(out, " {\n  policy = \"%s\"\n}", acl_access_name(r->access));
}

int api_acl_translate(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    const struct str *text = c->scratch;
    struct acl_rules rules = {0};
    struct error err = {0};

    *ret_index = view_index(v);
    if (!acl_body_may_read(c, v))
        return 0;
    if (acl_rules_parse(*text, &rules, &err)) {
        struct str why = str_z(err.text), known = STR_LIT("Failed to parse ACL rules: ");
        if (str_has_prefix(why, known))
            why = str_drop(why, known.n);
        api_fail(c, 400, "Bad request: Failed to parse rules: %.*s", STR_ARG(why));
    } else {
        api_header(c, "Content-Type", STR_LIT("text/plain; charset=utf-8"));
        for (size_t i = 0; i < rules.n; i++)
            put_rule(&c->reply.body, &rules.list[i]);
    }
    acl_rules_fini(&rules);
    return 0;
}

/* ---- the rest ---- */

/* The tokens of before there were policies: none can be here. consul: 1.11 and later */
void api_acl_legacy(struct api_call *c)
{
    (void)api_fail(c, 410, "Endpoint %.*s for the legacy ACL system was removed in Consul 1.11.",
                   STR_ARG(c->request.path));
}

/* Logging in and out is for auth methods. consul: acl.ErrNotFound of a method that is not there */
void api_acl_login(struct api_call *c)
{
    (void)api_fail(c, 403, "ACL not found: there are no auth methods in this version");
}

/* There is one datacenter whose servers hold the tokens: nothing is copied. */
void api_acl_replication(struct api_call *c)
{
    static const char *const flags[] = {"Enabled", "Running"};
    static const char *const texts[] = {"SourceDatacenter", "ReplicationType"};
    static const char *const counts[] = {"ReplicatedIndex", "ReplicatedRoleIndex",
                                         "ReplicatedTokenIndex"};
    static const char *const times[] = {"LastSuccess", "LastError"};
    struct jwrite w = api_json(c);

    jwrite_object(&w);
    for (size_t i = 0; i < 2; i++) {
        jwrite_name(&w, flags[i]);
        jwrite_bool(&w, false);
    }
    for (size_t i = 0; i < 2; i++) {
        jwrite_name(&w, texts[i]);
        jwrite_z(&w, "");
    }
    for (size_t i = 0; i < 3; i++) {
        jwrite_name(&w, counts[i]);
        jwrite_u64(&w, 0);
    }
    for (size_t i = 0; i < 2; i++) {
        jwrite_name(&w, times[i]);
        jwrite_z(&w, "0001-01-01T00:00:00Z");
    }
    jwrite_close(&w);
    jwrite_end(&w);
}

void api_acl_agent_token(struct api_call *c, struct agent *agent)
{
    struct jvalue *root = NULL;
    struct error err = {0};
    struct str token = STR_LIT("");
    int rc;

    if (jread_parse(c->request.body, &root, &err)) {
        api_fail(c, 400, "Request decode failed: %s", err.text);
        return;
    }
    if (jread_type(root) != JREAD_OBJECT || jread_str(jread_get(root, "Token"), &token)) {
        api_fail(c, 400, "Request decode failed: json: cannot unmarshal into a token");
        jread_free(root);
        return;
    }
    rc = agent_set_token(agent, c->rest, token, &err);
    jread_free(root);
    if (rc == ERR_NOT_FOUND)
        api_fail(c, 404, "Token \"%.*s\" is unknown", STR_ARG(c->rest));
    else if (rc == ERR_TOO_LARGE)
        api_fail(c, 400, "Token is longer than %d bytes", TOKENS_TEXT_MAX);
    else if (rc)
        api_fail(c, 500, "failed to persist tokens: %s", err.text);
    else
        api_empty(c, 200);
}
