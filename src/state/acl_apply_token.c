/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes of tokens: made, changed, copied, the first of all, and those that are always there. */
#include "config.h"

#include "base/encode.h"
#include "state/acl_apply.h"
#include "state/indexes.h"
#include "state/session.h"

/* ---- tokens ---- */

static void store_token(struct apply *a, struct acl_token *t)
{
    struct buf row;

    t->modify_index = a->index;
    buf_init(&row, 0);
    acl_put_token(&row, t);
    store_put(a->txn, TABLE_ACL_TOKEN, t->accessor, buf_str(&row));
    store_put(a->txn, TABLE_ACL_SECRET, t->secret, t->accessor);
    buf_put_str(&a->result->body, buf_str(&row));
    buf_fini(&row);
    acl_apply_touch(a, INDEXES_ACL_TOKENS);
}

static int finish_token(struct apply *a, struct acl_token *t)
{
    struct buf policies, roles;
    int rc;

    buf_init(&policies, 0);
    buf_init(&roles, 0);
    rc = acl_apply_links(a, t->policies, "policy", acl_apply_find_policy, &policies);
    if (!rc)
        rc = acl_apply_links(a, t->roles, "role", acl_apply_find_role, &roles);
    if (!rc)
        rc = acl_apply_check_identities(a, t->services, t->nodes, "token");
    if (!rc) {
        t->policies = buf_str(&policies);
        t->roles = buf_str(&roles);
        store_token(a, t);
    }
    buf_fini(&policies);
    buf_fini(&roles);
    return rc;
}

static int make_token(struct apply *a, struct acl_token *t)
{
    struct str row;
    struct error err = {0};

    if (session_check_id(t->accessor, &err))
        return state_fail(a, ERR_INVALID,
                          "Failed acl token lookup by accessor: failed acl token lookup: %s",
                          err.text);
    if (!encode_is_uuid(t->secret))
        return state_fail(a, ERR_INVALID, "Invalid Token: SecretID is not a valid UUID");
    if (store_get(a->view.store, TABLE_ACL_TOKEN, t->accessor, &row))
        return state_fail(a, ERR_INVALID, "Invalid Token: AccessorID is already in use");
    if (store_get(a->view.store, TABLE_ACL_SECRET, t->secret, &row))
        return state_fail(a, ERR_INVALID, "Invalid Token: SecretID is already in use");
    t->create_index = a->index;
    return finish_token(a, t);
}

static int change_token(struct apply *a, struct acl_token *t)
{
    struct acl_token old;
    int rc = acl_apply_check_id(a, t->accessor, "token");

    if (rc)
        return rc;
    if (!acl_token_get(&a->view, t->accessor, &old, NULL))
        return state_fail(a, ERR_INVALID, "Cannot find token \"%.*s\"", STR_ARG(t->accessor));
    if (t->secret.n && !str_eq(t->secret, old.secret))
        return state_fail(a, ERR_INVALID, "Changing a tokens SecretID is not permitted");
    if (t->local != old.local && t->local)
        return state_fail(a, ERR_INVALID, "cannot toggle local mode of %.*s", STR_ARG(t->accessor));
    t->secret = old.secret;
    t->local = old.local;
    t->created_ns = old.created_ns;
    t->expires_ns = old.expires_ns;
    t->create_index = old.create_index;
    return finish_token(a, t);
}

static int bootstrap_token(struct apply *a, struct acl_token *t)
{
    uint64_t done = acl_bootstrap_index(&a->view);

    /* consul: the reset file names the index of the last bootstrap; it travels in create_index. */
    if (done && done != t->create_index)
        return state_fail(a, ERR_DENIED,
                          "Permission denied: ACL bootstrap no longer allowed (reset index: %llu)",
                          (unsigned long long)done);
    indexes_raise(a, INDEXES_ACL_BOOTSTRAP);
    return make_token(a, t);
}

int acl_apply_token(struct apply *a, struct str body)
{
    struct acl_token t;
    struct str row;
    enum acl_put how;

    if (!acl_apply_read(body, &how, &row) || !acl_read_token(row, &t))
        return ERR_INVALID;
    if (how == ACL_PUT_BOOTSTRAP)
        return bootstrap_token(a, &t);
    return how == ACL_PUT_NEW ? make_token(a, &t) : change_token(a, &t);
}

int acl_apply_clone(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 2;
    struct str from = unpack_str(&u), row = unpack_str(&u);
    struct acl_token t, old;
    int rc;

    if (!fits || u.bad || !unpack_is_end(&u) || !acl_read_token(row, &t))
        return ERR_INVALID;
    rc = acl_apply_check_id(a, from, "token");
    if (rc)
        return rc;
    if (!acl_token_get(&a->view, from, &old, NULL) || str_eq_z(from, ACL_TOKEN_ANONYMOUS))
        return state_fail(a, ERR_DENIED, "ACL not found");
    t.policies = old.policies;
    t.roles = old.roles;
    t.services = old.services;
    t.nodes = old.nodes;
    t.local = old.local;
    t.expires_ns = old.expires_ns;
    if (t.description.n == 0)
        t.description = old.description;
    return make_token(a, &t);
}

/* ---- deleting ---- */

int acl_apply_delete_token(struct apply *a, struct str id)
{
    struct acl_token t;

    if (!encode_is_uuid(id))
        return state_fail(a, ERR_INVALID, "Accessor ID is missing or an invalid UUID");
    if (str_eq_z(id, ACL_TOKEN_ANONYMOUS))
        return state_fail(a, ERR_INVALID, "Delete operation not permitted on the anonymous token");
    if (!acl_token_get(&a->view, id, &t, NULL))
        return 0;
    store_del(a->txn, TABLE_ACL_SECRET, t.secret);
    store_del(a->txn, TABLE_ACL_TOKEN, id);
    acl_apply_touch(a, INDEXES_ACL_TOKENS);
    return 0;
}

/* ---- what is always there ---- */

static void make_anonymous(struct apply *a, int64_t created_ns)
{
    struct acl_token t;

    if (acl_token_get(&a->view, STR_LIT(ACL_TOKEN_ANONYMOUS), &t, NULL))
        return;
    t = (struct acl_token){
        .accessor = STR_LIT(ACL_TOKEN_ANONYMOUS),
        .secret = STR_LIT(ACL_SECRET_ANONYMOUS),
        .description = STR_LIT("Anonymous Token"),
        .created_ns = created_ns,
        .create_index = a->index,
    };
    store_token(a, &t);
}

static int make_master(struct apply *a, struct str accessor, struct str secret, int64_t created_ns)
{
    struct acl_token t;
    struct buf links;
    int rc;

    if (secret.n == 0 || acl_token_by_secret(&a->view, secret, &t))
        return 0;
    buf_init(&links, 0);
    pack_array(&links, 1);
    pack_array(&links, 2);
    pack_str(&links, STR_LIT(ACL_POLICY_MANAGEMENT));
    pack_str(&links, STR_NONE);
    t = (struct acl_token){
        .accessor = accessor,
        .secret = secret,
        .description = STR_LIT("Master Token"),
        .policies = buf_str(&links),
        .created_ns = created_ns,
    };
    rc = make_token(a, &t);
    if (!rc)
        indexes_raise(a, INDEXES_ACL_BOOTSTRAP);
    buf_fini(&links);
    return rc;
}

int acl_apply_builtin(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 3;
    struct str accessor = unpack_str(&u), secret = unpack_str(&u);
    int64_t created_ns = unpack_int(&u);

    if (!fits || u.bad || !unpack_is_end(&u))
        return ERR_INVALID;
    acl_apply_builtin_policy(a);
    make_anonymous(a, created_ns);
    int rc = make_master(a, accessor, secret, created_ns);
    buf_clear(&a->result->body);
    return rc;
}
