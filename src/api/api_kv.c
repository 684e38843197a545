/* SPDX-License-Identifier: GPL-3.0-or-later */
/* consul: agent/kvs_endpoint.go */
#include "config.h"

#include "api/api_kv.h"

#include <stdio.h>

static bool missing_key(struct api_call *c)
{
    return c->rest.n == 0 && !api_fail(c, 400, "Missing key name");
}

bool api_kv_check_get(struct api_call *c)
{
    const struct param *p = &c->params;

    if (p->n == 0 || (!param_has(p, "keys") && !param_has(p, "recurse")))
        return !missing_key(c);
    return true;
}

/* ---- reads ---- */

/* Ours: JSON cannot hold a key that is not UTF-8, so its bytes stand beside. */
static void put_key_b64(struct jwrite *w, struct str key)
{
    if (str_is_utf8(key))
        return;
    jwrite_name(w, "KeyB64");
    jwrite_base64(w, key);
}

void api_kv_render(struct jwrite *w, const struct kv_entry *e, bool with_value)
{
    jwrite_object(w);
    jwrite_name(w, "LockIndex");
    jwrite_u64(w, e->lock_index);
    jwrite_name(w, "Key");
    jwrite_str(w, e->key);
    put_key_b64(w, e->key);
    jwrite_name(w, "Flags");
    jwrite_u64(w, e->flags);
    jwrite_name(w, "Value");
    if (with_value && e->value.n) /* consul: an empty value is a nil slice */
        jwrite_base64(w, e->value);
    else
        jwrite_null(w);
    if (e->session.n) {
        jwrite_name(w, "Session");
        jwrite_str(w, e->session);
    }
    jwrite_name(w, "CreateIndex");
    jwrite_u64(w, e->create_index);
    jwrite_name(w, "ModifyIndex");
    jwrite_u64(w, e->modify_index);
    jwrite_close(w);
}

static void reply_raw(struct api_call *c, struct str value)
{
    api_header(c, "Content-Type", STR_LIT("text/plain"));
    api_header(c, "X-Content-Type-Options", STR_LIT("nosniff"));
    api_header(c, "Content-Security-Policy", STR_LIT("sandbox"));
    buf_put_str(&c->reply.body, value);
}

static int get_one(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct kv_entry e;
    struct jwrite w;

    if (!kv_get(v, c->rest, &e, ret_index)) {
        api_empty(c, 404);
        return 0;
    }
    if (c->params.n && param_has(&c->params, "raw")) {
        reply_raw(c, e.value);
        return 0;
    }
    w = api_json(c);
    buf_reserve(&c->reply.body, 256 + c->rest.n + e.value.n / 3 * 4);
    jwrite_array(&w);
    api_kv_render(&w, &e, true);
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}

static bool put_entry(void *data, const struct kv_entry *e)
{
    struct jwrite *w = data;

    api_kv_render(w, e, true);
    return !w->out->failed;
}

static int get_recurse(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct jwrite w = api_json(c);
    uint64_t n;

    jwrite_array(&w);
    n = kv_list(v, c->rest, put_entry, &w, ret_index);
    jwrite_close(&w);
    jwrite_end(&w);
    if (n == 0)
        api_empty(c, 404);
    return 0;
}

static bool put_name(void *data, struct str key)
{
    struct jwrite *w = data;

    jwrite_str(w, key);
    return !w->out->failed;
}

static int get_keys(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    struct str separator = param_get(&c->params, "separator");
    struct jwrite w = api_json(c);
    uint64_t n;

    if (!separator.n) /* consul keeps its old misspelling */
        separator = param_get(&c->params, "seperator");
    jwrite_array(&w);
    n = kv_keys(v, c->rest, separator, put_name, &w, ret_index);
    jwrite_close(&w);
    jwrite_end(&w);
    if (n == 0 && c->rest.n) /* consul: the root is an empty list, a prefix without keys is none */
        api_empty(c, 404);
    return 0;
}

int api_kv_get(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    if (c->params.n) {
        if (param_has(&c->params, "keys"))
            return get_keys(c, v, ret_index);
        if (param_has(&c->params, "recurse"))
            return get_recurse(c, v, ret_index);
    }
    return get_one(c, v, ret_index);
}

/* ---- writes ---- */

static bool conflicting(struct api_call *c, const char *const *names, size_t n)
{
    struct buf query;
    size_t given = 0;

    for (size_t i = 0; i < n; i++)
        given += param_has(&c->params, names[i]);
    if (given < 2)
        return false;
    buf_init(&query, 1024);
    param_encode(&c->params, &query);
    api_fail(c, 400, "Conflicting flags: %.*s", STR_ARG(buf_str(&query)));
    buf_fini(&query);
    return true;
}

/* An absent parameter leaves *ret; a bad one is 500, as in Consul. */
static bool take_u64(struct api_call *c, const char *name, uint64_t *ret)
{
    struct str text = param_get(&c->params, name);
    struct error err;

    if (!text.p || param_u64(text, ret, &err) == 0)
        return true;
    return api_fail(c, 500, "%s", err.text);
}

bool api_kv_check_size(struct api_call *c, int64_t max, const char *option)
{
    char size[40] = "";

    if (c->request.body.n <= (uint64_t)max)
        return true;
    if (c->request.has_body_length)
        snprintf(size, sizeof(size), "(%zu bytes)", c->request.body.n);
    return api_fail(c, 413,
                    "Request body%s too large, max size: %lld bytes. See "
                    "https://www.consul.io/docs/agent/options.html#%s.",
                    size, (long long)max, option);
}

static bool take_verb(struct api_call *c, struct kv_op *op)
{
    struct str acquire = param_get(&c->params, "acquire"),
               release = param_get(&c->params, "release");

    if (param_has(&c->params, "cas")) {
        op->verb = KV_CAS;
        return take_u64(c, "cas", &op->index);
    }
    if (!acquire.p && !release.p)
        return true;
    op->verb = acquire.p ? KV_LOCK : KV_UNLOCK;
    op->session = acquire.p ? acquire : release;
    if (op->session.n == 0)
        return api_fail(c, 500, "missing session");
    if (acquire.p && op->session.n != 36)
        return api_fail(c, 500, "failed session lookup: index error: UUID must be 36 characters");
    return true;
}

bool api_kv_put(struct api_call *c, struct buf *command)
{
    static const char *const excluding[] = {"cas", "acquire", "release"};
    struct kv_op op = {.verb = KV_SET, .key = c->rest, .value = c->request.body};

    if (missing_key(c) || conflicting(c, excluding, 3) || !take_u64(c, "flags", &op.flags) ||
        !take_verb(c, &op) ||
        !api_kv_check_size(c, c->env->config->kv_max_value_size, "kv_max_value_size"))
        return false;
    if (op.key.n > KV_KEY_SIZE_MAX)
        return api_fail(c, 413, "Key is too large (%zu > %zu bytes)", op.key.n, KV_KEY_SIZE_MAX);
    kv_encode(&op, command);
    return true;
}

bool api_kv_delete(struct api_call *c, struct buf *command)
{
    static const char *const excluding[] = {"recurse", "cas"};
    bool recurse = param_has(&c->params, "recurse");
    struct kv_op op = {.verb = recurse ? KV_DELETE_TREE : KV_DELETE, .key = c->rest};

    if ((!recurse && missing_key(c)) || conflicting(c, excluding, 2) ||
        !take_u64(c, "cas", &op.index))
        return false;
    if (param_has(&c->params, "cas"))
        op.verb = KV_DELETE_CAS;
    kv_encode(&op, command);
    return true;
}

void api_kv_finish(struct api_call *c, const struct result *result)
{
    uint64_t index;
    bool ok;
    int r = kv_decode_result(buf_str(&result->body), &ok, &index);

    if (r)
        api_fail_code(c, r, NULL);
    else
        api_true(c, ok);
}
