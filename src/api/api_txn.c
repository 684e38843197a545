/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/txn_endpoint.go, agent/consul/txn_endpoint.go */
#include "config.h"

#include "api/api_txn.h"

#include "api/api_body.h"
#include "api/api_catalog.h"
#include "api/api_kv.h"
#include "api/api_txn_reply.h"
#include "api/route.h"
#include "base/encode.h"
#include "base/jread.h"
#include "state/txn_mixed.h"

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

/* In the call's arena. As large as the body makes it: its size is bounded, not its operations. */
struct request {
    struct kv_op *ops;
    struct txn_op *mixed; /* with `is_mixed` all operations, those on keys too */
    const char **errors;  /* found before it runs; NULL: none */
    bool *is_catalog;
    size_t n, cap, error_n;
    bool writes, is_mixed;
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

/* ---- operations on the catalog ---- */

static bool take_node(struct api_call *c, const struct jvalue *v, struct catalog_node *n)
{
    static const char *const names[] = {
        "ID",   "Node",        "Address",     "Datacenter", "TaggedAddresses",
        "Meta", "CreateIndex", "ModifyIndex", NULL};

    if (!fields_known(c, v, names) || !api_body_str(c, v, "ID", &n->id) ||
        !api_body_str(c, v, "Node", &n->name) || !api_body_str(c, v, "Address", &n->address) ||
        !api_body_pairs(c, v, "TaggedAddresses", &n->tagged_addresses) ||
        !api_body_pairs(c, v, "Meta", &n->meta))
        return false;
    n->datacenter = str_z(c->env->config->datacenter);
    n->id = api_keep(c, n->id);
    n->name = api_keep(c, n->name);
    n->address = api_keep(c, n->address);
    return true;
}

static void keep_texts(struct api_call *c, struct str *const *texts)
{
    for (; *texts; texts++)
        **texts = (*texts)->p ? api_keep(c, **texts) : **texts;
}

/* The JSON goes when the body was read. */
static void keep_service(struct api_call *c, struct catalog_service *s)
{
    struct str *const texts[] = {&s->node, &s->id, &s->name, &s->address, &s->kind, NULL};

    keep_texts(c, texts);
}

static void keep_check(struct api_call *c, struct health_check *k)
{
    struct str *const texts[] = {
        &k->node,   &k->check_id,   &k->name,         &k->notes,           &k->output, &k->type,
        &k->status, &k->service_id, &k->service_name, &k->definition_json, NULL};

    keep_texts(c, texts);
}

static bool take_row(struct api_call *c, const struct jvalue *v, struct txn_op *op)
{
    static const char *const names[] = {"Verb", "Node", "Service", "Check", NULL};
    const struct jvalue *row = jread_get(v, api_txn_kinds[op->kind]);
    uint64_t *index = op->kind == TXN_NODE      ? &op->node.modify_index
                      : op->kind == TXN_SERVICE ? &op->service.modify_index
                                                : &op->check.modify_index;

    if (jread_type(v) != JREAD_OBJECT || jread_type(row) != JREAD_OBJECT)
        return parse_failed(c, "json: cannot unmarshal into Go struct field of type api.TxnOp");
    if (!fields_known(c, v, names))
        return false;
    if (op->kind == TXN_NODE && !take_node(c, row, &op->node))
        return false;
    if (op->kind == TXN_SERVICE && (!api_catalog_take_service(c, row, &op->service) ||
                                    !api_body_str(c, v, "Node", &op->service.node)))
        return false;
    if (op->kind == TXN_CHECK && !api_catalog_take_check(c, row, &op->check))
        return false;
    if (op->kind == TXN_SERVICE)
        keep_service(c, &op->service);
    if (op->kind == TXN_CHECK)
        keep_check(c, &op->check);
    return jread_u64(jread_get(row, "ModifyIndex"), index) == 0 ||
           parse_failed(c,
                        "json: cannot unmarshal into Go struct field ModifyIndex of type uint64");
}

/* consul: nodePreApply, servicePreApply, checkPreApply; NULL: nothing to say against it. */
static const char *check_row(const struct txn_op *op)
{
    if (op->kind == TXN_NODE && op->verb != TXN_GET) {
        if (op->node.name.n == 0)
            return "Must provide node";
        if (op->node.id.n && op->node.id.n != 36)
            return "Bad node ID: uuid string is wrong length";
        if (op->node.id.n && !encode_is_uuid(op->node.id))
            return "Bad node ID: uuid is improperly formatted";
    }
    if (op->kind == TXN_SERVICE && op->verb != TXN_GET && op->service.id.n && !op->service.name.n)
        return "Must provide service name with ID";
    return NULL;
}

static bool take_catalog(struct api_call *c, const struct jvalue *v, enum txn_kind kind,
                         struct request *q)
{
    static const char *const words[] = {[TXN_GET] = "get",
                                        [TXN_SET] = "set",
                                        [TXN_CAS] = "cas",
                                        [TXN_DELETE] = "delete",
                                        [TXN_DELETE_CAS] = "delete-cas"};
    struct str verb = STR_NONE;
    struct txn_op *op;
    int i = 0;

    if (!q->mixed)
        q->mixed = arena_alloc(&c->arena, q->cap * sizeof(*q->mixed));
    op = &q->mixed[q->n];
    *op = (struct txn_op){.kind = kind};
    q->is_mixed = true;
    if (!take_row(c, v, op) || !api_body_str(c, v, "Verb", &verb))
        return false;
    while (i < TXN_VERBS && !str_eq_z(verb, words[i]))
        i++;
    if (i == TXN_VERBS) {
        q->errors[q->n] =
            api_printf(c, "unknown %s verb \"%.*s\"", api_txn_kinds[kind], STR_ARG(verb)).p;
        q->writes = true;
    } else {
        op->verb = (enum txn_verb)i;
        q->errors[q->n] = check_row(op);
        q->writes = q->writes || op->verb != TXN_GET;
    }
    q->error_n += q->errors[q->n] != NULL;
    q->is_catalog[q->n] = true;
    q->n++;
    return true;
}

/* In one list, when some are of the catalog. */
static void gather(struct request *q)
{
    for (size_t i = 0; q->is_mixed && i < q->n; i++)
        if (!q->is_catalog[i])
            q->mixed[i] = (struct txn_op){.kind = TXN_KV, .kv = q->ops[i]};
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
    if (jread_type(jread_get(op, "Intention")) != JREAD_NULL)
        return api_fail(c, 400, "Intention operations are not supported in transactions");
    if (jread_type(jread_get(op, "KV")) != JREAD_NULL)
        return take_kv(c, jread_get(op, "KV"), q);
    for (int kind = TXN_NODE; kind < TXN_KINDS; kind++)
        if (jread_type(jread_get(op, names[kind])) != JREAD_NULL)
            return take_catalog(c, jread_get(op, names[kind]), (enum txn_kind)kind, q);
    return true; /* consul: an operation without content is left out */
}

/* Those without content are left out, so a body of them takes no room. */
static void make_room(struct api_call *c, const struct jvalue *ops, struct request *q)
{
    for (size_t i = 0; i < jread_count(ops); i++)
        q->cap += jread_count(jread_at(ops, i)) > 0;
    q->ops = arena_alloc(&c->arena, q->cap * sizeof(*q->ops));
    q->errors = arena_alloc(&c->arena, q->cap * sizeof(*q->errors));
    q->is_catalog = arena_alloc(&c->arena, q->cap * sizeof(*q->is_catalog));
}

static bool take_ops(struct api_call *c, const struct jvalue *ops, struct request *q)
{
    if (jread_type(ops) == JREAD_NULL)
        return true;
    if (jread_type(ops) != JREAD_ARRAY)
        return parse_failed(c, "json: cannot unmarshal into Go value of type api.TxnOps");
    make_room(c, ops, q);
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
    gather(q);
    jread_free(root);
    c->scratch = q;
    if (ok && !q->writes)
        c->kind = API_READ;
    return ok;
}

/* ---- replies ---- */

static void put_early_errors(struct jwrite *w, const struct request *q)
{
    jwrite_name(w, "Results");
    jwrite_null(w);
    jwrite_name(w, "Errors");
    jwrite_array(w);
    for (size_t i = 0; i < q->n; i++)
        if (q->errors[i])
            api_txn_put_error(w, i, str_z(q->errors[i]));
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
    if (!body.p || api_txn_put_outcome(&w, body))
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
    if (q->is_mixed)
        txn_mixed_read(v, q->mixed, q->n, &body);
    else
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
    if (q->is_mixed)
        txn_mixed_encode(q->mixed, q->n, command);
    else
        txn_encode(q->ops, q->n, command);
    return true;
}

void api_txn_finish(struct api_call *c, const struct result *result)
{
    reply(c, buf_str(&result->body));
}
