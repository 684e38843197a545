/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may do what, asked on the core; and the agent's own tokens.
 */
#include <errno.h>

#include "agent/agent_state.h"
#include "agent/token_fetch.h"
#include "base/log.h"
#include "state/policy.h"

#define TOKENS_FILE          "acl-tokens.json" /* consul: the same name and form */
#define TOKENS_FILE_SIZE_MAX ((size_t)64 * 1024)

bool agent_has_rows(const struct agent *a)
{
    return a->config->server || published_get(&a->published, PUBLISHED_APPLIED_INDEX) > 0;
}

struct view agent_view_begin(struct agent *a, struct str token)
{
    struct policy_settings s = tokens_settings(&a->tokens, a->config);
    struct view v = {
        .store = store_view_begin(a->reader),
        .token = token.n ? token : str_z(a->tokens.user),
    };
    if (a->token_fetch && !agent_has_rows(a))
        token_fetch_resolve(a->token_fetch, &v);
    else
        policy_resolve(a->policy, &s, &v, clock_wall_ns());
    return v;
}

void agent_view_end(struct view *v)
{
    store_view_end(v->store);
    v->store = NULL;
}

int agent_may_write(struct agent *a, struct str token, struct str command)
{
    struct view v = agent_view_begin(a, token);
    int rc = policy_may_write(&v, command);
    agent_view_end(&v);
    return rc;
}

bool agent_refuses_txn(struct agent *a, struct str token, struct str command, struct buf *ret_body)
{
    if (!a->config->acl_enabled)
        return false;
    struct view v = agent_view_begin(a, token);
    bool refuses = policy_refuses_txn(&v, command, ret_body);
    agent_view_end(&v);
    return refuses;
}

void agent_filter_result(struct agent *a, struct str token, struct str command, struct buf *body)
{
    struct str rest;
    uint8_t id;
    if (!a->config->acl_enabled || command_split(command, &id, &rest) || id != COMMAND_TXN)
        return;
    struct view v = agent_view_begin(a, token);
    policy_filter_txn(&v, body);
    agent_view_end(&v);
}

static int tokens_keep(const struct agent *a, const struct tokens *t, struct error *err)
{
    struct buf text;
    if (!a->config->acl_enable_token_persistence)
        return 0;
    buf_init(&text, 0);
    tokens_encode(t, &text);
    int rc = datadir_write(&a->dir, TOKENS_FILE, buf_str(&text), err);
    buf_fini(&text);
    return rc;
}

int agent_load_tokens(struct agent *a, struct error *err)
{
    struct buf text, both;
    if (!a->config->acl_enable_token_persistence)
        return 0;
    buf_init(&text, TOKENS_FILE_SIZE_MAX);
    buf_init(&both, 0);
    int rc = datadir_read(&a->dir, TOKENS_FILE, &text, err);
    if (rc == 0)
        rc = tokens_decode(&a->tokens, buf_str(&text), &both, err) == 0
                 ? 0
                 : error_wrap(err, "data_dir: " TOKENS_FILE);
    if (both.n) /* consul: the same */
        log_warn("agent",
                 "a token is in the configuration and was given to the agent before, which counts: "
                 "tokens=\"%s\"",
                 buf_z(&both));
    buf_fini(&both);
    buf_fini(&text);
    return rc == -ENOENT ? 0 : rc;
}

int agent_set_token(struct agent *a, struct str name, struct str token, struct error *err)
{
    struct tokens changed = a->tokens;
    int rc = tokens_set(&changed, name, token);
    if (rc == 0)
        rc = tokens_keep(a, &changed, err);
    if (rc)
        return rc;
    a->tokens = changed;
    LIST_FOREACH (&a->subscribers, l) {
        struct agent_subscriber *s = LIST_ITEM(l, struct agent_subscriber, link);
        if (s->retoken)
            s->retoken(s, &a->tokens);
    }
    return 0;
}

const struct tokens *agent_tokens(const struct agent *a)
{
    return &a->tokens;
}
