/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a token was given: the rules of its policies, of its roles' policies and of its identities,
 * in one list. Found where the rows are; as bytes it is known where they are not (agent/
 * token_cache.h). What follows from it is decided there, by the default policy of that agent.
 */
#ifndef DISCO_STATE_GRANT_H
#define DISCO_STATE_GRANT_H

#include "acl/acl_set.h"
#include "state/view.h"

struct grant { /* initialise with {0} */
    struct acl_rules rules;
    bool is_management;
    bool is_bad; /* more rules than there may be: then nothing is permitted */
    bool has_policies, has_roles;
    int64_t expires_ns; /* since 1970; 0: never */
};

/* False: there is no such token. datacenter: where it is to be used. The anonymous token exists
 * always. */
bool grant_find(struct view *v, struct str datacenter, struct str secret,
                struct grant *ret) MUST_USE;
/* Of acl.tokens.agent_master: may write the agent and read nodes. */
void grant_agent_master(struct str node, struct grant *ret);
void grant_fini(struct grant *g);

struct acl_set *grant_set(const struct grant *g, bool default_allow);

void grant_encode(const struct grant *g, struct buf *out);
/* ERR_CORRUPT: then nothing is owed. */
int grant_decode(struct str bytes, struct grant *ret) MUST_USE;

#endif
