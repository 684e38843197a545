/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /v1/acl/...: tokens, policies, roles; what a token may do; the agent's own tokens.
 */
#ifndef DISCO_API_API_ACL_H
#define DISCO_API_API_ACL_H

#include "api/api.h"

/* All but two endpoints are 401 while ACLs are off. */
bool api_acl_check(struct api_call *c);
/* ... and 400 without what follows the path; each words it for its kind. */
bool api_acl_check_token(struct api_call *c);
bool api_acl_check_policy(struct api_call *c);
bool api_acl_check_policy_name(struct api_call *c);
bool api_acl_check_role(struct api_call *c);
bool api_acl_check_role_name(struct api_call *c);

/* api_acl_token.c */
bool api_acl_bootstrap(struct api_call *c, struct buf *command);
void api_acl_bootstrapped(struct api_call *c, const struct result *result);
bool api_acl_token_create(struct api_call *c, struct buf *command);
bool api_acl_token_update(struct api_call *c, struct buf *command);
bool api_acl_token_delete(struct api_call *c, struct buf *command);
void api_acl_token_finish(struct api_call *c, const struct result *result);
int api_acl_token_get(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_acl_token_self(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_acl_tokens(struct api_call *c, struct view *v, uint64_t *ret_index);

/* api_acl_policy.c */
bool api_acl_policy_create(struct api_call *c, struct buf *command);
bool api_acl_policy_update(struct api_call *c, struct buf *command);
bool api_acl_policy_delete(struct api_call *c, struct buf *command);
void api_acl_policy_finish(struct api_call *c, const struct result *result);
int api_acl_policy_get(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_acl_policy_by_name(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_acl_policies(struct api_call *c, struct view *v, uint64_t *ret_index);

/* api_acl_role.c */
bool api_acl_role_create(struct api_call *c, struct buf *command);
bool api_acl_role_update(struct api_call *c, struct buf *command);
bool api_acl_role_delete(struct api_call *c, struct buf *command);
void api_acl_role_finish(struct api_call *c, const struct result *result);
int api_acl_role_get(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_acl_role_by_name(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_acl_roles(struct api_call *c, struct view *v, uint64_t *ret_index);

/* api_acl.c */
bool api_acl_check_authorize(struct api_call *c);
int api_acl_authorize(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_acl_check_translate(struct api_call *c);
int api_acl_translate(struct api_call *c, struct view *v, uint64_t *ret_index);
void api_acl_replication(struct api_call *c);
void api_acl_legacy(struct api_call *c);
void api_acl_login(struct api_call *c);
void api_acl_agent_token(struct api_call *c, struct agent *agent);

#endif
