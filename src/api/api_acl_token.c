/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/acl_endpoint.go, agent/consul/acl_endpoint.go */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "api/acl_body.h"
#include "base/encode.h"
#include "base/rng.h"
#include "state/policy.h"
#include "state/session.h"

#define ID_SIZE 36
/* consul: acl.token_min_expiration_ttl, acl.token_max_expiration_ttl */
#define EXPIRATION_MIN DURATION_S(60)
#define EXPIRATION_MAX DURATION_S(24 * 3600)
#define RESET_FILE     "acl-bootstrap-reset"
#define CLONE          STR_LIT("/clone")

static const char *const members[] = {"AccessorID",     "SecretID",
                                      "Description",    "Policies",
                                      "Roles",          "ServiceIdentities",
                                      "NodeIdentities", "Local",
                                      "AuthMethod",     "ExpirationTime",
                                      "ExpirationTTL",  "CreateTime",
                                      "Hash",           "ID",
                                      "Name",           "Type",
                                      "Rules",          "CreateIndex",
                                      "ModifyIndex",    NULL};

bool api_acl_check_token(struct api_call *c)
{
    return api_acl_check(c) && (c->rest.n || api_fail(c, 400, "Bad request: Missing token ID"));
}

/* ---- writing ---- */

static struct str new_id(struct api_call *c)
{
    char id[ID_SIZE + 1];

    rng_uuid(id);
    return api_keep(c, str_make(id, ID_SIZE));
}

/* "1m0s" */
static const char *duration_text(struct api_call *c, struct duration d)
{
    struct buf text;
    const char *kept;

    buf_init(&text, 0);
    duration_format(d, &text);
    kept = api_printf(c, "%s", buf_z(&text)).p;
    buf_fini(&text);
    return kept;
}

static bool take_expiration(struct acl_body *b, struct acl_token *t)
{
    struct api_call *c = b->c;
    const struct jvalue *v = jread_get(b->root, "ExpirationTTL");
    struct duration ttl = {0};

    if (jread_duration(v, &ttl))
        return acl_body_fail(b, "time: invalid duration");
    if (ttl.ns == 0)
        return true;
    if (ttl.ns < 0)
        return api_fail(c, 500, "Token Expiration TTL '%s' should be > 0", duration_text(c, ttl));
    if (ttl.ns < EXPIRATION_MIN.ns)
        return api_fail(c, 500, "ExpirationTime cannot be less than %s in the future (was %s)",
                        duration_text(c, EXPIRATION_MIN), duration_text(c, ttl));
    if (ttl.ns > EXPIRATION_MAX.ns)
        return api_fail(c, 500, "ExpirationTime cannot be more than %s in the future (was %s)",
                        duration_text(c, EXPIRATION_MAX), duration_text(c, ttl));
    t->expires_ns = t->created_ns + ttl.ns;
    return true;
}

static bool take_token(struct acl_body *b, struct acl_token *t)
{
    t->created_ns = clock_wall_ns();
    return acl_body_str(b, "AccessorID", &t->accessor) && acl_body_str(b, "SecretID", &t->secret) &&
           acl_body_str(b, "Description", &t->description) &&
           acl_body_bool(b, "Local", &t->local) && acl_body_links(b, "Policies", &t->policies) &&
           acl_body_links(b, "Roles", &t->roles) && acl_body_services(b, &t->services) &&
           acl_body_nodes(b, &t->nodes) && take_expiration(b, t);
}

bool api_acl_token_create(struct api_call *c, struct buf *command)
{
    struct acl_token t = {0};
    struct acl_body b;
    bool ok = acl_body_open(&b, c, "Token", members) && take_token(&b, &t);

    if (ok) {
        t.accessor = t.accessor.n ? t.accessor : new_id(c);
        t.secret = t.secret.n ? t.secret : new_id(c);
        acl_encode_token(&t, ACL_PUT_NEW, command);
    }
    acl_body_close(&b);
    return ok;
}

bool api_acl_token_update(struct api_call *c, struct buf *command)
{
    struct acl_token t = {0};
    struct acl_body b;
    bool is_clone = str_has_suffix(c->rest, CLONE);
    struct str id = is_clone ? str_take(c->rest, c->rest.n - CLONE.n) : c->rest;
    bool ok = acl_body_open(&b, c, "Token", members) && take_token(&b, &t);

    if (ok && !is_clone && t.accessor.n && !str_eq(t.accessor, id))
        ok = api_fail(c, 400, "Bad request: Token Accessor ID in URL and payload do not match");
    if (ok && is_clone) {
        t.accessor = new_id(c);
        t.secret = new_id(c);
        acl_encode_clone(id, &t, command);
    } else if (ok) {
        t.accessor = id;
        acl_encode_token(&t, ACL_PUT_CHANGE, command);
    }
    acl_body_close(&b);
    return ok;
}

bool api_acl_token_delete(struct api_call *c, struct buf *command)
{
    acl_encode_delete(ACL_KIND_TOKEN, c->rest, command);
    return true;
}

/* ---- the first token ---- */

static const char *reset_path(struct api_call *c)
{
    const char *dir = c->env->config->data_dir;

    return dir ? api_printf(c, "%s/%s", dir, RESET_FILE).p : NULL;
}

/* consul: who can write this file on the leader may bootstrap once more; it holds the index that
 * the refusal names. */
static uint64_t read_reset(struct api_call *c)
{
    const char *path = reset_path(c);
    uint64_t index = 0;
    char text[32];
    ssize_t n;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof text);
    close(fd);
    return n > 0 && !str_to_u64(str_trim(str_make(text, (size_t)n)), &index) ? index : 0;
}

bool api_acl_bootstrap(struct api_call *c, struct buf *command)
{
    struct acl_token t = {
        .accessor = new_id(c),
        .secret = new_id(c),
        .description = STR_LIT("Bootstrap Token (Global Management)"),
        .created_ns = clock_wall_ns(),
        .create_index = read_reset(c),
    };
    struct buf links;

    buf_init(&links, 0);
    pack_array(&links, 1);
    pack_array(&links, 2);
    pack_str(&links, STR_LIT(ACL_POLICY_MANAGEMENT));
    pack_str(&links, STR_NONE);
    t.policies = buf_str(&links);
    acl_encode_token(&t, ACL_PUT_BOOTSTRAP, command);
    buf_fini(&links);
    return true;
}

/* ---- showing ---- */

/* v NULL: links as they stand. with_secret: also for lists, which show none. */
static void put_token(struct jwrite *w, struct view *v, const struct acl_token *t, bool with_secret,
                      bool is_first)
{
    struct str hashed[] = {t->description, t->policies, t->roles, t->services, t->nodes};

    jwrite_object(w);
    if (is_first) {
        jwrite_name(w, "ID");
        jwrite_str(w, t->secret);
    }
    jwrite_name(w, "AccessorID");
    jwrite_str(w, t->accessor);
    if (with_secret) {
        jwrite_name(w, "SecretID");
        jwrite_str(w, t->secret);
    }
    jwrite_name(w, "Description");
    jwrite_str(w, t->description);
    acl_body_put_policies(w, v, t->policies);
    acl_body_put_roles(w, v, t->roles);
    acl_body_put_services(w, t->services);
    acl_body_put_nodes(w, t->nodes);
    jwrite_name(w, "Local");
    jwrite_bool(w, t->local);
    if (t->expires_ns)
        acl_body_put_time(w, "ExpirationTime", t->expires_ns);
    acl_body_put_time(w, "CreateTime", t->created_ns);
    acl_body_put_hash(w, hashed, sizeof hashed / sizeof hashed[0]);
    jwrite_name(w, "CreateIndex");
    jwrite_u64(w, t->create_index);
    jwrite_name(w, "ModifyIndex");
    jwrite_u64(w, t->modify_index);
    jwrite_close(w);
}

static void finish(struct api_call *c, const struct result *result, bool is_first)
{
    struct acl_token t;
    struct jwrite w = api_json(c);

    ASSERT(acl_read_token(buf_str(&result->body), &t));
    put_token(&w, NULL, &t, true, is_first);
    jwrite_end(&w);
}

void api_acl_token_finish(struct api_call *c, const struct result *result)
{
    finish(c, result, false);
}

void api_acl_bootstrapped(struct api_call *c, const struct result *result)
{
    const char *path = reset_path(c);

    if (path)
        (void)unlink(path);
    finish(c, result, true);
}

static void show(struct api_call *c, struct view *v, const struct acl_token *t)
{
    struct jwrite w = api_json(c);

    put_token(&w, v, t, true, false);
    jwrite_end(&w);
}

int api_acl_token_get(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct acl_token t;
    struct error err = {0};

    if (!acl_body_may_read(c, v))
        return 0;
    if (session_check_id(c->rest, &err)) {
        api_fail(c, 500, "failed acl token lookup: %s", err.text);
        return 0;
    }
    if (!acl_token_get(v, c->rest, &t, ret_index))
        return acl_body_missing(c);
    show(c, v, &t);
    return 0;
}

int api_acl_token_self(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct acl_token t = {.accessor = STR_LIT("")};

    if (v->token.n)
        (void)acl_token_by_secret(v, v->token, &t);
    if (!acl_token_get(v, t.accessor, &t, ret_index))
        return acl_body_missing(c);
    show(c, v, &t);
    return 0;
}

struct token_list {
    struct jwrite w;
    struct view *view;
    struct str policy, role;
};

static bool on_token(void *data, const struct acl_token *t)
{
    struct token_list *l = data;

    if ((l->policy.n && !acl_body_has_link(t->policies, l->policy)) ||
        (l->role.n && !acl_body_has_link(t->roles, l->role)))
        return true;
    put_token(&l->w, l->view, t, false, false);
    return !l->w.out->failed;
}

int api_acl_tokens(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct token_list l = {
        .w = api_json(c),
        .view = v,
        .policy = param_get(&c->params, "policy"),
        .role = param_get(&c->params, "role"),
    };

    if (!acl_body_may_read(c, v))
        return 0;
    jwrite_array(&l.w);
    acl_tokens(v, on_token, &l, ret_index);
    jwrite_close(&l.w);
    jwrite_end(&l.w);
    return 0;
}
