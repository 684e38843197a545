/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/txn_endpoint.go, agent/consul/txn_endpoint.go */
#include "config.h"

#include "api/api_txn.h"

#include "api/api_kv.h"
#include "api/route.h"
#include "base/encode.h"
#include "base/jread.h"
#include "state/txn.h"

static const struct {
    const char *name;
    enum kv_verb verb;
    bool is_write;
} verbs[] = {
    {"set", KV_SET, true},
    {"cas", KV_CAS, true},
    {"lock", KV_LOCK, true},
    {"unlock", KV_UNLOCK, true},
    {"delete", KV_DELETE, true},
    {"delete-cas", KV_DELETE_CAS, true},
    {"delete-tree", KV_DELETE_TREE, true},
    {"get", KV_GET, false},
    {"get-tree", KV_GET_TREE, false},
    {"check-session", KV_CHECK_SESSION, false},
    {"check-index", KV_CHECK_INDEX, false},
    {"check-not-exists", KV_CHECK_NOT_EXISTS, false},
};
#define VERB_N (sizeof(verbs) / sizeof(verbs[0]))

struct request { /* in the call's arena */
    struct kv_op ops[TXN_OPS_MAX];
    const char *errors[TXN_OPS_MAX]; /* found before it runs; NULL: none */
    size_t n, error_n;
    bool writes;
};

static bool parse_failed(struct api_call *c, const char *why)
{
    return api_fail(c, 400, "Failed to parse body: %s", why);
}

/* Go: the decoder disallows fields it does not know. */
static bool fields_known(struct api_call *c, const struct jvalue *object, const char *const *names)
{
    const struct jvalue *value;
    struct str name;
    size_t pos = 0;

    while (jread_next(object, &pos, &name, &value)) {
        const char *const *known = names;

        while (*known && !str_eq_nocase(name, str_z(*known)))
            known++;
        if (!*known)
            return api_fail(c, 400, "Failed to parse body: json: unknown field \"%.*s\"",
                            STR_ARG(name));
    }
    return true;
}

static bool take_value(struct api_call *c, const struct jvalue *v, struct kv_op *op)
{
    struct str text = STR_NONE;
    struct buf bytes;
    int r = jread_str(v, &text);

    if (r)
        return parse_failed(c, "json: cannot unmarshal into Go struct field KVTxnOp.KV.Value of "
                               "type []uint8");
    if (!text.n)
        return true;
    buf_init(&bytes, 0);
    r = encode_base64_parse(text, &bytes);
    if (r == 0)
        op->value = api_keep(c, buf_str(&bytes));
    buf_fini(&bytes);
    return r == 0 || parse_failed(c, "illegal base64 data");
}

static void find_verb(struct api_call *c, struct request *q, struct str verb)
{
    struct kv_op *op = &q->ops[q->n];

    for (size_t i = 0; i < VERB_N; i++)
        if (str_eq_z(verb, verbs[i].name)) {
            op->verb = verbs[i].verb;
            q->writes = q->writes || verbs[i].is_write;
            if (op->key.n == 0 && op->verb != KV_DELETE_TREE)
                q->errors[q->n] = "Must provide key";
            return;
        }
    q->errors[q->n] = api_printf(c, "unknown KV verb \"%.*s\"", STR_ARG(verb)).p;
}

static bool take_kv(struct api_call *c, const struct jvalue *kv, struct request *q)
{
    static const char *const names[] = {"Verb",  "Key",     "Value",     "Flags",
                                        "Index", "Session", "Namespace", NULL};
    struct kv_op *op = &q->ops[q->n];
    struct str verb = STR_NONE;

    if (jread_type(kv) != JREAD_OBJECT)
        return parse_failed(c, "json: cannot unmarshal into Go struct field TxnOp.KV of type "
                               "api.KVTxnOp");
    if (!fields_known(c, kv, names))
        return false;
    if (jread_str(jread_get(kv, "Verb"), &verb) || jread_str(jread_get(kv, "Key"), &op->key) ||
        jread_str(jread_get(kv, "Session"), &op->session) ||
        jread_u64(jread_get(kv, "Flags"), &op->flags) ||
        jread_u64(jread_get(kv, "Index"), &op->index))
        return parse_failed(c, "json: cannot unmarshal into Go value of type api.KVTxnOp");
    if (!take_value(c, jread_get(kv, "Value"), op))
        return false;
    op->key = api_keep(c, op->key);
    op->session = api_keep(c, op->session);
    if (op->key.n > KV_KEY_SIZE_MAX)
        return api_fail(c, 413, "Key is too large (%zu > %zu bytes)", op->key.n, KV_KEY_SIZE_MAX);
    if (op->value.n > (size_t)c->env->config->kv_max_value_size)
        return api_fail(c, 413, "Value for key \"%.*s\" is too large (%zu > %lld bytes)",
                        STR_ARG(str_take(op->key, 1000)), op->value.n,
                        (long long)c->env->config->kv_max_value_size);
    find_verb(c, q, verb);
    q->error_n += q->errors[q->n] != NULL;
    q->n++;
    return true;
}

static bool take_op(struct api_call *c, const struct jvalue *op, struct request *q)
{
    static const char *const names[] = {"KV", "Node", "Service", "Check", "Intention", NULL};

    if (jread_type(op) == JREAD_NULL)
        return true;
    if (jread_type(op) != JREAD_OBJECT)
        return parse_failed(c, "json: cannot unmarshal into Go value of type api.TxnOp");
    if (!fields_known(c, op, names))
        return false;
    for (size_t i = 1; names[i]; i++)
        if (jread_type(jread_get(op, names[i])) != JREAD_NULL)
            return api_fail(c, 400, "%s operations are not supported in transactions", names[i]);
    if (jread_type(jread_get(op, "KV")) == JREAD_NULL)
        return true; /* consul: an operation without content is left out */
    return take_kv(c, jread_get(op, "KV"), q);
}

static bool take_ops(struct api_call *c, const struct jvalue *ops, struct request *q)
{
    if (jread_type(ops) == JREAD_NULL)
        return true;
    if (jread_type(ops) != JREAD_ARRAY)
        return parse_failed(c, "json: cannot unmarshal into Go value of type api.TxnOps");
    if (jread_count(ops) > TXN_OPS_MAX)
        return api_fail(c, 413, "Transaction contains too many operations (%zu > %d)",
                        jread_count(ops), TXN_OPS_MAX);
    for (size_t i = 0; i < jread_count(ops); i++)
        if (!take_op(c, jread_at(ops, i), q))
            return false;
    return true;
}

bool api_txn_check(struct api_call *c)
{
    const struct config *config = c->env->config;
    int64_t max = config->txn_max_req_len > config->kv_max_value_size ? config->txn_max_req_len
                                                                      : config->kv_max_value_size;
    struct request *q = arena_new(&c->arena, struct request);
    struct jvalue *root;
    struct error err;
    bool ok;

    if (!api_kv_check_size(c, max, "txn_max_req_len"))
        return false;
    if (str_trim(c->request.body).n == 0)
        return parse_failed(c, "EOF");
    if (jread_parse(c->request.body, &root, &err))
        return parse_failed(c, err.text);
    ok = take_ops(c, root, q);
    jread_free(root);
    c->scratch = q;
    if (ok && !q->writes)
        c->kind = API_READ;
    return ok;
}

/* ---- replies ---- */

static void put_results(struct jwrite *w, struct unpack *u)
{
    uint32_t n = unpack_array(u);

    jwrite_array(w);
    for (uint32_t i = 0; i < n && !u->bad; i++) {
        struct kv_entry e = {0};

        unpack_array(u);
        unpack_uint(u); /* the verb */
        e.key = unpack_str(u);
        e.value = unpack_str(u);
        e.flags = unpack_uint(u);
        e.lock_index = unpack_uint(u);
        e.create_index = unpack_uint(u);
        e.modify_index = unpack_uint(u);
        e.session = unpack_str(u);
        jwrite_object(w);
        jwrite_name(w, "KV");
        api_kv_render(w, &e, true);
        jwrite_close(w);
    }
    jwrite_close(w);
}

static void put_error(struct jwrite *w, uint64_t op_i, struct str what)
{
    jwrite_object(w);
    jwrite_name(w, "OpIndex");
    jwrite_u64(w, op_i);
    jwrite_name(w, "What");
    jwrite_str(w, what);
    jwrite_close(w);
}

static uint32_t put_outcome(struct jwrite *w, struct str body)
{
    struct unpack u = unpack_make(body), errors;
    uint32_t error_n;

    unpack_array(&u);
    errors = u;
    unpack_skip(&errors);
    error_n = unpack_array(&errors);
    jwrite_name(w, "Results");
    if (error_n)
        jwrite_null(w);
    else
        put_results(w, &u);
    jwrite_name(w, "Errors");
    if (error_n)
        jwrite_array(w);
    else
        jwrite_null(w);
    for (uint32_t i = 0; i < error_n && !errors.bad; i++) {
        uint64_t op_i;

        unpack_array(&errors);
        op_i = unpack_uint(&errors);
        put_error(w, op_i, unpack_str(&errors));
    }
    if (error_n)
        jwrite_close(w);
    return error_n;
}

static void put_early_errors(struct jwrite *w, const struct request *q)
{
    jwrite_name(w, "Results");
    jwrite_null(w);
    jwrite_name(w, "Errors");
    jwrite_array(w);
    for (size_t i = 0; i < q->n; i++)
        if (q->errors[i])
            put_error(w, i, str_z(q->errors[i]));
    jwrite_close(w);
}

/* body STR_NONE: what was wrong before it ran. */
static void reply(struct api_call *c, struct str body)
{
    struct jwrite w = api_json(c);
    const struct request *q = c->scratch;

    jwrite_object(&w);
    if (!body.p)
        put_early_errors(&w, q);
    if (!body.p || put_outcome(&w, body))
        c->reply.status = 409;
    if (!q->writes) { /* Go: TxnReadResponse embeds QueryMeta */
        jwrite_name(&w, "Index");
        jwrite_u64(&w, 0);
        jwrite_name(&w, "LastContact");
        jwrite_u64(&w, 0);
        jwrite_name(&w, "KnownLeader");
        jwrite_bool(&w, true);
        jwrite_name(&w, "ConsistencyLevel");
        jwrite_z(&w, "");
        jwrite_name(&w, "NotModified");
        jwrite_bool(&w, false);
    }
    jwrite_close(&w);
    jwrite_end(&w);
}

int api_txn_read(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    const struct request *q = c->scratch;
    struct buf body;

    *ret_index = UINT64_MAX; /* it never waits */
    if (q->error_n) {
        reply(c, STR_NONE);
        return 0;
    }
    buf_init(&body, 0);
    txn_read(v, q->ops, q->n, &body);
    reply(c, buf_str(&body));
    buf_fini(&body);
    return 0;
}

bool api_txn_prepare(struct api_call *c, struct buf *command)
{
    const struct request *q = c->scratch;

    if (q->error_n) {
        reply(c, STR_NONE);
        return false;
    }
    txn_encode(q->ops, q->n, command);
    return true;
}

void api_txn_finish(struct api_call *c, const struct result *result)
{
    reply(c, buf_str(&result->body));
}
