/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "acl/acl_rules.h"

#include "acl/acl_hcl.h"
#include "base/jread.h"

static const struct {
    const char *name;
    bool is_named;
} resources[] = {
#define X(id, name, named) [id] = {name, named},
    ACL_RESOURCES(X)
#undef X
};

static const char *const accesses[] = {
    [ACL_READ] = "read",
    [ACL_LIST] = "list",
    [ACL_WRITE] = "write",
    [ACL_DENY] = "deny",
};

const char *acl_resource_name(enum acl_resource r)
{
    return resources[r].name;
}

const char *acl_access_name(enum acl_access a)
{
    return accesses[a];
}

bool acl_resource_is_named(enum acl_resource r)
{
    return resources[r].is_named;
}

bool acl_resource_parse(struct str name, enum acl_resource *ret)
{
    for (int i = 0; i < ACL_RESOURCE_N; i++)
        if (str_eq_z(name, resources[i].name)) {
            *ret = (enum acl_resource)i;
            return true;
        }
    return false;
}

bool acl_access_parse(struct str name, enum acl_access *ret)
{
    for (int i = ACL_READ; i <= ACL_DENY; i++)
        if (str_eq_z(name, accesses[i])) {
            *ret = (enum acl_access)i;
            return true;
        }
    return false;
}

int acl_rules_add(struct acl_rules *rules, enum acl_resource resource, bool is_prefix,
                  struct str name, enum acl_access access)
{
    if (rules->n == ACL_RULES_MAX)
        return ERR_TOO_LARGE;
    if (rules->n == rules->cap) {
        rules->cap = rules->cap ? rules->cap * 2 : 8;
        rules->list = mem_realloc(rules->list, rules->cap * sizeof rules->list[0]);
    }
    rules->list[rules->n++] = (struct acl_rule){
        .resource = resource,
        .access = access,
        .is_prefix = is_prefix,
        .name = str_make(arena_dup(&rules->arena, name.p, name.n), name.n),
    };
    return 0;
}

void acl_rules_fini(struct acl_rules *rules)
{
    mem_free(rules->list);
    arena_fini(&rules->arena);
    *rules = (struct acl_rules){0};
}

/* ---- one setting, from either language ---- */

/* "key" and "key_prefix" name the same resource; of those without names only the bare word does. */
static bool find_resource(struct str word, enum acl_resource *ret, bool *ret_prefix)
{
    struct str suffix = STR_LIT("_prefix");

    *ret_prefix = false;
    if (acl_resource_parse(word, ret)) {
        *ret_prefix = !resources[*ret].is_named;
        return true;
    }
    if (!str_has_suffix(word, suffix))
        return false;
    *ret_prefix = true;
    return acl_resource_parse(str_take(word, word.n - suffix.n), ret) && resources[*ret].is_named;
}

/* `list` is for keys alone. */
static bool access_fits(struct str text, enum acl_resource resource, enum acl_access *ret)
{
    return acl_access_parse(text, ret) && (*ret != ACL_LIST || resource == ACL_KEY);
}

/* word: "key_prefix"; name: the block's, or STR_NONE for `operator = "read"`. */
static int take_setting(struct acl_rules *rules, struct str word, struct str name,
                        struct str policy, struct error *err)
{
    enum acl_resource resource;
    enum acl_access access;
    bool is_prefix;

    if (!find_resource(word, &resource, &is_prefix))
        return 0;
    if (resources[resource].is_named != (name.p != NULL))
        return error_set(err, ERR_INVALID, "Failed to parse ACL rules: %.*s %s", STR_ARG(word),
                         name.p ? "has no names: write it as an attribute"
                                : "needs a name: write it as a block");
    if (!access_fits(policy, resource, &access))
        return error_set(err, ERR_INVALID, "Invalid %s policy: %.*s \"%.*s\": \"%.*s\"",
                         resources[resource].name, STR_ARG(word), STR_ARG(name), STR_ARG(policy));
    if (acl_rules_add(rules, resource, is_prefix, name, access))
        return error_set(err, ERR_TOO_LARGE, "Failed to parse ACL rules: more than %d rules",
                         ACL_RULES_MAX);
    return 0;
}

/* ---- JSON ---- */

static int take_json_block(struct acl_rules *rules, struct str word, struct str name,
                           const struct jvalue *block, struct error *err)
{
    struct str policy = STR_LIT("");

    if (jread_type(block) != JREAD_OBJECT || jread_str(jread_get(block, "policy"), &policy))
        return error_set(err, ERR_INVALID,
                         "Failed to parse ACL rules: %.*s \"%.*s\" is not an object with a policy",
                         STR_ARG(word), STR_ARG(name));
    return take_setting(rules, word, name, policy, err);
}

static int take_json(struct acl_rules *rules, const struct jvalue *root, struct error *err)
{
    size_t at = 0;
    struct str word;
    const struct jvalue *value;
    int rc = 0;

    while (rc == 0 && jread_next(root, &at, &word, &value)) {
        size_t block_at = 0;
        struct str name, policy;
        const struct jvalue *block;
        enum acl_resource resource;
        bool is_prefix;

        if (!find_resource(word, &resource, &is_prefix))
            continue;
        if (jread_type(value) == JREAD_STRING && !jread_str(value, &policy))
            rc = take_setting(rules, word, STR_NONE, policy, err);
        else if (jread_type(value) != JREAD_OBJECT)
            rc = error_set(err, ERR_INVALID, "Failed to parse ACL rules: %.*s is not an object",
                           STR_ARG(word));
        else
            while (rc == 0 && jread_next(value, &block_at, &name, &block))
                rc = take_json_block(rules, word, name, block, err);
    }
    return rc;
}

/* ---- HCL ---- */

static int take_hcl(void *data, const struct acl_hcl_item *item, struct error *err)
{
    struct acl_rules *rules = data;

    /* A block's attributes come with the block's word and name. */
    if (item->block.p && !str_eq_z(item->attribute, "policy"))
        return 0;
    if (item->block.p)
        return take_setting(rules, item->block, item->name, item->value, err);
    return take_setting(rules, item->attribute, STR_NONE, item->value, err);
}

int acl_rules_parse(struct str text, struct acl_rules *rules, struct error *err)
{
    struct jvalue *root;
    struct error why = {0};
    int rc;

    if (text.n > ACL_RULES_SIZE_MAX)
        return error_set(err, ERR_TOO_LARGE, "Failed to parse ACL rules: longer than %zu bytes",
                         ACL_RULES_SIZE_MAX);
    if (str_has_prefix(str_trim(text), STR_LIT("{"))) {
        if (jread_parse(text, &root, &why))
            return error_set(err, ERR_INVALID, "Failed to parse ACL rules: %s", why.text);
        rc = take_json(rules, root, err);
        jread_free(root);
        return rc;
    }
    rc = acl_hcl_parse(text, take_hcl, rules, &why);
    if (rc == ERR_CORRUPT) /* the text itself */
        return error_set(err, ERR_INVALID, "Failed to parse ACL rules: %s", why.text);
    if (rc)
        return error_set(err, rc, "%s", why.text);
    return 0;
}
