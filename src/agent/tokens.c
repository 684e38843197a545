/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/tokens.h"

#include "base/jread.h"
#include "base/jwrite.h"
#include "state/acl.h"

static const struct {
    const char *name, *older;
    size_t offset;
} table[] = {
#define X(field, name, older) {name, older, offsetof(struct tokens, field)},
    TOKENS_TABLE(X)
#undef X
};
#define TOKEN_N (sizeof table / sizeof table[0])

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
    t->given = 0;
}

static char *text_of(const struct tokens *t, size_t i)
{
    return (char *)(uintptr_t)t + table[i].offset;
}

int tokens_set(struct tokens *t, struct str name, struct str token)
{
    for (size_t i = 0; i < TOKEN_N; i++)
        if (str_eq_z(name, table[i].name) || str_eq_z(name, table[i].older)) {
            t->given |= 1U << i;
            return str_copy_z(token, text_of(t, i), TOKENS_TEXT_MAX + 1) ? 0 : ERR_TOO_LARGE;
        }
    return ERR_NOT_FOUND;
}

/* consul: agent/token/persistence.go; an empty one gives the configuration its word back */
void tokens_encode(const struct tokens *t, struct buf *out)
{
    struct jwrite w;

    jwrite_init(&w, out, false);
    jwrite_object(&w);
    for (size_t i = 0; i < TOKEN_N; i++)
        if (t->given & 1U << i && *text_of(t, i)) {
            jwrite_name(&w, table[i].name);
            jwrite_z(&w, text_of(t, i));
        }
    jwrite_close(&w);
    jwrite_end(&w);
}

int tokens_decode(struct tokens *t, struct str text, struct buf *ret_both, struct error *err)
{
    struct tokens merged = *t;
    struct jvalue *root = NULL;
    int rc = jread_parse(text, &root, err);

    if (rc == 0 && jread_type(root) != JREAD_OBJECT)
        rc = error_set(err, ERR_INVALID, "not an object");
    for (size_t i = 0; rc == 0 && i < TOKEN_N; i++) {
        struct str token = STR_NONE;

        if (jread_str(jread_get(root, table[i].name), &token) || token.n > TOKENS_TEXT_MAX)
            rc = error_set(err, ERR_INVALID, "\"%s\" is not a token", table[i].name);
        else if (token.n == 0)
            continue;
        else if (*text_of(t, i))
            buf_putf(ret_both, "%s%s", ret_both->n ? ", " : "", table[i].name);
        if (rc == 0)
            rc = tokens_set(&merged, str_z(table[i].name), token);
    }
    if (rc == 0)
        *t = merged;
    jread_free(root);
    return rc;
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
