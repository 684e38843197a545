/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes of tokens, policies and roles. What is refused, and in which words, is Consul 1.9's
 * (agent/consul/acl_endpoint.go), as observed from outside.
 */
#include "config.h"

#include "state/acl_apply.h"

#include "acl/acl_rules.h"
#include "base/encode.h"
#include "state/indexes.h"
#include "state/session.h"

bool acl_apply_read(struct str body, enum acl_put *ret_how, struct str *ret_row)
{
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 2;
    uint64_t how = unpack_uint(&u);

    *ret_how = (enum acl_put)how;
    *ret_row = unpack_str(&u);
    return fits && !u.bad && unpack_is_end(&u) && how <= ACL_PUT_BOOTSTRAP;
}

/* ---- what is common ---- */

/* Words a UUID that is none, as go-memdb does. what: "token". */
int acl_apply_check_id(struct apply *a, struct str id, const char *what)
{
    struct error err = {0};

    if (session_check_id(id, &err))
        return state_fail(a, ERR_INVALID, "failed acl %s lookup: %s", what, err.text);
    return 0;
}

void acl_apply_touch(struct apply *a, enum indexes_table table)
{
    indexes_raise(a, table);
    change_add(a->changes, WATCH_ACL, STR_NONE);
}

bool acl_apply_find_policy(struct view *v, struct str id, struct str name, struct str *ret_id,
                           struct str *ret_name)
{
    struct acl_policy p;

    if (!(id.n ? acl_policy_get(v, id, &p, NULL) : acl_policy_by_name(v, name, &p, NULL)))
        return false;
    *ret_id = p.id;
    *ret_name = p.name;
    return true;
}

bool acl_apply_find_role(struct view *v, struct str id, struct str name, struct str *ret_id,
                         struct str *ret_name)
{
    struct acl_role r;

    if (!(id.n ? acl_role_get(v, id, &r, NULL) : acl_role_by_name(v, name, &r, NULL)))
        return false;
    *ret_id = r.id;
    *ret_name = r.name;
    return true;
}

/* Gives every link both its id and its name; what: "policy", "role". */
int acl_apply_links(struct apply *a, struct str links, const char *what,
                    bool (*find)(struct view *v, struct str id, struct str name, struct str *ret_id,
                                 struct str *ret_name),
                    struct buf *out)
{
    struct unpack u = unpack_make(links);
    uint32_t left = links.n ? unpack_array(&u) : 0;
    struct str id, name, full_id, full_name;

    pack_array(out, left);
    while (acl_pair_next(&u, &left, &id, &name)) {
        if (!find(&a->view, id, name, &full_id, &full_name))
            return state_fail(a, ERR_INVALID, "No such ACL %s with %s \"%.*s\"", what,
                              id.n ? "ID" : "name", STR_ARG(id.n ? id : name));
        pack_array(out, 2);
        pack_str(out, full_id);
        pack_str(out, full_name);
    }
    return 0;
}

/* what: "token", "role". */
int acl_apply_check_identities(struct apply *a, struct str services, struct str nodes,
                               const char *what)
{
    struct unpack u = unpack_make(services);
    uint32_t left = services.n ? unpack_array(&u) : 0;
    struct str name, datacenter;

    while (acl_service_next(&u, &left, &name, &datacenter)) {
        if (name.n == 0)
            return state_fail(a, ERR_INVALID,
                              "Service identity is missing the service name field on this %s",
                              what);
        if (!acl_name_is_valid(name, ACL_SERVICE_NAME_MAX) ||
            str_eq_z(str_drop(name, name.n - 1), "_"))
            return state_fail(a, ERR_INVALID,
                              "Service identity \"%.*s\" has an invalid name. Only alphanumeric "
                              "characters, '-' and '_' are allowed",
                              STR_ARG(name));
    }
    u = unpack_make(nodes);
    left = nodes.n ? unpack_array(&u) : 0;
    while (acl_pair_next(&u, &left, &name, &datacenter)) {
        if (name.n == 0 || datacenter.n == 0)
            return state_fail(a, ERR_INVALID, "Node identity is missing the %s field on this %s",
                              name.n ? "datacenter" : "node name", what);
        if (!acl_name_is_valid(name, ACL_SERVICE_NAME_MAX))
            return state_fail(a, ERR_INVALID,
                              "Node identity has an invalid name. Only alphanumeric characters, "
                              "'-' and '_' are allowed");
    }
    return 0;
}

/* ---- policies ---- */

static void store_policy(struct apply *a, struct acl_policy *p)
{
    struct buf row;

    p->modify_index = a->index;
    buf_init(&row, 0);
    acl_put_policy(&row, p);
    store_put(a->txn, TABLE_ACL_POLICY, p->id, buf_str(&row));
    store_put(a->txn, TABLE_ACL_POLICY_NAME, p->name, p->id);
    buf_put_str(&a->result->body, buf_str(&row));
    buf_fini(&row);
    acl_apply_touch(a, INDEXES_ACL_POLICIES);
}

/* The name is free, or the row's own. noun: "Policy", "Role". */
static int check_name(struct apply *a, const char *noun, struct str name, struct str id,
                      enum state_table names)
{
    struct str other;

    if (name.n == 0)
        return state_fail(a, ERR_INVALID, "Invalid %s: no Name is set", noun);
    if (!acl_name_is_valid(name, ACL_NAME_SIZE_MAX))
        return state_fail(a, ERR_INVALID,
                          "Invalid %s: invalid Name. Only alphanumeric characters, '-' and '_' "
                          "are allowed",
                          noun);
    if (store_get(a->view.store, names, name, &other) && !str_eq(other, id))
        return state_fail(a, ERR_INVALID, "Invalid %s: A %s with Name \"%.*s\" already exists",
                          noun, noun, STR_ARG(name));
    return 0;
}

static int check_rules(struct apply *a, struct str text)
{
    struct acl_rules rules = {0};
    struct error err = {0};
    int rc = acl_rules_parse(text, &rules, &err);

    acl_rules_fini(&rules);
    return rc ? state_fail(a, ERR_INVALID, "%s", err.text) : 0;
}

/* What a change may not do; takes over what it leaves alone. */
static int change_policy(struct apply *a, struct acl_policy *p)
{
    struct acl_policy old;
    int rc = acl_apply_check_id(a, p->id, "policy");

    if (rc)
        return rc;
    if (!acl_policy_get(&a->view, p->id, &old, NULL))
        return state_fail(a, ERR_INVALID, "cannot find policy %.*s", STR_ARG(p->id));
    if (str_eq_z(p->id, ACL_POLICY_MANAGEMENT)) {
        if (!str_eq(p->rules, old.rules))
            return state_fail(a, ERR_INVALID,
                              "Changing the Rules for the builtin global-management policy is not "
                              "permitted");
        if (p->datacenters.n)
            return state_fail(a, ERR_INVALID,
                              "Changing the Datacenters of the builtin global-management policy "
                              "is not permitted");
    }
    if (!str_eq(old.name, p->name))
        store_del(a->txn, TABLE_ACL_POLICY_NAME, old.name);
    p->create_index = old.create_index;
    return 0;
}

int acl_apply_policy(struct apply *a, struct str body)
{
    struct acl_policy p;
    struct str row;
    enum acl_put how;
    int rc;

    if (!acl_apply_read(body, &how, &row) || !acl_read_policy(row, &p) ||
        (how == ACL_PUT_NEW && !encode_is_uuid(p.id)))
        return ERR_INVALID;
    rc = check_name(a, "Policy", p.name, p.id, TABLE_ACL_POLICY_NAME);
    if (rc)
        return rc;
    p.create_index = a->index;
    rc = how == ACL_PUT_NEW ? 0 : change_policy(a, &p);
    if (!rc)
        rc = check_rules(a, p.rules);
    if (!rc)
        store_policy(a, &p);
    return rc;
}

void acl_apply_builtin_policy(struct apply *a)
{
    static const char rules[] =
        "acl = \"write\"\nagent_prefix \"\" {\n\tpolicy = \"write\"\n}\n"
        "event_prefix \"\" {\n\tpolicy = \"write\"\n}\nkey_prefix \"\" {\n\tpolicy = \"write\"\n}\n"
        "keyring = \"write\"\nnode_prefix \"\" {\n\tpolicy = \"write\"\n}\n"
        "operator = \"write\"\nquery_prefix \"\" {\n\tpolicy = \"write\"\n}\n"
        "service_prefix \"\" {\n\tpolicy = \"write\"\n}\n"
        "session_prefix \"\" {\n\tpolicy = \"write\"\n}";
    struct acl_policy p;

    if (acl_policy_get(&a->view, STR_LIT(ACL_POLICY_MANAGEMENT), &p, NULL))
        return;
    p = (struct acl_policy){
        .id = STR_LIT(ACL_POLICY_MANAGEMENT),
        .name = STR_LIT("global-management"),
        .description = STR_LIT("Builtin Policy that grants unlimited access"),
        .rules = str_z(rules),
        .create_index = a->index,
    };
    store_policy(a, &p);
}

/* ---- roles ---- */

static void store_role(struct apply *a, struct acl_role *r)
{
    struct buf row;

    r->modify_index = a->index;
    buf_init(&row, 0);
    acl_put_role(&row, r);
    store_put(a->txn, TABLE_ACL_ROLE, r->id, buf_str(&row));
    store_put(a->txn, TABLE_ACL_ROLE_NAME, r->name, r->id);
    buf_put_str(&a->result->body, buf_str(&row));
    buf_fini(&row);
    acl_apply_touch(a, INDEXES_ACL_ROLES);
}

static int change_role(struct apply *a, struct acl_role *r)
{
    struct acl_role old;
    int rc = acl_apply_check_id(a, r->id, "role");

    if (rc)
        return rc;
    if (!acl_role_get(&a->view, r->id, &old, NULL))
        return state_fail(a, ERR_INVALID, "cannot find role %.*s", STR_ARG(r->id));
    if (!str_eq(old.name, r->name))
        store_del(a->txn, TABLE_ACL_ROLE_NAME, old.name);
    r->create_index = old.create_index;
    return 0;
}

int acl_apply_role(struct apply *a, struct str body)
{
    struct acl_role r;
    struct str row;
    struct buf policies;
    enum acl_put how;
    int rc;

    if (!acl_apply_read(body, &how, &row) || !acl_read_role(row, &r) ||
        (how == ACL_PUT_NEW && !encode_is_uuid(r.id)))
        return ERR_INVALID;
    rc = check_name(a, "Role", r.name, r.id, TABLE_ACL_ROLE_NAME);
    if (rc)
        return rc;
    r.create_index = a->index;
    rc = how == ACL_PUT_NEW ? 0 : change_role(a, &r);
    buf_init(&policies, 0);
    if (!rc)
        rc = acl_apply_links(a, r.policies, "policy", acl_apply_find_policy, &policies);
    if (!rc)
        rc = acl_apply_check_identities(a, r.services, r.nodes, "role");
    if (!rc) {
        r.policies = buf_str(&policies);
        store_role(a, &r);
    }
    buf_fini(&policies);
    return rc;
}

/* ---- deleting ---- */

static int delete_policy(struct apply *a, struct str id)
{
    struct acl_policy p;
    int rc = acl_apply_check_id(a, id, "policy");

    if (rc)
        return rc;
    if (str_eq_z(id, ACL_POLICY_MANAGEMENT))
        return state_fail(a, ERR_INVALID,
                          "Delete operation not permitted on the builtin global-management policy");
    if (!acl_policy_get(&a->view, id, &p, NULL))
        return 0;
    store_del(a->txn, TABLE_ACL_POLICY_NAME, p.name);
    store_del(a->txn, TABLE_ACL_POLICY, id);
    acl_apply_touch(a, INDEXES_ACL_POLICIES);
    return 0;
}

static int delete_role(struct apply *a, struct str id)
{
    struct acl_role r;
    int rc = acl_apply_check_id(a, id, "role");

    if (rc || !acl_role_get(&a->view, id, &r, NULL))
        return rc;
    store_del(a->txn, TABLE_ACL_ROLE_NAME, r.name);
    store_del(a->txn, TABLE_ACL_ROLE, id);
    acl_apply_touch(a, INDEXES_ACL_ROLES);
    return 0;
}

int acl_apply_delete(struct apply *a, struct str body)
{
    static int (*const deletes[ACL_KINDS])(struct apply * a, struct str id) = {
        [ACL_KIND_TOKEN] = acl_apply_delete_token,
        [ACL_KIND_POLICY] = delete_policy,
        [ACL_KIND_ROLE] = delete_role,
    };
    struct unpack u = unpack_make(body);
    bool fits = unpack_array(&u) == 2;
    uint64_t kind = unpack_uint(&u);
    struct str id = unpack_str(&u);

    if (!fits || u.bad || !unpack_is_end(&u) || kind >= ACL_KINDS)
        return ERR_INVALID;
    return deletes[kind](a, id);
}
