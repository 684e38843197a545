/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of `disco acl ...` in the table of commands (cli.c), and their flags.
 */
#ifndef DISCO_CLI_CLI_ACL_TABLE_H
#define DISCO_CLI_CLI_ACL_TABLE_H

#include "cli/cli_acl.h"

/* clang-format off */
#define ACL_DESCRIPTION {"description", CLI_FLAG_TEXT, "<string>", "A text for people"}
#define ACL_META        {"meta", CLI_FLAG_BOOL, NULL, "Print the hash and the indexes too"}
#define ACL_ID          {"id", CLI_FLAG_TEXT, "<string>", "The id, or the beginning of one"}
#define ACL_LINKS                                                                                  \
    {"policy-id", CLI_FLAG_LIST, "<id>", "A policy, by id; may be repeated"},                                  \
        {"policy-name", CLI_FLAG_LIST, "<name>", "A policy, by name; may be repeated"},                        \
        {"service-identity", CLI_FLAG_LIST, "<name[:dc,...]>", "The rights of a service; may be repeated"},    \
        {"node-identity", CLI_FLAG_LIST, "<name:dc>", "The rights of a node; may be repeated"}
#define ACL_ROLES                                                                                  \
    {"role-id", CLI_FLAG_LIST, "<id>", "A role, by id; may be repeated"},                                      \
        {"role-name", CLI_FLAG_LIST, "<name>", "A role, by name; may be repeated"}
static const struct cli_flag acl_policy_write_flags[] = {
    ACL_DESCRIPTION, ACL_META, ACL_ID,
    {"name", CLI_FLAG_TEXT, "<string>", "Name of the policy"},
    {"rules",            CLI_FLAG_TEXT, "<text|@file|->", "The rules, in HCL or JSON"},
    {"valid-datacenter", CLI_FLAG_LIST, "<dc>", "Where the policy counts; everywhere without; may be repeated"},
};
static const struct cli_flag acl_role_write_flags[] = {
    ACL_DESCRIPTION, ACL_META, ACL_ID, ACL_LINKS,
    {"name", CLI_FLAG_TEXT, "<string>", "Name of the role"},
};
#define ACL_NO_MERGE {"no-merge", CLI_FLAG_BOOL, NULL, "All becomes what is given; without, what is not given stays and lists grow"}
static const struct cli_flag acl_policy_update_flags[] = {
    ACL_DESCRIPTION, ACL_META, ACL_ID, ACL_NO_MERGE,
    {"name", CLI_FLAG_TEXT, "<string>", "Name of the policy; a new one with -id"},
    {"rules",            CLI_FLAG_TEXT, "<text|@file|->", "The rules, in HCL or JSON"},
    {"valid-datacenter", CLI_FLAG_LIST, "<dc>", "Where the policy counts; everywhere without; may be repeated"},
};
static const struct cli_flag acl_role_update_flags[] = {
    ACL_DESCRIPTION, ACL_META, ACL_ID, ACL_LINKS, ACL_NO_MERGE,
    {"name", CLI_FLAG_TEXT, "<string>", "Name of the role; a new one with -id"},
};
static const struct cli_flag acl_find_flags[] = {
    ACL_META, ACL_ID,
    {"name", CLI_FLAG_TEXT, "<string>", "Its name, instead of the id"},
};
static const struct cli_flag acl_list_flags[] = {ACL_META};
static const struct cli_flag acl_token_create_flags[] = {
    ACL_DESCRIPTION, ACL_META, ACL_LINKS, ACL_ROLES,
    {"accessor", CLI_FLAG_TEXT, "<string>", "The accessor's id; made up by default"},
    {"secret", CLI_FLAG_TEXT, "<string>", "The secret; made up by default"},
    {"expires-ttl", CLI_FLAG_TEXT, "<duration>", "How long the token is good for"},
    {"local", CLI_FLAG_BOOL, NULL, "A token of this datacenter only"},
};
static const struct cli_flag acl_token_update_flags[] = {
    ACL_DESCRIPTION, ACL_META, ACL_ID, ACL_LINKS, ACL_ROLES,
    {"merge-node-identities", CLI_FLAG_BOOL, NULL, "Keep the node identities that are there"},
    {"merge-policies", CLI_FLAG_BOOL, NULL, "Keep the policies that are there"},
    {"merge-roles", CLI_FLAG_BOOL, NULL, "Keep the roles that are there"},
    {"merge-service-identities", CLI_FLAG_BOOL, NULL, "Keep the service identities that are there"},
};
static const struct cli_flag acl_token_read_flags[] = {
    ACL_META, ACL_ID,
    {"self", CLI_FLAG_BOOL, NULL, "The token that asks"},
};
static const struct cli_flag acl_token_clone_flags[] = {ACL_DESCRIPTION, ACL_ID};
static const struct cli_flag acl_token_delete_flags[] = {ACL_ID};

#define CLI_ACL_GROUPS       (CLI_API | CLI_DC | CLI_NAMESPACE | CLI_JSON)
#define CLI_ACL_FLAGS(table) table, sizeof(table) / sizeof(*(table))
#define CLI_ACL_COMMANDS \
    {"acl bootstrap", "", "Make the first management token", NULL, \
     NULL, 0, CLI_ACL_GROUPS, cli_acl_bootstrap}, \
    {"acl policy create", "-name NAME", "Make a policy", NULL, \
     CLI_ACL_FLAGS(acl_policy_write_flags), CLI_ACL_GROUPS, cli_acl_policy_create}, \
    {"acl policy delete", "", "Delete a policy", NULL, \
     CLI_ACL_FLAGS(acl_find_flags), CLI_ACL_GROUPS, cli_acl_policy_delete}, \
    {"acl policy list", "", "List the policies", NULL, \
     CLI_ACL_FLAGS(acl_list_flags), CLI_ACL_GROUPS, cli_acl_policy_list}, \
    {"acl policy read", "", "Print a policy", NULL, \
     CLI_ACL_FLAGS(acl_find_flags), CLI_ACL_GROUPS, cli_acl_policy_read}, \
    {"acl policy update", "", "Change a policy", "What is not given stays as it is.", \
     CLI_ACL_FLAGS(acl_policy_update_flags), CLI_ACL_GROUPS, cli_acl_policy_update}, \
    {"acl role create", "-name NAME", "Make a role", NULL, \
     CLI_ACL_FLAGS(acl_role_write_flags), CLI_ACL_GROUPS, cli_acl_role_create}, \
    {"acl role delete", "", "Delete a role", NULL, \
     CLI_ACL_FLAGS(acl_find_flags), CLI_ACL_GROUPS, cli_acl_role_delete}, \
    {"acl role list", "", "List the roles", NULL, \
     CLI_ACL_FLAGS(acl_list_flags), CLI_ACL_GROUPS, cli_acl_role_list}, \
    {"acl role read", "", "Print a role", NULL, \
     CLI_ACL_FLAGS(acl_find_flags), CLI_ACL_GROUPS, cli_acl_role_read}, \
    {"acl role update", "", "Change a role", "What is not given stays as it is; policies and identities given are added.", \
     CLI_ACL_FLAGS(acl_role_update_flags), CLI_ACL_GROUPS, cli_acl_role_update}, \
    {"acl set-agent-token", "TYPE TOKEN", "Give the running agent one of its own tokens", \
     "TYPE is default, agent, agent_master (or master) or replication. Kept until the agent ends.", \
     NULL, 0, CLI_API | CLI_DC, cli_acl_set_agent_token}, \
    {"acl token clone", "-id TOKEN", "Make a token with the rights of another", NULL, \
     CLI_ACL_FLAGS(acl_token_clone_flags), CLI_ACL_GROUPS, cli_acl_token_clone}, \
    {"acl token create", "", "Make a token", NULL, \
     CLI_ACL_FLAGS(acl_token_create_flags), CLI_ACL_GROUPS, cli_acl_token_create}, \
    {"acl token delete", "-id TOKEN", "Delete a token", NULL, \
     CLI_ACL_FLAGS(acl_token_delete_flags), CLI_ACL_GROUPS, cli_acl_token_delete}, \
    {"acl token list", "", "List the tokens, without their secrets", NULL, \
     CLI_ACL_FLAGS(acl_list_flags), CLI_ACL_GROUPS, cli_acl_token_list}, \
    {"acl token read", "-id TOKEN | -self", "Print a token", NULL, \
     CLI_ACL_FLAGS(acl_token_read_flags), CLI_ACL_GROUPS, cli_acl_token_read}, \
    {"acl token update", "-id TOKEN", "Change a token", \
     "Policies, roles and identities become those given, unless -merge-... keeps those that are there.", \
     CLI_ACL_FLAGS(acl_token_update_flags), CLI_ACL_GROUPS, cli_acl_token_update}, \
    {"acl translate-rules", "RULES", "Print rules of before 1.4 as they are written now", \
     "RULES is the text, @FILE a file that holds it, or - for stdin.", \
     NULL, 0, CLI_API | CLI_DC, cli_acl_translate},
/* clang-format on */

#endif
