/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tokens, policies and roles. What they permit is state/policy.h's business.
 *
 * Links to policies and roles are kept by id; one whose target is gone counts for nothing. Lists in
 * rows are packed arrays: links of [id, name], services of [name, [datacenter...]], nodes of
 * [name, datacenter]. In a command a link needs only one of id and name; apply finds the other.
 */
#ifndef DISCO_STATE_ACL_H
#define DISCO_STATE_ACL_H

#include "state/state.h"

#define ACL_POLICY_MANAGEMENT "00000000-0000-0000-0000-000000000001"
#define ACL_TOKEN_ANONYMOUS   "00000000-0000-0000-0000-000000000002"
#define ACL_SECRET_ANONYMOUS  "anonymous"
/* Between agents: a request without a token, to which the one who runs it must not lend its own. */
#define ACL_SECRET_NONE      STR_LIT("\0")
#define ACL_NAME_SIZE_MAX    128 /* of policies and roles; consul: validPolicyName */
#define ACL_SERVICE_NAME_MAX 256
#define ACL_TEXT_SIZE_MAX    4096 /* of descriptions */
#define ACL_LINKS_MAX        1024 /* in one list */

struct acl_token {
    struct str accessor, secret, description;
    struct str policies, roles, services, nodes; /* packed */
    bool local;
    int64_t created_ns, expires_ns; /* since 1970; expires 0: never */
    uint64_t create_index, modify_index;
};
struct acl_policy {
    struct str id, name, description, rules;
    struct str datacenters; /* packed array of texts; empty: all */
    uint64_t create_index, modify_index;
};
struct acl_role {
    struct str id, name, description;
    struct str policies, services, nodes; /* packed */
    uint64_t create_index, modify_index;
};

/* ---- commands ----
 * COMMAND_ACL_TOKEN, _POLICY, _ROLE: made anew (`is_new`: the proposer gave the id), or changed.
 * Result: the row as stored, with its links named: acl_read_token and so on. ERR_INVALID with text
 * for all that Consul refuses. */
enum acl_put { ACL_PUT_NEW, ACL_PUT_CHANGE, ACL_PUT_BOOTSTRAP /* tokens: the first of all */ };
void acl_encode_token(const struct acl_token *t, enum acl_put how, struct buf *out);
void acl_encode_policy(const struct acl_policy *p, enum acl_put how, struct buf *out);
void acl_encode_role(const struct acl_role *r, enum acl_put how, struct buf *out);
/* COMMAND_ACL_CLONE: a token like `from`, with t's ids, time and, if any, description. */
void acl_encode_clone(struct str from, const struct acl_token *t, struct buf *out);
/* COMMAND_ACL_DELETE: always succeeds when the kind's id may go; what is not there is gone. */
enum acl_kind { ACL_KIND_TOKEN, ACL_KIND_POLICY, ACL_KIND_ROLE, ACL_KINDS };
void acl_encode_delete(enum acl_kind kind, struct str id, struct buf *out);
/* COMMAND_ACL_BUILTIN: the management policy and the anonymous token, where they are missing; with
 * a master's secret a management token too, which takes the place of the bootstrap. */
void acl_encode_builtin(struct str master_accessor, struct str master_secret, int64_t created_ns,
                        struct buf *out);
int acl_apply_token(struct apply *a, struct str body);
int acl_apply_policy(struct apply *a, struct str body);
int acl_apply_role(struct apply *a, struct str body);
int acl_apply_clone(struct apply *a, struct str body);
int acl_apply_delete(struct apply *a, struct str body);
int acl_apply_builtin(struct apply *a, struct str body);

/* ---- rows ---- */
bool acl_read_token(struct str row, struct acl_token *ret);
bool acl_read_policy(struct str row, struct acl_policy *ret);
bool acl_read_role(struct str row, struct acl_role *ret);
void acl_put_token(struct buf *out, const struct acl_token *t);
void acl_put_policy(struct buf *out, const struct acl_policy *p);
void acl_put_role(struct buf *out, const struct acl_role *r);
/* Letters, digits, - and _. */
bool acl_name_is_valid(struct str name, size_t max);

/* ---- reads: note watches; *ret_index (may be NULL) as Consul counts. They ask for no right: who
 * lets tokens be seen asks policy_allows(v, ACL_ACL, ...). ---- */
bool acl_token_get(struct view *v, struct str accessor, struct acl_token *ret, uint64_t *ret_index);
bool acl_token_by_secret(struct view *v, struct str secret, struct acl_token *ret);
bool acl_policy_get(struct view *v, struct str id, struct acl_policy *ret, uint64_t *ret_index);
bool acl_policy_by_name(struct view *v, struct str name, struct acl_policy *ret,
                        uint64_t *ret_index);
bool acl_role_get(struct view *v, struct str id, struct acl_role *ret, uint64_t *ret_index);
bool acl_role_by_name(struct view *v, struct str name, struct acl_role *ret, uint64_t *ret_index);
void acl_tokens(struct view *v, bool (*each)(void *data, const struct acl_token *t), void *data,
                uint64_t *ret_index);
void acl_policies(struct view *v, bool (*each)(void *data, const struct acl_policy *p), void *data,
                  uint64_t *ret_index);
void acl_roles(struct view *v, bool (*each)(void *data, const struct acl_role *r), void *data,
               uint64_t *ret_index);
/* The log index at which the first token was made; 0: not yet. */
uint64_t acl_bootstrap_index(struct view *v);
/* Grows with every change of any of the three. */
uint64_t acl_index(struct view *v);

/* Walks a packed list of [id, name] or [name, datacenter]; left = unpack_array(u) at first. */
bool acl_pair_next(struct unpack *u, uint32_t *left, struct str *ret_a, struct str *ret_b);
/* Of [name, [datacenter...]]; *ret_datacenters is a packed array. */
bool acl_service_next(struct unpack *u, uint32_t *left, struct str *ret_name,
                      struct str *ret_datacenters);

#endif
