/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/txn.h"

#include "state/kv_entry.h"
#include "state/txn_answers.h"

void txn_encode(const struct kv_op *ops, size_t n, struct buf *out)
{
    command_begin(out, COMMAND_TXN);
    pack_array(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        kv_pack_op(&ops[i], out);
}

bool txn_is_read_only(const struct kv_op *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ops[i].verb < KV_GET)
            return false;
    return true;
}

static void add_result(struct txn_answers *s, enum kv_verb verb, const struct kv_entry *e)
{
    struct buf *out = &s->results;

    pack_array(out, 8);
    pack_uint(out, verb);
    pack_bin(out, e->key);
    if (verb == KV_GET || verb == KV_GET_TREE)
        pack_bin(out, e->value);
    else
        pack_nil(out); /* others give the entry without its value */
    pack_uint(out, e->flags);
    pack_uint(out, e->lock_index);
    pack_uint(out, e->create_index);
    pack_uint(out, e->modify_index);
    pack_str(out, e->session);
    s->result_n++;
}

/* Words an error "before "key" after", as Consul's %q does. */
static void add_key_error(struct txn_answers *s, size_t op_i, const char *before, struct str key,
                          const char *after)
{
    struct buf text;

    buf_init(&text, 0);
    buf_put_z(&text, before);
    state_quote(&text, key);
    buf_put_z(&text, after);
    txn_answers_error(s, op_i, buf_str(&text));
    buf_fini(&text);
}

struct tree_walk {
    struct txn_answers *answers;
};

static bool on_tree_entry(void *data, const struct kv_entry *e)
{
    struct tree_walk *w = data;

    add_result(w->answers, KV_GET_TREE, e);
    return !w->answers->results.failed;
}

static void check_session(struct txn_answers *s, size_t op_i, const struct kv_op *op,
                          const struct kv_entry *e)
{
    struct buf text;

    if (str_eq(e->session, op->session)) {
        add_result(s, op->verb, e);
        return;
    }
    buf_init(&text, 0);
    buf_put_z(&text, "failed session check for key ");
    state_quote(&text, op->key);
    buf_put_z(&text, ", current session ");
    state_quote(&text, e->session);
    buf_put_z(&text, " != ");
    state_quote(&text, op->session);
    txn_answers_error(s, op_i, buf_str(&text));
    buf_fini(&text);
}

static void check_index(struct txn_answers *s, size_t op_i, const struct kv_op *op,
                        const struct kv_entry *e)
{
    char after[80];

    if (e->modify_index == op->index) {
        add_result(s, op->verb, e);
        return;
    }
    struct buf text;
    buf_init(&text, 0);
    buf_putf(&text, ", current modify index %llu != %llu", (unsigned long long)e->modify_index,
             (unsigned long long)op->index);
    (void)str_copy_z(buf_str(&text), after, sizeof after);
    buf_fini(&text);
    add_key_error(s, op_i, "failed index check for key ", op->key, after);
}

void txn_read_kv(struct view *v, const struct kv_op *op, size_t op_i, struct txn_answers *s)
{
    struct kv_entry e;

    if (op->key.n == 0) { /* a tree of everything, too, must be asked for otherwise */
        txn_answers_error(s, op_i, STR_LIT("Must provide key"));
        return;
    }
    if (op->verb == KV_GET_TREE) {
        struct tree_walk w = {s};
        kv_list(v, op->key, on_tree_entry, &w, NULL);
        return;
    }
    bool exists = kv_get(v, op->key, &e, NULL);
    if (v->denied) { /* what is there is left out; of what is not there, all is told (recorded) */
        v->denied = false;
        if (op->verb == KV_GET && kv_entry_get(v, op->key, &e))
            return;
    }
    switch (op->verb) {
    case KV_GET:
        if (exists)
            add_result(s, KV_GET, &e);
        else
            add_key_error(s, op_i, "key ", op->key, " doesn't exist");
        break;
    case KV_CHECK_NOT_EXISTS:
        if (exists)
            add_key_error(s, op_i, "key ", op->key, " exists");
        break;
    case KV_CHECK_SESSION:
        if (exists)
            check_session(s, op_i, op, &e);
        else
            add_key_error(s, op_i, "failed to check session, key ", op->key, " doesn't exist");
        break;
    default:
        if (exists)
            check_index(s, op_i, op, &e);
        else
            add_key_error(s, op_i, "failed to check index, key ", op->key, " doesn't exist");
        break;
    }
}

static void refuse(struct txn_answers *s, size_t op_i, const struct kv_op *op)
{
    switch (op->verb) {
    case KV_LOCK:
        add_key_error(s, op_i, "failed to lock key ", op->key, ", lock is already held");
        break;
    case KV_UNLOCK:
        add_key_error(s, op_i, "failed to unlock key ", op->key,
                      ", lock isn't held, or is held by another session");
        break;
    case KV_DELETE_CAS:
        add_key_error(s, op_i, "failed to delete key ", op->key, ", index is stale");
        break;
    default:
        add_key_error(s, op_i, "failed to set key ", op->key, ", index is stale");
        break;
    }
}

void txn_write_kv(struct apply *a, const struct kv_op *op, size_t op_i, struct txn_answers *s)
{
    struct kv_entry e;
    uint64_t index;
    bool ok;

    if (kv_apply_op(a, op, &ok, &index) < 0) {
        txn_answers_error(s, op_i, str_z(a->result->text));
        a->result->text[0] = '\0';
    } else if (!ok) {
        refuse(s, op_i, op);
    } else if (op->verb != KV_DELETE && op->verb != KV_DELETE_CAS && op->verb != KV_DELETE_TREE &&
               kv_get(&a->view, op->key, &e, NULL)) {
        add_result(s, op->verb, &e);
    }
}

int txn_apply(struct apply *a, struct str body)
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
        struct kv_op op;
        rc = kv_unpack_op(&u, &op);
        if (rc < 0)
            break;
        if (op.verb > KV_CHECK_NOT_EXISTS)
            rc = state_fail(a, ERR_INVALID, "verb %d is not for transactions", (int)op.verb);
        else if (op.verb < KV_GET)
            txn_write_kv(a, &op, i, &s);
        else
            txn_read_kv(&a->view, &op, i, &s);
        fits = txn_answers_fit(&s, i);
    }
    if (rc == 0 && fits && !unpack_is_end(&u))
        rc = ERR_INVALID;
    a->rollback = s.error_n > 0;
    txn_answers_finish(&s, &a->result->body);
    return rc < 0 ? rc : a->result->body.failed ? ERR_TOO_LARGE : 0;
}

void txn_read(struct view *v, const struct kv_op *ops, size_t n, struct buf *ret_body)
{
    struct txn_answers s;

    txn_answers_init(&s);
    for (size_t i = 0; i < n; i++) {
        txn_read_kv(v, &ops[i], i, &s);
        if (!txn_answers_fit(&s, i))
            break;
    }
    txn_answers_finish(&s, ret_body);
}
