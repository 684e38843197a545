/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's own tokens: what is used where a request brings none, and for the agent's own work.
 * A value, copied to every worker when one of them is changed. Pure.
 */
#ifndef DISCO_AGENT_TOKENS_H
#define DISCO_AGENT_TOKENS_H

#include "agent/config.h"
#include "base/buf.h"
#include "state/policy.h"

#define TOKENS_TEXT_MAX 128 /* bytes of one token */

/* X(field, name in /v1/agent/token/, its older name). Those that are read: `user` for requests
 * without a token, `agent_master` for the agent's endpoints while no server answers. */
/* clang-format off */
#define TOKENS_TABLE(X)                                               \
    X(user,         "default",      "acl_token")                      \
    X(agent,        "agent",        "acl_agent_token")                \
    X(agent_master, "agent_master", "acl_agent_master_token")         \
    X(replication,  "replication",  "acl_replication_token")
/* clang-format on */
struct tokens {
#define X(field, name, older) char field[TOKENS_TEXT_MAX + 1];
    TOKENS_TABLE(X)
#undef X
    unsigned given; /* a bit for each row: set while the agent ran, not by its configuration */
};

void tokens_init(struct tokens *t, const struct config *c);
/* ERR_NOT_FOUND: no such name. ERR_TOO_LARGE. */
int tokens_set(struct tokens *t, struct str name, struct str token) MUST_USE;
/* Those that were set while the agent ran, as JSON for DATA/acl-tokens.json. */
void tokens_encode(const struct tokens *t, struct buf *out);
/* Takes them back; they win over the configuration's. *ret_both: names of those that both have. On
 * an error nothing is taken. */
int tokens_decode(struct tokens *t, struct str text, struct buf *ret_both,
                  struct error *err) MUST_USE;
/* The token with which a request is sent to another agent, where `token` came with it: never empty,
 * or that agent would lend it its own. */
struct str tokens_to_ship(const struct tokens *t, struct str token);
/* What policy_resolve asks for; borrows from both. */
struct policy_settings tokens_settings(const struct tokens *t, const struct config *c);

#endif
