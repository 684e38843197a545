/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tokens, policies and roles for people, as Consul's program prints them. `meta`: with the hash and
 * the indexes.
 */
#ifndef DISCO_CLI_CLI_ACL_PRINT_H
#define DISCO_CLI_CLI_ACL_PRINT_H

#include "base/jread.h"

void cli_acl_print_token(const struct jvalue *token, bool meta);
void cli_acl_print_tokens(const struct jvalue *list, bool meta);
void cli_acl_print_policy(const struct jvalue *policy, bool meta);
void cli_acl_print_policies(const struct jvalue *list, bool meta);
void cli_acl_print_role(const struct jvalue *role, bool meta);
void cli_acl_print_roles(const struct jvalue *list, bool meta);

#endif
