/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/config_acl.h"

#include "agent/token_cache.h"
#include "agent/tokens.h"
#include "base/encode.h"

/* consul: agent/config/builder.go */
int config_acl_check(const struct config *c, struct error *err)
{
    const char *const tokens[][2] = {
        {"acl.tokens.master", c->acl_token_master},
        {"acl.tokens.agent", c->acl_token_agent},
        {"acl.tokens.agent_master", c->acl_token_agent_master},
        {"acl.tokens.default", c->acl_token_default},
        {"acl.tokens.replication", c->acl_token_replication},
    };
    struct str policy = str_z(c->acl_default_policy);
    enum token_down down;

    if (!str_eq_z(policy, "allow") && !str_eq_z(policy, "deny"))
        return error_set(err, ERR_INVALID,
                         "acl.default_policy \"%.*s\" is neither \"allow\" nor \"deny\"",
                         STR_ARG(policy));
    if (!token_cache_down_parse(str_z(c->acl_down_policy), &down))
        return error_set(err, ERR_INVALID,
                         "acl.down_policy \"%s\" is none of \"allow\", \"deny\", "
                         "\"extend-cache\" and \"async-cache\"",
                         c->acl_down_policy);
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        if (str_z(tokens[i][1]).n > TOKENS_TEXT_MAX)
            return error_set(err, ERR_INVALID, "%s is longer than %d bytes", tokens[i][0],
                             TOKENS_TEXT_MAX);
    if (c->acl_enabled && c->acl_token_master && !encode_is_uuid(str_z(c->acl_token_master)))
        return error_set(err, ERR_INVALID, "acl.tokens.master \"%s\" is not a UUID",
                         c->acl_token_master);
    return 0;
}
