/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens, policies and roles of a Consul snapshot: agent/structs/acl.go. */
#include "config.h"

#include "state/acl.h"
#include "state/consul.h"

static void put_link(struct buf *out, const struct consul_record *e)
{
    pack_array(out, 2);
    pack_str(out, consul_text(e, "ID"));
    pack_str(out, consul_text(e, "Name"));
}

static void put_service(struct buf *out, const struct consul_record *e)
{
    struct unpack u = unpack_make(consul_field(e, "Datacenters"));
    uint32_t n = u.in.p ? unpack_array(&u) : 0;

    pack_array(out, 2);
    pack_str(out, consul_text(e, "ServiceName"));
    pack_array(out, n);
    for (; n > 0 && !u.bad; n--)
        pack_str(out, unpack_str(&u));
    *e->bad |= u.bad;
}

static void put_node(struct buf *out, const struct consul_record *e)
{
    pack_array(out, 2);
    pack_str(out, consul_text(e, "NodeName"));
    pack_str(out, consul_text(e, "Datacenter"));
}

/* Tokens of before 1.4 carry their rules themselves: with those they would mean nothing here. */
void consul_take_token(struct consul_sink *s, const struct consul_record *r)
{
    struct acl_token t = {
        .accessor = consul_text(r, "AccessorID"),
        .secret = consul_text(r, "SecretID"),
        .description = consul_text(r, "Description"),
        .policies = consul_each(r, "Policies", put_link),
        .roles = consul_each(r, "Roles", put_link),
        .services = consul_each(r, "ServiceIdentities", put_service),
        .nodes = consul_each(r, "NodeIdentities", put_node),
        .local = consul_bool(r, "Local"),
        .created_ns = consul_time(r, "CreateTime"),
        .expires_ns = consul_time(r, "ExpirationTime"),
        .create_index = consul_index(r, "CreateIndex"),
        .modify_index = consul_index(r, "ModifyIndex"),
    };

    if (t.accessor.n == 0 || consul_text(r, "Type").n || consul_text(r, "Rules").n) {
        s->left[CONSUL_LEFT_TOKEN]++;
        return;
    }
    buf_put_str(&s->key, t.accessor);
    acl_put_token(&s->row, &t);
    consul_put(s, CONSUL_TO_TOKEN);
}

void consul_take_policy(struct consul_sink *s, const struct consul_record *r)
{
    struct acl_policy p = {
        .id = consul_text(r, "ID"),
        .name = consul_text(r, "Name"),
        .description = consul_text(r, "Description"),
        .rules = consul_text(r, "Rules"),
        .datacenters = consul_texts(r, "Datacenters"),
        .create_index = consul_index(r, "CreateIndex"),
        .modify_index = consul_index(r, "ModifyIndex"),
    };

    if (consul_u64(r, "Syntax") != 0) { /* acl.SyntaxLegacy */
        s->left[CONSUL_LEFT_POLICY]++;
        return;
    }
    buf_put_str(&s->key, p.id);
    acl_put_policy(&s->row, &p);
    consul_put(s, CONSUL_TO_POLICY);
}

void consul_take_role(struct consul_sink *s, const struct consul_record *r)
{
    struct acl_role role = {
        .id = consul_text(r, "ID"),
        .name = consul_text(r, "Name"),
        .description = consul_text(r, "Description"),
        .policies = consul_each(r, "Policies", put_link),
        .services = consul_each(r, "ServiceIdentities", put_service),
        .nodes = consul_each(r, "NodeIdentities", put_node),
        .create_index = consul_index(r, "CreateIndex"),
        .modify_index = consul_index(r, "ModifyIndex"),
    };

    buf_put_str(&s->key, role.id);
    acl_put_role(&s->row, &role);
    consul_put(s, CONSUL_TO_ROLE);
}
