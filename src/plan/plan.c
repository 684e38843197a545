/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan/plan.h"

#include "base/encode.h"
#include "base/mem.h"

#define TIMEOUT     DURATION_S(10) /* consul: the default of HttpHandlerConfig */
#define BACKOFF_MAX 60             /* seconds */

static const char *const type_names[PLAN_TYPE_N] = {
    [PLAN_KEY] = "key",     [PLAN_KEYPREFIX] = "keyprefix", [PLAN_SERVICES] = "services",
    [PLAN_NODES] = "nodes", [PLAN_SERVICE] = "service",     [PLAN_CHECKS] = "checks",
    [PLAN_EVENT] = "event",
};

const char *plan_type_name(enum plan_type t)
{
    return type_names[t];
}

struct duration plan_backoff(unsigned failure_n)
{
    unsigned seconds = failure_n < 2 ? 1 : failure_n > 6 ? BACKOFF_MAX : 1U << (failure_n - 1);

    return DURATION_S(seconds < BACKOFF_MAX ? seconds : BACKOFF_MAX);
}

/* ---- reading ---- */

/* Members of a definition: what each type takes besides those that all take. */
enum value_kind { VALUE_TEXT, VALUE_BOOL, VALUE_OTHER };
#define T(t)  (1U << PLAN_##t)
#define ALL   ((1U << PLAN_TYPE_N) - 1)
#define STALE (ALL & ~T(EVENT))
static const struct member {
    const char *name;
    unsigned types;
    enum value_kind kind;
    size_t offset;
} members[] = {
    {"type", ALL, VALUE_OTHER, 0},
    {"datacenter", ALL, VALUE_TEXT, offsetof(struct plan, datacenter)},
    {"token", ALL, VALUE_TEXT, offsetof(struct plan, token)},
    {"handler", ALL, VALUE_TEXT, offsetof(struct plan, script)},
    {"handler_type", ALL, VALUE_OTHER, 0},
    {"args", ALL, VALUE_OTHER, 0},
    {"http_handler_config", ALL, VALUE_OTHER, 0},
    {"stale", STALE, VALUE_BOOL, offsetof(struct plan, stale)},
    {"key", T(KEY), VALUE_TEXT, offsetof(struct plan, key)},
    {"prefix", T(KEYPREFIX), VALUE_TEXT, offsetof(struct plan, prefix)},
    {"service", T(SERVICE) | T(CHECKS), VALUE_TEXT, offsetof(struct plan, service)},
    {"tag", T(SERVICE), VALUE_OTHER, 0},
    {"passingonly", T(SERVICE), VALUE_BOOL, offsetof(struct plan, passing_only)},
    {"state", T(CHECKS), VALUE_TEXT, offsetof(struct plan, state)},
    {"name", T(EVENT), VALUE_TEXT, offsetof(struct plan, name)},
};
#undef T
#define MEMBER_N (sizeof(members) / sizeof(members[0]))

static int read_type(struct plan *p, struct error *err)
{
    struct str name = STR_NONE;

    if (jread_type(p->root) != JREAD_OBJECT)
        return error_set(err, ERR_INVALID, "a watch is an object");
    if (jread_str(jread_get(p->root, "type"), &name) < 0)
        return error_set(err, ERR_INVALID, "Expecting type to be a string");
    if (name.n == 0)
        return error_set(err, ERR_INVALID, "Watch type must be specified");
    for (int i = 0; i < PLAN_TYPE_N; i++) {
        if (str_eq_z(name, type_names[i])) {
            p->type = (enum plan_type)i;
            return 0;
        }
    }
    return error_set(err, ERR_INVALID, "Unsupported watch type: %.*s", STR_ARG(name));
}

static int read_member(struct plan *p, struct str name, const struct jvalue *v, struct error *err)
{
    const struct member *m = members;

    while (m < members + MEMBER_N && !str_eq_nocase(name, str_z(m->name)))
        m++;
    if (m == members + MEMBER_N || !(m->types & 1U << p->type))
        return error_set(err, ERR_INVALID, "Invalid parameters: [%.*s]", STR_ARG(name));
    char *field = (char *)p + m->offset;
    if (m->kind == VALUE_TEXT && jread_str(v, (struct str *)(void *)field) < 0)
        return error_set(err, ERR_INVALID, "Expecting %s to be a string", m->name);
    if (m->kind == VALUE_BOOL && jread_bool(v, (bool *)(void *)field) < 0)
        return error_set(err, ERR_INVALID, "Expecting %s to be a boolean", m->name);
    return 0;
}

/* A list of texts, or a single one. */
static int read_texts(const struct jvalue *v, const char *what, struct str *items, size_t max,
                      size_t *ret_n, struct error *err)
{
    size_t n = 0;

    if (jread_type(v) == JREAD_STRING) {
        struct str one = STR_NONE;
        if (jread_str(v, &one) == 0 && one.n > 0)
            items[n++] = one;
    } else if (jread_type(v) == JREAD_ARRAY) {
        if (jread_count(v) > max)
            return error_set(err, ERR_TOO_LARGE, "%s: more than %zu", what, max);
        for (; n < jread_count(v); n++) {
            items[n] = STR_NONE;
            if (jread_type(jread_at(v, n)) != JREAD_STRING || jread_str(jread_at(v, n), &items[n]))
                return error_set(err, ERR_INVALID, "Expecting %s to be a list of strings", what);
        }
    } else if (jread_type(v) != JREAD_NULL) {
        return error_set(err, ERR_INVALID, "Expecting %s to be a string or []string", what);
    }
    *ret_n = n;
    return 0;
}

static int read_headers(struct plan *p, const struct jvalue *v, struct error *err)
{
    struct str name;
    const struct jvalue *values;
    size_t pos = 0;

    while (jread_next(v, &pos, &name, &values)) {
        struct str texts[PLAN_HEADERS_MAX];
        size_t n = 0;
        int status = read_texts(values, "header", texts, PLAN_HEADERS_MAX, &n, err);
        if (status < 0)
            return status;
        if (p->header_n + n > PLAN_HEADERS_MAX)
            return error_set(err, ERR_TOO_LARGE, "header: more than %d", PLAN_HEADERS_MAX);
        for (size_t i = 0; i < n; i++)
            p->headers[p->header_n++] = (struct plan_header){name, texts[i]};
    }
    return 0;
}

static int read_http(struct plan *p, struct error *err)
{
    static const char *const known[] = {"path", "method", "timeout", "header", "tls_skip_verify"};
    const struct jvalue *conf = jread_get(p->root, "http_handler_config"), *v;
    struct str name;
    size_t pos = 0;

    if (jread_type(conf) != JREAD_OBJECT)
        return error_set(err, ERR_INVALID,
                         "Handler type 'http' requires 'http_handler_config' to be set");
    while (jread_next(conf, &pos, &name, &v)) {
        size_t i = 0;
        while (i < sizeof(known) / sizeof(*known) && !str_eq_nocase(name, str_z(known[i])))
            i++;
        if (i == sizeof(known) / sizeof(*known))
            return error_set(err, ERR_INVALID, "http_handler_config: invalid keys: %.*s",
                             STR_ARG(name));
    }
    p->handler = PLAN_HANDLER_HTTP;
    p->method = STR_LIT("POST");
    p->timeout = TIMEOUT;
    if (jread_str(jread_get(conf, "path"), &p->path) ||
        jread_str(jread_get(conf, "method"), &p->method) ||
        jread_duration(jread_get(conf, "timeout"), &p->timeout) ||
        jread_bool(jread_get(conf, "tls_skip_verify"), &p->skip_verify))
        return error_set(err, ERR_INVALID, "Failed to parse 'http_handler_config'");
    if (p->path.n == 0)
        return error_set(err, ERR_INVALID, "Requires 'path' to be set");
    if (p->timeout.ns <= 0)
        p->timeout = TIMEOUT;
    return read_headers(p, jread_get(conf, "header"), err);
}

static int read_handler(struct plan *p, struct error *err)
{
    struct str type = STR_LIT("script");
    int status =
        read_texts(jread_get(p->root, "args"), "args", p->args, PLAN_ARGS_MAX, &p->arg_n, err);

    if (status < 0)
        return status;
    if (jread_str(jread_get(p->root, "handler_type"), &type) < 0)
        return error_set(err, ERR_INVALID, "Expecting handler_type to be a string");
    if (p->arg_n > 0 && p->script.n > 0)
        return error_set(err, ERR_INVALID, "Only one of handler or args is allowed");
    if (str_eq_z(type, "http"))
        return read_http(p, err);
    if (!str_eq_z(type, "script") && type.n > 0)
        return error_set(err, ERR_INVALID, "Handler type '%.*s' not recognized", STR_ARG(type));
    p->handler = p->arg_n      ? PLAN_HANDLER_ARGS
                 : p->script.n ? PLAN_HANDLER_SHELL
                               : PLAN_HANDLER_NONE;
    return 0;
}

static int read_all(struct plan *p, struct error *err)
{
    struct str name;
    const struct jvalue *v;
    size_t pos = 0;
    int status = read_type(p, err);

    while (status == 0 && jread_next(p->root, &pos, &name, &v))
        status = read_member(p, name, v, err);
    if (status == 0)
        status =
            read_texts(jread_get(p->root, "tag"), "tag", p->tags, PLAN_TAGS_MAX, &p->tag_n, err);
    if (status < 0)
        return status;
    if (p->type == PLAN_KEY && p->key.n == 0)
        return error_set(err, ERR_INVALID, "Must specify a single key to watch");
    if (p->type == PLAN_KEYPREFIX && p->prefix.n == 0)
        return error_set(err, ERR_INVALID, "Must specify a single prefix to watch");
    if (p->type == PLAN_SERVICE && p->service.n == 0)
        return error_set(err, ERR_INVALID, "Must specify a single service to watch");
    if (p->service.n > 0 && p->state.n > 0)
        return error_set(err, ERR_INVALID, "Cannot specify service and state");
    return read_handler(p, err);
}

int plan_parse(struct str json, struct plan *ret, struct error *err)
{
    struct plan *p = mem_new(struct plan);
    int status = jread_parse(json, &p->root, err);

    if (status == 0)
        status = read_all(p, err);
    if (status < 0)
        plan_fini(p);
    else
        *ret = *p;
    mem_free(p);
    return status;
}

void plan_fini(struct plan *p)
{
    jread_free(p->root);
    p->root = NULL;
}

/* ---- asking ---- */

static void put_param(struct buf *url, const char *name, struct str value)
{
    buf_put_c(url, str_find(buf_str(url), '?', 0) < url->n ? '&' : '?');
    buf_put_z(url, name);
    if (!value.p)
        return;
    buf_put_c(url, '=');
    encode_percent(value, false, url);
}

static void put_path(const struct plan *p, struct buf *url)
{
    switch (p->type) {
    case PLAN_KEY:
        buf_put_z(url, "/v1/kv/");
        encode_percent(p->key, true, url);
        return;
    case PLAN_KEYPREFIX:
        buf_put_z(url, "/v1/kv/");
        encode_percent(p->prefix, true, url);
        put_param(url, "recurse", STR_NONE);
        return;
    case PLAN_SERVICES:
        buf_put_z(url, "/v1/catalog/services");
        return;
    case PLAN_NODES:
        buf_put_z(url, "/v1/catalog/nodes");
        return;
    case PLAN_SERVICE:
        buf_put_z(url, "/v1/health/service/");
        encode_percent(p->service, false, url);
        return;
    case PLAN_CHECKS:
        buf_put_z(url, p->service.n ? "/v1/health/checks/" : "/v1/health/state/");
        encode_percent(p->service.n ? p->service
                       : p->state.n ? p->state
                                    : STR_LIT("any"),
                       false, url);
        return;
    case PLAN_EVENT:
        buf_put_z(url, "/v1/event/list");
        if (p->name.n)
            put_param(url, "name", p->name);
        return;
    case PLAN_TYPE_N:
        break;
    }
}

void plan_url(const struct plan *p, uint64_t index, struct buf *url)
{
    struct buf number;

    put_path(p, url);
    for (size_t i = 0; i < p->tag_n; i++)
        put_param(url, "tag", p->tags[i]);
    if (p->passing_only)
        put_param(url, "passing", STR_LIT("1"));
    if (p->datacenter.n)
        put_param(url, "dc", p->datacenter);
    if (p->stale)
        put_param(url, "stale", STR_NONE);
    if (index == 0)
        return;
    buf_init(&number, 0);
    buf_put_u64_dec(&number, index);
    put_param(url, "index", buf_str(&number));
    buf_fini(&number);
}
