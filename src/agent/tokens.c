/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/tokens.h"

#include "state/acl.h"

static const struct {
    const char *name, *older;
    size_t offset;
} table[] = {
#define X(field, name, older) {name, older, offsetof(struct tokens, field)},
    TOKENS_TABLE(X)
#undef X
};

void tokens_init(struct tokens *t, const struct config *c)
{
    const struct {
        const char *name, *value;
    } given[] = {
        {"default", c->acl_token_default},
        {"agent", c->acl_token_agent},
        {"agent_master", c->acl_token_agent_master},
        {"replication", c->acl_token_replication},
    };

    *t = (struct tokens){0};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        (void)!tokens_set(t, str_z(given[i].name),
                          str_z(given[i].value)); /* config_finish looked */
}

int tokens_set(struct tokens *t, struct str name, struct str token)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (str_eq_z(name, table[i].name) || str_eq_z(name, table[i].older))
            return str_copy_z(token, (char *)t + table[i].offset, TOKENS_TEXT_MAX + 1)
                       ? 0
                       : ERR_TOO_LARGE;
    return ERR_NOT_FOUND;
}

struct str tokens_to_ship(const struct tokens *t, struct str token)
{
    if (token.n == 0)
        token = str_z(t->user);
    return token.n ? token : ACL_SECRET_NONE;
}

struct policy_settings tokens_settings(const struct tokens *t, const struct config *c)
{
    return (struct policy_settings){
        .enabled = c->acl_enabled,
        .default_allow = str_eq_z(STR_LIT("allow"), c->acl_default_policy),
        .key_list = c->acl_enable_key_list_policy,
        .datacenter = str_z(c->datacenter),
        .node = str_z(c->node_name),
        .agent_master = str_z(t->agent_master),
    };
}
