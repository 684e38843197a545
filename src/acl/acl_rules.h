/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of a policy: text in HCL or JSON to a list of (resource, name, access). Pure.
 *
 *     key_prefix "app/" { policy = "read" }     # all keys below
 *     key "app/owner"   { policy = "write" }    # this key alone
 *     operator = "read"                         # resources without names
 *
 * consul: "ACL rules" in its documentation; HCL 1 as far as rules use it: blocks and attributes,
 * strings with escapes, comments (#, //, between slash-star pairs). Blocks of resources that are
 * not known are passed over, as Consul does; so is what stands in a block beside `policy`.
 */
#ifndef DISCO_ACL_ACL_RULES_H
#define DISCO_ACL_ACL_RULES_H

#include "base/buf.h"
#include "base/mem.h"

#define ACL_RULES_SIZE_MAX ((size_t)512 * 1024) /* bytes of text */
#define ACL_RULES_MAX      4096                 /* rules in one policy */

/* X(constant, name in rules, has names) */
/* clang-format off */
#define ACL_RESOURCES(X)                \
    X(ACL_ACL,      "acl",      false)  \
    X(ACL_AGENT,    "agent",    true)   \
    X(ACL_EVENT,    "event",    true)   \
    X(ACL_KEY,      "key",      true)   \
    X(ACL_KEYRING,  "keyring",  false)  \
    X(ACL_NODE,     "node",     true)   \
    X(ACL_OPERATOR, "operator", false)  \
    X(ACL_QUERY,    "query",    true)   \
    X(ACL_SERVICE,  "service",  true)   \
    X(ACL_SESSION,  "session",  true)
/* clang-format on */
enum acl_resource {
#define X(id, name, named) id,
    ACL_RESOURCES(X)
#undef X
        ACL_RESOURCE_N
};

/* In the order in which the stronger of two rules for the same name is found: see acl_set.c. */
enum acl_access { ACL_READ, ACL_LIST, ACL_WRITE, ACL_DENY };

struct acl_rule {
    enum acl_resource resource;
    enum acl_access access;
    bool is_prefix; /* also for resources without names, whose name is "" */
    struct str name;
};

struct acl_rules { /* initialise with {0} */
    struct acl_rule *list;
    size_t n, cap;
    struct arena arena; /* names */
};

/* Adds what the text says to *rules. ERR_INVALID: `err` says it as Consul's clients know it
 * ("Failed to parse ACL rules: At 1:9: ...", "Invalid key policy: ..."); *rules may then hold a
 * part. */
int acl_rules_parse(struct str text, struct acl_rules *rules, struct error *err) MUST_USE;
void acl_rules_fini(struct acl_rules *rules);
/* Adds one rule; the name is copied. ERR_TOO_LARGE above ACL_RULES_MAX. */
int acl_rules_add(struct acl_rules *rules, enum acl_resource resource, bool is_prefix,
                  struct str name, enum acl_access access) MUST_USE;

const char *acl_resource_name(enum acl_resource r);
const char *acl_access_name(enum acl_access a);
/* False when there is no such resource or access. */
bool acl_resource_parse(struct str name, enum acl_resource *ret);
bool acl_access_parse(struct str name, enum acl_access *ret);
bool acl_resource_is_named(enum acl_resource r);

#endif
