/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of the commands on tokens, policies and roles. */
#include "config.h"

#include "state/acl.h"

/* ---- encoding ---- */

static void put_row(struct buf *out, enum command_id id, enum acl_put how, struct buf *row)
{
    command_begin(out, id);
    pack_array(out, 2);
    pack_uint(out, how);
    pack_bin(out, buf_str(row));
    buf_fini(row);
}

void acl_encode_token(const struct acl_token *t, enum acl_put how, struct buf *out)
{
    struct buf row;

    buf_init(&row, 0);
    acl_put_token(&row, t);
    put_row(out, COMMAND_ACL_TOKEN, how, &row);
}

void acl_encode_policy(const struct acl_policy *p, enum acl_put how, struct buf *out)
{
    struct buf row;

    buf_init(&row, 0);
    acl_put_policy(&row, p);
    put_row(out, COMMAND_ACL_POLICY, how, &row);
}

void acl_encode_role(const struct acl_role *r, enum acl_put how, struct buf *out)
{
    struct buf row;

    buf_init(&row, 0);
    acl_put_role(&row, r);
    put_row(out, COMMAND_ACL_ROLE, how, &row);
}

void acl_encode_clone(struct str from, const struct acl_token *t, struct buf *out)
{
    struct buf row;

    buf_init(&row, 0);
    acl_put_token(&row, t);
    command_begin(out, COMMAND_ACL_CLONE);
    pack_array(out, 2);
    pack_str(out, from);
    pack_bin(out, buf_str(&row));
    buf_fini(&row);
}

void acl_encode_delete(enum acl_kind kind, struct str id, struct buf *out)
{
    command_begin(out, COMMAND_ACL_DELETE);
    pack_array(out, 2);
    pack_uint(out, kind);
    pack_str(out, id);
}

void acl_encode_builtin(struct str master_accessor, struct str master_secret, int64_t created_ns,
                        struct buf *out)
{
    command_begin(out, COMMAND_ACL_BUILTIN);
    pack_array(out, 3);
    pack_str(out, master_accessor);
    pack_str(out, master_secret);
    pack_int(out, created_ns);
}
