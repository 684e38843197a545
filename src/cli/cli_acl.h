/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `disco acl ...`: tokens, policies, roles, and the agent's own tokens.
 */
#ifndef DISCO_CLI_CLI_ACL_H
#define DISCO_CLI_CLI_ACL_H

#include "base/jread.h"
#include "base/jwrite.h"
#include "cli/cli_command.h"

int cli_acl_bootstrap(struct cli *c);
int cli_acl_set_agent_token(struct cli *c);
int cli_acl_translate(struct cli *c);

int cli_acl_policy_create(struct cli *c);
int cli_acl_policy_list(struct cli *c);
int cli_acl_policy_read(struct cli *c);
int cli_acl_policy_update(struct cli *c);
int cli_acl_policy_delete(struct cli *c);

int cli_acl_role_create(struct cli *c);
int cli_acl_role_list(struct cli *c);
int cli_acl_role_read(struct cli *c);
int cli_acl_role_update(struct cli *c);
int cli_acl_role_delete(struct cli *c);

int cli_acl_token_create(struct cli *c);
int cli_acl_token_list(struct cli *c);
int cli_acl_token_read(struct cli *c);
int cli_acl_token_update(struct cli *c);
int cli_acl_token_clone(struct cli *c);
int cli_acl_token_delete(struct cli *c);

/* ---- between cli_acl*.c ---- */

/* Asks; `what` words failures. On success the parsed answer is the caller's (jread_free), or with
 * -format=json, was printed and is NULL. Returns the exit status. body may be NULL. */
int cli_acl_ask(struct cli *c, const char *what, const char *method, const char *path,
                const struct buf *body, struct jvalue **ret);
/* Asks, and shows the answer by `print`, or as it is. */
int cli_acl_show(struct cli *c, const char *what, const char *method, const char *path,
                 const struct buf *body, void (*print)(const struct jvalue *v, bool meta));
/* The whole id of `given`, the beginning of one, or, by name (given NULL), of `name`: looked for in
 * the list at `path`, whose objects have it as `member`. noun: "token". 0, or the exit status. */
int cli_acl_find_id(struct cli *c, const char *path, const char *member, const char *noun,
                    const char *given, const char *name, char ret[64]);
/* "DELETE path/id" and its line. */
int cli_acl_delete(struct cli *c, const char *path, const char *noun, const char *id);
/* Members of a body, from the flags -policy-id, -policy-name, -role-id, -role-name,
 * -service-identity, -node-identity, as far as the command has them; before them those of `before`
 * (or NULL), which -merge-... keeps, or all of a command that has -no-merge. */
void cli_acl_put_links(const struct cli *c, struct jwrite *w, const struct jvalue *before);
/* A text of an object; empty when there is none. */
struct str cli_acl_text(const struct jvalue *v, const char *member);

#endif
