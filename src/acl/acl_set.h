/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one token may do: the rules of all its policies, ready to be asked. Pure, never changed once
 * made.
 *
 * Of the rules that fit a name the most specific decides: the exact one, else the longest prefix.
 * Of several for the same name the strongest: deny, write, list, read. Where no rule fits, the
 * default decides (acl.default_policy). consul: acl/policy_authorizer.go.
 */
#ifndef DISCO_ACL_ACL_SET_H
#define DISCO_ACL_ACL_SET_H

#include "acl/acl_rules.h"

struct acl_set;

/* May do everything. */
#define ACL_SET_ALL 1u
/* Where no rule speaks: allowed. But never ACLs themselves, nor snapshots, which hold them. */
#define ACL_SET_DEFAULT_ALLOW 2u

/* The rules are copied. */
struct acl_set *acl_set_new(const struct acl_rules *rules, unsigned flags);
void acl_set_free(struct acl_set *s); /* accepts NULL */

/* name: "" for resources without names. access: READ, LIST or WRITE. */
bool acl_set_allows(const struct acl_set *s, enum acl_resource resource, struct str name,
                    enum acl_access access);
/* May everything below the prefix be written? */
bool acl_set_allows_tree(const struct acl_set *s, enum acl_resource resource, struct str prefix);
bool acl_set_is_management(const struct acl_set *s);

#endif
