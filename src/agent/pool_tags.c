/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/pool_tags.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent/config_value.h"

static void tag(struct config_pairs *tags, const char *name, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void tag(struct config_pairs *tags, const char *name, const char *fmt, ...)
{
    char value[160];
    va_list args;
    va_start(args, fmt);
    vsnprintf(value, sizeof value, fmt, args);
    va_end(args);
    config_value_pairs_set(tags, str_z(name), str_z(value));
}

static void server_tags(const struct config *c, enum pool_kind kind, struct config_pairs *ret)
{
    tag(ret, "role", "consul");
    if (c->bootstrap)
        tag(ret, "bootstrap", "1");
    if (c->bootstrap_expect > 1)
        tag(ret, "expect", "%lld", (long long)c->bootstrap_expect);
    if (c->read_replica) {
        tag(ret, "nonvoter", "1");
        tag(ret, "read_replica", "1");
    }
    tag(ret, "ft_fs", "1");
    tag(ret, "ft_si", "1");
    tag(ret, "port", "%lld", (long long)c->port_server);
    tag(ret, "raft_vsn", "3");
    if (kind == POOL_LAN && c->port_serf_wan > 0)
        tag(ret, "wan_join_port", "%lld", (long long)c->port_serf_wan);
}

void pool_tags_own(const struct config *c, const char *node_id, enum pool_kind kind,
                   struct config_pairs *ret)
{
    tag(ret, "acls", c->acl_enabled ? "1" : "0");
    tag(ret, "build", "%s:disco", DISCO_VERSION);
    tag(ret, "dc", "%s", c->datacenter);
    tag(ret, "id", "%s", node_id);
    tag(ret, "segment", "%s", "");
    tag(ret, "vsn", "2");
    tag(ret, "vsn_max", "3");
    tag(ret, "vsn_min", "2");
    if (c->server)
        server_tags(c, kind, ret);
    else
        tag(ret, "role", "node");
}

int pool_tags_accept(const struct config *c, const char *node_id, enum pool_kind kind,
                     const struct member *m, struct error *err)
{
    if (kind == POOL_WAN) {
        if (m->role != MEMBER_SERVER)
            return error_set(err, ERR_CONFLICT, "Member '%.*s' is not a server", STR_ARG(m->name));
        return 0;
    }
    if (m->role == MEMBER_OTHER) /* consul: neither client nor server, not looked at */
        return 0;
    if (!str_eq_z(m->dc, c->datacenter))
        return error_set(err, ERR_CONFLICT, "Member '%.*s' part of wrong datacenter '%.*s'",
                         STR_ARG(m->name), STR_ARG(m->dc));
    if (m->segment.n)
        return error_set(err, ERR_CONFLICT,
                         "Member '%.*s' part of wrong segment '%.*s' (expected '')",
                         STR_ARG(m->name), STR_ARG(m->segment));
    if (str_eq_nocase(m->id, str_z(node_id)) && !str_eq_z(m->name, c->node_name))
        return error_set(err, ERR_CONFLICT,
                         "Member '%.*s' has conflicting node ID '%s' with this agent's ID",
                         STR_ARG(m->name), node_id);
    return 0;
}
