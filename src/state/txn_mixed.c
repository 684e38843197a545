/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/consul/state/txn.go */
#include "config.h"

#include "state/txn_mixed.h"

#include "state/policy.h"
#include "state/row.h"
#include "state/txn_answers.h"

/* ---- encoding ---- */

static void pack_op(const struct txn_op *op, struct buf *out)
{
    struct buf row;

    pack_array(out, 2);
    pack_uint(out, op->kind);
    if (op->kind == TXN_KV) {
        kv_pack_op(&op->kv, out);
        return;
    }
    buf_init(&row, 0);
    if (op->kind == TXN_NODE)
        row_put_node(&row, &op->node);
    else if (op->kind == TXN_SERVICE)
        row_put_service(&row, &op->service);
    else
        row_put_check(&row, &op->check);
    pack_array(out, 2);
    pack_uint(out, op->verb);
    pack_bin(out, buf_str(&row));
    buf_fini(&row);
}

void txn_mixed_encode(const struct txn_op *ops, size_t n, struct buf *out)
{
    command_begin(out, COMMAND_TXN_MIXED);
    pack_array(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        pack_op(&ops[i], out);
}

static bool read_row(struct str row, struct txn_op *ret)
{
    switch (ret->kind) {
    case TXN_NODE:
        return row_read_node(row, &ret->node);
    case TXN_SERVICE:
        return row_read_service(row, &ret->service);
    case TXN_CHECK:
        return row_read_check(row, &ret->check);
    default:
        return false;
    }
}

int txn_mixed_unpack(struct unpack *u, struct txn_op *ret)
{
    bool fits = unpack_array(u) == 2;
    uint64_t kind = unpack_uint(u), verb;

    if (!fits || u->bad || kind >= TXN_KINDS)
        return ERR_INVALID;
    *ret = (struct txn_op){.kind = (enum txn_kind)kind};
    if (ret->kind == TXN_KV) {
        int rc = kv_unpack_op(u, &ret->kv);
        return rc < 0 ? rc : ret->kv.verb > KV_CHECK_NOT_EXISTS ? ERR_INVALID : 0;
    }
    fits = unpack_array(u) == 2;
    verb = unpack_uint(u);
    struct str row = unpack_str(u);
    if (!fits || u->bad || verb >= TXN_VERBS || !read_row(row, ret))
        return ERR_INVALID;
    ret->verb = (enum txn_verb)verb;
    return 0;
}

bool txn_mixed_is_read(const struct txn_op *op)
{
    return op->kind == TXN_KV ? op->kv.verb >= KV_GET : op->verb == TXN_GET;
}

/* ---- words ---- */

static const char *const nouns[] = {
    [TXN_NODE] = "node ", [TXN_SERVICE] = "service ", [TXN_CHECK] = "check "};

/* 'node "x"', 'service "x" on node "y"' */
static void put_name(const struct txn_op *op, struct buf *out)
{
    struct str name = op->kind == TXN_NODE      ? op->node.name
                      : op->kind == TXN_SERVICE ? op->service.id
                                                : op->check.check_id;

    if (op->kind == TXN_NODE && name.n == 0)
        name = op->node.id;
    buf_put_z(out, nouns[op->kind]);
    state_quote(out, name);
    if (op->kind == TXN_NODE)
        return;
    buf_put_z(out, " on node ");
    state_quote(out, op->kind == TXN_SERVICE ? op->service.node : op->check.node);
}

static void fail(struct txn_answers *s, size_t op_i, const char *before, const struct txn_op *op,
                 const char *after)
{
    struct buf text;

    buf_init(&text, 0);
    buf_put_z(&text, before);
    put_name(op, &text);
    buf_put_z(&text, after);
    txn_answers_error(s, op_i, buf_str(&text));
    buf_fini(&text);
}

/* ---- rows ---- */

/* The row the operation is about, in place of what it says; false when there is none. */
static bool find(struct view *v, const struct txn_op *op, struct txn_op *ret)
{
    *ret = *op;
    switch (op->kind) {
    case TXN_NODE:
        return op->node.id.n ? catalog_node_by_id(v, op->node.id, &ret->node)
                             : row_node_get(v, op->node.name, &ret->node);
    case TXN_SERVICE:
        return row_service_get(v, op->service.node, op->service.id, &ret->service);
    default:
        return row_check_get(v, op->check.node, op->check.check_id, &ret->check);
    }
}

static uint64_t index_of(const struct txn_op *op)
{
    return op->kind == TXN_NODE      ? op->node.modify_index
           : op->kind == TXN_SERVICE ? op->service.modify_index
                                     : op->check.modify_index;
}

static void add_result(struct txn_answers *s, const struct txn_op *op)
{
    struct buf row;

    buf_init(&row, 0);
    if (op->kind == TXN_NODE)
        row_put_node(&row, &op->node);
    else if (op->kind == TXN_SERVICE)
        row_put_service(&row, &op->service);
    else
        row_put_check(&row, &op->check);
    pack_array(&s->results, 2);
    pack_uint(&s->results, op->kind);
    pack_bin(&s->results, buf_str(&row));
    buf_fini(&row);
    s->result_n++;
}

static void read_op(struct view *v, const struct txn_op *op, size_t op_i, struct txn_answers *s)
{
    struct txn_op there;

    if (op->kind == TXN_KV)
        txn_read_kv(v, &op->kv, op_i, s);
    else if (find(v, op, &there))
        add_result(s, &there);
    else
        fail(s, op_i, "", op, " doesn't exist");
}

/* ---- writes ---- */

static int set(struct apply *a, const struct txn_op *op)
{
    switch (op->kind) {
    case TXN_NODE:
        return catalog_apply_node(a, &op->node);
    case TXN_SERVICE:
        if (!row_node_exists(&a->view, op->service.node))
            return state_fail(a, ERR_INVALID, "Missing node registration");
        return catalog_apply_service(a, op->service.node, &op->service);
    default:
        return health_apply_check(a, &op->check);
    }
}

static void delete (struct apply *a, const struct txn_op *op)
{
    if (op->kind == TXN_NODE)
        catalog_apply_delete_node(a, op->node.name);
    else if (op->kind == TXN_SERVICE)
        catalog_apply_delete_service(a, op->service.node, op->service.id);
    else
        health_apply_delete(a, op->check.node, op->check.check_id);
}

static void write_op(struct apply *a, const struct txn_op *op, size_t op_i, struct txn_answers *s)
{
    bool deletes = op->verb == TXN_DELETE || op->verb == TXN_DELETE_CAS;
    bool cas = op->verb == TXN_CAS || op->verb == TXN_DELETE_CAS;
    struct txn_op there;

    if (cas && (!find(&a->view, op, &there) || index_of(&there) != index_of(op))) {
        fail(s, op_i, deletes ? "failed to delete " : "failed to set ", op, ", index is stale");
        return;
    }
    if (deletes) {
        delete (a, op);
    } else if (set(a, op) < 0) {
        txn_answers_error(s, op_i, str_z(a->result->text));
        a->result->text[0] = '\0';
    } else if (find(&a->view, op, &there)) {
        add_result(s, &there);
    }
}

int txn_mixed_apply(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    uint32_t n = unpack_array(&u);
    struct txn_answers s;
    bool fits = true;
    int rc = 0;

    if (u.bad)
        return state_fail(a, ERR_INVALID, "not a list of operations");
    txn_answers_init(&s);
    for (uint32_t i = 0; i < n && rc == 0 && fits; i++) {
        struct txn_op op;
        rc = txn_mixed_unpack(&u, &op);
        if (rc < 0)
            break;
        if (txn_mixed_is_read(&op))
            read_op(&a->view, &op, i, &s);
        else if (op.kind == TXN_KV)
            txn_write_kv(a, &op.kv, i, &s);
        else
            write_op(a, &op, i, &s);
        fits = txn_answers_fit(&s, i);
    }
    if (rc == 0 && fits && !unpack_is_end(&u))
        rc = ERR_INVALID;
    a->rollback = s.error_n > 0;
    txn_answers_finish(&s, &a->result->body);
    return rc < 0 ? rc : a->result->body.failed ? ERR_TOO_LARGE : 0;
}

/* What may not be seen is as if it were not there. */
static bool may_see(struct view *v, const struct txn_op *op)
{
    struct catalog_service s;

    switch (op->kind) {
    case TXN_NODE:
        return policy_allows(v, ACL_NODE, op->node.name, ACL_READ);
    case TXN_SERVICE:
        return row_service_get(v, op->service.node, op->service.id, &s) &&
               policy_allows(v, ACL_SERVICE, s.name, ACL_READ);
    case TXN_CHECK:
        return policy_allows(v, ACL_NODE, op->check.node, ACL_READ);
    default:
        return true; /* kv_get sees to it */
    }
}

void txn_mixed_read(struct view *v, const struct txn_op *ops, size_t n, struct buf *ret_body)
{
    struct txn_answers s;

    txn_answers_init(&s);
    for (size_t i = 0; i < n; i++) {
        if (v->acl && !may_see(v, &ops[i]))
            fail(&s, i, "", &ops[i], " doesn't exist");
        else
            read_op(v, &ops[i], i, &s);
        if (!txn_answers_fit(&s, i))
            break;
    }
    txn_answers_finish(&s, ret_body);
}

bool txn_mixed_node(struct str row, struct catalog_node *ret)
{
    return row_read_node(row, ret);
}

bool txn_mixed_service(struct str row, struct catalog_service *ret)
{
    return row_read_service(row, ret);
}

bool txn_mixed_check(struct str row, struct health_check *ret)
{
    return row_read_check(row, ret);
}
