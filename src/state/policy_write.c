/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * May this command be proposed? One function for each kind of command, found by its number. What
 * each asks is consul's: kvs_endpoint.go kvsPreApply, catalog_endpoint.go vetRegisterWithACL,
 * session_endpoint.go Apply.
 */
#include "config.h"

#include "state/acl.h"
#include "state/coordinate.h"
#include "state/health.h"
#include "state/kv.h"
#include "state/policy.h"
#include "state/query.h"
#include "state/row.h"
#include "state/session.h"
#include "state/txn_mixed.h"

static int verdict(bool granted)
{
    return granted ? 0 : ERR_DENIED;
}

/* Bytes that are no command are state_apply's to refuse. */

static bool may_op(const struct view *v, const struct kv_op *op)
{
    switch (op->verb) {
    case KV_GET:
    case KV_GET_TREE: /* what may not be seen is left out of the answer */
        return true;
    case KV_CHECK_SESSION:
    case KV_CHECK_INDEX:
    case KV_CHECK_NOT_EXISTS:
        return policy_permits(v, ACL_KEY, op->key, ACL_READ);
    case KV_DELETE_TREE:
        return policy_allows_tree(v, ACL_KEY, op->key);
    default:
        return policy_permits(v, ACL_KEY, op->key, ACL_WRITE);
    }
}

static int ask_kv(struct view *v, struct str body)
{
    struct unpack u = unpack_make(body);
    struct kv_op op;

    return kv_unpack_op(&u, &op) ? 0 : verdict(may_op(v, &op));
}

/* A tree that moves must be readable and writable as a whole, here and there. */
static int ask_rename(struct view *v, struct str body)
{
    struct unpack u = unpack_make(body);
    (void)unpack_array(&u);
    struct str from = unpack_str(&u), to = unpack_str(&u);

    if (unpack_bool(&u))
        return verdict(policy_allows_tree(v, ACL_KEY, from) && policy_allows_tree(v, ACL_KEY, to));
    return verdict(policy_permits(v, ACL_KEY, from, ACL_WRITE) &&
                   policy_permits(v, ACL_KEY, to, ACL_WRITE));
}

static bool node_is_same(const struct catalog_node *a, const struct catalog_node *b)
{
    return str_eq(a->address, b->address) && (a->id.n == 0 || str_eq(a->id, b->id)) &&
           (a->tagged_addresses.packed.n == 0 ||
            str_eq(a->tagged_addresses.packed, b->tagged_addresses.packed)) &&
           (a->meta.packed.n == 0 || str_eq(a->meta.packed, b->meta.packed));
}

/* The right to write the service is enough when the node is told as it is known. */
static bool may_register_node(struct view *v, const struct catalog_node *n, bool skip_update)
{
    struct catalog_node old;
    bool known = row_node_get(v, n->name, &old);

    if (known && (skip_update || node_is_same(n, &old)))
        return true;
    return policy_permits(v, ACL_NODE, n->name, ACL_WRITE);
}

static bool may_register_service(struct view *v, struct str node, struct str row)
{
    struct catalog_service s, old;

    if (!row.p)
        return true;
    if (!row_read_service(row, &s))
        return false;
    if (!policy_permits(v, ACL_SERVICE, s.name, ACL_WRITE))
        return false;
    return !row_service_get(v, node, s.id, &old) ||
           policy_permits(v, ACL_SERVICE, old.name, ACL_WRITE);
}

static bool may_register_check(struct view *v, struct str node, struct str service_row,
                               struct str row)
{
    struct catalog_service s, of;
    struct health_check c;

    if (!row_read_check(row, &c))
        return false;
    if (c.service_id.n == 0)
        return policy_permits(v, ACL_NODE, node, ACL_WRITE);
    if (service_row.p && row_read_service(service_row, &s) && str_eq(s.id, c.service_id))
        return policy_permits(v, ACL_SERVICE, s.name, ACL_WRITE);
    return row_service_get(v, node, c.service_id, &of) &&
           policy_permits(v, ACL_SERVICE, of.name, ACL_WRITE);
}

static int ask_register(struct view *v, struct str body)
{
    struct unpack u = unpack_make(body);
    struct catalog_node n;
    bool skip, granted;
    (void)unpack_array(&u);
    struct str node_row = unpack_str(&u);

    skip = unpack_bool(&u);
    struct str service_row = unpack_str(&u);
    if (u.bad || !row_read_node(node_row, &n))
        return 0;
    granted = may_register_node(v, &n, skip) && may_register_service(v, n.name, service_row);
    for (uint32_t left = unpack_array(&u); granted && left > 0 && !u.bad; left--)
        granted = may_register_check(v, n.name, service_row, unpack_str(&u));
    return verdict(granted);
}

static int ask_deregister(struct view *v, struct str body)
{
    struct unpack u = unpack_make(body);
    struct catalog_service s;
    struct health_check c;
    (void)unpack_array(&u);
    struct str node = unpack_str(&u), service_id = unpack_str(&u), check_id = unpack_str(&u);

    if (policy_permits(v, ACL_NODE, node, ACL_WRITE))
        return 0;
    if (service_id.n)
        return verdict(row_service_get(v, node, service_id, &s) &&
                       policy_permits(v, ACL_SERVICE, s.name, ACL_WRITE));
    return verdict(check_id.n && row_check_get(v, node, check_id, &c) && c.service_name.n &&
                   policy_permits(v, ACL_SERVICE, c.service_name, ACL_WRITE));
}

static bool may_mixed_kv(const struct view *v, const struct kv_op *op)
{
    return op->verb < KV_GET ? may_op(v, op) : policy_permits(v, ACL_KEY, op->key, ACL_READ);
}

/* The service a check hangs on, or its node. */
static bool may_check(struct view *v, const struct health_check *c, enum acl_access access)
{
    struct catalog_service s;

    if (c->service_id.n && row_service_get(v, c->node, c->service_id, &s))
        return policy_permits(v, ACL_SERVICE, s.name, access);
    return policy_permits(v, ACL_NODE, c->node, access);
}

/* Ours: reads beside writes must be permitted too, or nothing is done. */
static bool may_mixed(struct view *v, const struct txn_op *op)
{
    enum acl_access access = txn_mixed_is_read(op) ? ACL_READ : ACL_WRITE;
    struct catalog_service s;
    struct health_check c;

    switch (op->kind) {
    case TXN_NODE:
        return policy_permits(v, ACL_NODE, op->node.name, access);
    case TXN_SERVICE:
        return policy_permits(v, ACL_SERVICE, op->service.name, access) &&
               (!row_service_get(v, op->service.node, op->service.id, &s) ||
                policy_permits(v, ACL_SERVICE, s.name, access));
    case TXN_CHECK:
        return may_check(v, &op->check, access) &&
               (!row_check_get(v, op->check.node, op->check.check_id, &c) ||
                may_check(v, &c, access));
    default:
        return may_mixed_kv(v, &op->kv);
    }
}

static int ask_mixed(struct view *v, struct str body)
{
    struct unpack u = unpack_make(body);
    struct txn_op op;

    for (uint32_t n = unpack_array(&u); n > 0 && !txn_mixed_unpack(&u, &op); n--)
        if (!may_mixed(v, &op))
            return ERR_DENIED;
    return 0;
}

static int ask_session_create(struct view *v, struct str body)
{
    struct session s;

    return session_read_create(body, &s)
               ? verdict(policy_permits(v, ACL_SESSION, s.node, ACL_WRITE))
               : 0;
}

/* What is not there may be destroyed by all: recorded. */
static int ask_session_destroy(struct view *v, struct str body)
{
    struct unpack u = unpack_make(body);
    struct view all = {.store = v->store};
    struct session s;
    (void)unpack_array(&u);

    return !session_get(&all, unpack_str(&u), &s, NULL)
               ? 0
               : verdict(policy_permits(v, ACL_SESSION, s.node, ACL_WRITE));
}

/* What has neither a name nor stands for names needs no right. */
static bool may_query(const struct view *v, const struct query *q)
{
    return (q->name.n == 0 && !query_is_template(q)) ||
           policy_permits(v, ACL_QUERY, q->name, ACL_WRITE);
}

static bool may_query_id(struct view *v, struct str id)
{
    struct view all = {.store = v->store};
    struct query q;

    return !query_get(&all, id, &q, NULL) || may_query(v, &q);
}

static int ask_query_set(struct view *v, struct str body)
{
    struct query q;

    return query_read_set(body, &q) ? verdict(may_query(v, &q) && may_query_id(v, q.id)) : 0;
}

static int ask_query_delete(struct view *v, struct str body)
{
    struct unpack u = unpack_make(body);
    (void)unpack_array(&u);

    return verdict(may_query_id(v, unpack_str(&u)));
}

static int ask_coordinates(struct view *v, struct str body)
{
    struct unpack u = unpack_make(body);
    struct coordinate c;

    for (uint32_t n = unpack_array(&u); n > 0 && coordinate_read_next(&u, &c); n--)
        if (!policy_permits(v, ACL_NODE, c.node, ACL_WRITE))
            return verdict(false);
    return 0;
}

static int ask_pilot(struct view *v, struct str body)
{
    (void)body;
    return verdict(policy_permits(v, ACL_OPERATOR, STR_LIT(""), ACL_WRITE));
}

static int ask_acl(struct view *v, struct str body)
{
    (void)body;
    return verdict(policy_permits(v, ACL_ACL, STR_LIT(""), ACL_WRITE));
}

/* The bootstrap is for whoever has no token yet. */
static int ask_acl_token(struct view *v, struct str body)
{
    struct unpack u = unpack_make(body);
    (void)unpack_array(&u);

    return unpack_uint(&u) == ACL_PUT_BOOTSTRAP && !u.bad ? 0 : ask_acl(v, body);
}

static int ask_nothing(struct view *v, struct str body)
{
    (void)v;
    (void)body;
    return 0;
}

int policy_may_write(struct view *v, struct str command)
{
    static int (*const asks[])(struct view * v, struct str body) = {
        [COMMAND_KV] = ask_kv,
        [COMMAND_TXN] = ask_nothing, /* its operations are asked about: policy_refuses_txn */
        [COMMAND_TXN_MIXED] = ask_mixed,
        [COMMAND_KV_RENAME] = ask_rename,
        [COMMAND_CATALOG_REGISTER] = ask_register,
        [COMMAND_CATALOG_DEREGISTER] = ask_deregister,
        [COMMAND_SESSION_CREATE] = ask_session_create,
        [COMMAND_SESSION_DESTROY] = ask_session_destroy,
        [COMMAND_COORDINATES] = ask_coordinates,
        [COMMAND_QUERY_SET] = ask_query_set,
        [COMMAND_QUERY_DELETE] = ask_query_delete,
        [COMMAND_PILOT] = ask_pilot,
        [COMMAND_ACL_TOKEN] = ask_acl_token,
        [COMMAND_ACL_POLICY] = ask_acl,
        [COMMAND_ACL_ROLE] = ask_acl,
        [COMMAND_ACL_CLONE] = ask_acl,
        [COMMAND_ACL_DELETE] = ask_acl,
    };
    struct str body;
    uint8_t id;

    if (v->acl_status)
        return v->acl_status;
    if (!v->acl || acl_set_is_management(v->acl) || command_split(command, &id, &body))
        return 0;
    /* What is not in the table is the leader's own: nobody else may send it. */
    return id < sizeof asks / sizeof asks[0] && asks[id] ? asks[id](v, body) : ERR_DENIED;
}

bool policy_refuses_txn(struct view *v, struct str command, struct buf *ret_body)
{
    struct str body;
    struct buf errors;
    uint32_t error_n = 0;
    struct kv_op op;
    uint8_t id;

    if (!v->acl || command_split(command, &id, &body) || id != COMMAND_TXN)
        return false;
    struct unpack u = unpack_make(body);
    buf_init(&errors, 0);
    uint32_t n = unpack_array(&u);
    for (uint32_t i = 0; i < n && !kv_unpack_op(&u, &op); i++)
        if (!may_op(v, &op)) {
            pack_array(&errors, 2);
            pack_uint(&errors, i);
            pack_str(&errors, STR_LIT("Permission denied"));
            error_n++;
        }
    if (error_n) {
        pack_array(ret_body, 2);
        pack_array(ret_body, 0);
        pack_array(ret_body, error_n);
        buf_put_str(ret_body, buf_str(&errors));
    }
    buf_fini(&errors);
    return error_n > 0;
}

void policy_filter_txn(struct view *v, struct buf *body)
{
    struct unpack u = unpack_make(buf_str(body));
    struct buf kept, whole;
    uint32_t kept_n = 0;

    if (!v->acl || unpack_array(&u) != 2)
        return;
    buf_init(&kept, 0);
    for (uint32_t n = unpack_array(&u); n > 0 && !u.bad; n--) {
        struct unpack row = u;
        const char *from = u.in.p;

        (void)unpack_array(&row);
        (void)unpack_uint(&row);
        struct str key = unpack_str(&row);
        unpack_skip(&u);
        if (policy_permits(v, ACL_KEY, key, ACL_READ)) {
            buf_put(&kept, from, (size_t)(u.in.p - from));
            kept_n++;
        }
    }
    buf_init(&whole, 0);
    pack_array(&whole, 2);
    pack_array(&whole, kept_n);
    buf_put_str(&whole, buf_str(&kept));
    buf_put(&whole, u.in.p, cursor_left(&u.in));
    buf_clear(body);
    buf_put_str(body, buf_str(&whole));
    buf_fini(&whole);
    buf_fini(&kept);
}
