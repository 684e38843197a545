/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * May this token do that? The one place, below every door.
 *
 * A view is given what its token permits by policy_resolve, before anything is read through it. The
 * read functions of state/ leave out of their lists what the token may not see; a question about
 * one thing that may not be seen finds nothing and sets view->denied. Commands are asked about
 * before they are proposed: policy_may_write.
 *
 * A view that nothing was resolved for (the agent's own, those of apply) may see all.
 */
#ifndef DISCO_STATE_POLICY_H
#define DISCO_STATE_POLICY_H

#include "acl/acl_set.h"
#include "state/view.h"

#define POLICY_TOKENS_MAX 4096 /* remembered by one cache; above: all are forgotten */

/* What the configuration says; texts are borrowed during the call. */
struct policy_settings {
    bool enabled, default_allow;
    bool key_list;               /* a list of keys needs the right to list its prefix */
    struct str datacenter, node; /* of this agent */
    struct str agent_master;     /* may write the agent and read nodes; "" for none */
};

/* What tokens permit, as resolved so far; one per thread. */
struct policy;
struct policy *policy_new(uint64_t seed);
void policy_free(struct policy *p); /* accepts NULL */

/* Whose rights a request with this token has: the token, or without one the anonymous. */
struct str policy_secret(struct str token);
/* Sets v->acl for v->token ("": the anonymous one), and v->acl_status: 0, or ERR_NO_TOKEN when
 * there is no such token, or it has expired. What it sets lives until the next call. */
void policy_resolve(struct policy *p, const struct policy_settings *s, struct view *v,
                    int64_t wall_ns);

bool policy_allows(const struct view *v, enum acl_resource resource, struct str name,
                   enum acl_access access);
/* The same about one thing that was asked for: when not, v->denied is set. */
bool policy_grants(struct view *v, enum acl_resource resource, struct str name,
                   enum acl_access access);
/* The same, and a denial is said in the log (DEBUG) with the rule and the name that are missing:
 * for what somebody asked to do, not for what is left out of lists. */
bool policy_permits(const struct view *v, enum acl_resource resource, struct str name,
                    enum acl_access access);
bool policy_allows_tree(const struct view *v, enum acl_resource resource, struct str prefix);
/* A check may be seen with its node, and with its service if it has one. */
bool policy_allows_check(const struct view *v, struct str node, struct str service);

/* 0; ERR_NO_TOKEN; ERR_DENIED. Asked of a command's bytes before it is proposed; of a transaction
 * nothing but the token, since its operations are refused one by one: */
int policy_may_write(struct view *v, struct str command) MUST_USE;
/* Is the command a transaction with operations that the token may not do? Then *ret_body is what it
 * answers instead of being proposed (state/txn.h). */
bool policy_refuses_txn(struct view *v, struct str command, struct buf *ret_body);
/* Leaves out of a transaction's answer the entries that the token may not see. */
void policy_filter_txn(struct view *v, struct buf *body);

#endif
