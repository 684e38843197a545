/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check/check_type.h"

#include <stddef.h>

enum member { TEXT, TEXTS, HEADERS, DURATION, NUMBER, FLAG };

/* In the order in which Consul keeps them; the first name of a field is the one that is written. */
static const struct {
    const char *name;
    enum member type;
    size_t offset;
} members[] = {
    {"ID", TEXT, offsetof(struct check_type, id)},
    {"CheckID", TEXT, offsetof(struct check_type, check_id)},
    {"Name", TEXT, offsetof(struct check_type, name)},
    {"Status", TEXT, offsetof(struct check_type, status)},
    {"Notes", TEXT, offsetof(struct check_type, notes)},
    {"ServiceID", TEXT, offsetof(struct check_type, service_id)},
    {"Token", TEXT, offsetof(struct check_type, token)},
    {"ScriptArgs", TEXTS, offsetof(struct check_type, args)},
    {"Args", TEXTS, offsetof(struct check_type, args)},
    {"HTTP", TEXT, offsetof(struct check_type, http)},
    {"Header", HEADERS, offsetof(struct check_type, headers)},
    {"Method", TEXT, offsetof(struct check_type, method)},
    {"Body", TEXT, offsetof(struct check_type, body)},
    {"TCP", TEXT, offsetof(struct check_type, tcp)},
    {"UDP", TEXT, offsetof(struct check_type, udp)},
    {"Interval", DURATION, offsetof(struct check_type, interval)},
    {"AliasNode", TEXT, offsetof(struct check_type, alias_node)},
    {"AliasService", TEXT, offsetof(struct check_type, alias_service)},
    {"DockerContainerID", TEXT, offsetof(struct check_type, docker)},
    {"Shell", TEXT, offsetof(struct check_type, shell)},
    {"GRPC", TEXT, offsetof(struct check_type, grpc)},
    {"GRPCUseTLS", FLAG, offsetof(struct check_type, grpc_use_tls)},
    {"H2PING", TEXT, offsetof(struct check_type, h2ping)},
    {"OSService", TEXT, offsetof(struct check_type, os_service)},
    {"TLSServerName", TEXT, offsetof(struct check_type, tls_server_name)},
    {"TLSSkipVerify", FLAG, offsetof(struct check_type, tls_skip_verify)},
    {"Timeout", DURATION, offsetof(struct check_type, timeout)},
    {"TTL", DURATION, offsetof(struct check_type, ttl)},
    {"SuccessBeforePassing", NUMBER, offsetof(struct check_type, success_before_passing)},
    {"FailuresBeforeWarning", NUMBER, offsetof(struct check_type, failures_before_warning)},
    {"FailuresBeforeCritical", NUMBER, offsetof(struct check_type, failures_before_critical)},
    {"DeregisterCriticalServiceAfter", DURATION, offsetof(struct check_type, deregister_after)},
    {"OutputMaxSize", NUMBER, offsetof(struct check_type, output_size_max)},
};
#define MEMBERS (sizeof members / sizeof members[0])

static char plain(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Without case and underscores: the API writes TLSSkipVerify, files tls_skip_verify. */
static bool names_member(struct str name, const char *member)
{
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '_')
            continue;
        if (!*member || plain(name.p[i]) != plain(*member))
            return false;
        member++;
    }
    return name.n > 0 && !*member;
}

static struct str keep(struct arena *a, struct str s)
{
    return str_make(arena_dup(a, s.p ? s.p : "", s.n), s.n);
}

static int texts_parse(const struct jvalue *v, struct arena *arena, struct check_type *t)
{
    struct str text = STR_NONE;
    if (jread_type(v) == JREAD_STRING && jread_str(v, &text) == 0) {
        t->args = arena_alloc(arena, 3 * sizeof *t->args);
        t->args[0] = STR_LIT("/bin/sh");
        t->args[1] = STR_LIT("-c");
        t->args[2] = keep(arena, text);
        t->arg_n = 3;
        return 0;
    }
    if (jread_type(v) != JREAD_ARRAY || jread_count(v) > CHECK_TYPE_ARGS_MAX)
        return ERR_INVALID;
    t->args = arena_alloc(arena, (jread_count(v) + 1) * sizeof *t->args);
    t->arg_n = 0;
    for (size_t i = 0; i < jread_count(v); i++) {
        text = STR_LIT("");
        if (jread_str(jread_at(v, i), &text) < 0)
            return ERR_INVALID;
        t->args[t->arg_n++] = keep(arena, text);
    }
    return 0;
}

/* A header's value is a list of texts; a single text is taken too. */
static int headers_parse(const struct jvalue *v, struct arena *arena, struct check_type *t)
{
    const struct jvalue *value;
    struct str name;
    size_t pos = 0, n = 0;
    if (jread_type(v) != JREAD_OBJECT)
        return ERR_INVALID;
    while (jread_next(v, &pos, &name, &value))
        n += jread_type(value) == JREAD_ARRAY ? jread_count(value) : 1;
    if (n > CHECK_TYPE_HEADERS_MAX)
        return ERR_TOO_LARGE;
    t->headers = arena_alloc(arena, (n + 1) * sizeof *t->headers);
    t->header_n = 0;
    for (pos = 0; jread_next(v, &pos, &name, &value);) {
        bool is_list = jread_type(value) == JREAD_ARRAY;
        for (size_t i = 0; i < (is_list ? jread_count(value) : 1); i++) {
            struct str text = STR_LIT("");
            if (jread_str(is_list ? jread_at(value, i) : value, &text) < 0)
                return ERR_INVALID;
            t->headers[t->header_n++] =
                (struct check_type_header){keep(arena, name), keep(arena, text)};
        }
    }
    return 0;
}

static int member_parse(const struct jvalue *v, size_t i, struct arena *arena, struct check_type *t)
{
    void *field = (char *)t + members[i].offset;
    struct str text = STR_NONE;
    int rc;
    if (jread_type(v) == JREAD_NULL)
        return 0;
    switch (members[i].type) {
    case TEXT:
        rc = jread_str(v, &text);
        if (rc == 0 && text.n > CHECK_TYPE_TEXT_MAX)
            rc = ERR_TOO_LARGE;
        if (rc == 0)
            *(struct str *)field = keep(arena, text);
        return rc;
    case TEXTS:
        return texts_parse(v, arena, t);
    case HEADERS:
        return headers_parse(v, arena, t);
    case DURATION:
        return jread_duration(v, field);
    case NUMBER:
        return jread_i64(v, field);
    case FLAG:
        return jread_bool(v, field);
    }
    return ERR_INVALID;
}

int check_type_parse(const struct jvalue *v, struct arena *arena, struct check_type *ret,
                     struct error *err)
{
    const struct jvalue *value;
    struct str name;
    size_t pos = 0;
    *ret = (struct check_type){0};
    if (jread_type(v) != JREAD_OBJECT)
        return error_set(err, ERR_INVALID,
                         "json: cannot unmarshal into Go value of type "
                         "structs.CheckDefinition");
    while (jread_next(v, &pos, &name, &value)) {
        size_t i = 0;
        while (i < MEMBERS && !names_member(name, members[i].name))
            i++;
        if (i == MEMBERS)
            return error_set(err, ERR_INVALID, "json: unknown field \"%.*s\"", STR_ARG(name));
        int rc = member_parse(value, i, arena, ret);
        if (rc && members[i].type == DURATION && jread_str(value, &name) == 0)
            return error_set(err, ERR_INVALID, "time: invalid duration \"%.*s\"", STR_ARG(name));
        if (rc)
            return error_set(err, rc, "json: cannot unmarshal value into Go struct field %s",
                             members[i].name);
    }
    return 0;
}

/* consul: CheckType.Validate */
int check_type_validate(const struct check_type *t, struct error *err)
{
    enum check_kind kind = check_type_kind(t);
    bool is_alias = t->alias_node.n || t->alias_service.n;
    bool runs = t->arg_n || t->http.n || t->tcp.n || t->grpc.n || t->udp.n || t->os_service.n ||
                t->h2ping.n || t->docker.n;
    if (t->interval.ns > 0 && t->ttl.ns > 0)
        return error_set(err, ERR_INVALID, "Interval and TTL cannot both be specified");
    if (runs && t->interval.ns <= 0)
        return error_set(err, ERR_INVALID, "Interval must be > 0 for Script, HTTP, or TCP checks");
    if (runs && is_alias)
        return error_set(err, ERR_INVALID, "Interval cannot be set for Alias checks");
    if (is_alias && t->ttl.ns > 0)
        return error_set(err, ERR_INVALID, "TTL must be not be set for Alias checks");
    if (!runs && !is_alias && t->ttl.ns <= 0)
        return error_set(err, ERR_INVALID, "TTL must be > 0 for TTL checks");
    if (t->output_size_max < 0)
        return error_set(err, ERR_INVALID, "MaxOutputMaxSize must be positive");
    if (t->output_size_max > CHECK_TYPE_OUTPUT_MAX)
        return error_set(err, ERR_INVALID, "OutputMaxSize must not be above %lld",
                         (long long)CHECK_TYPE_OUTPUT_MAX);
    if (t->failures_before_warning > t->failures_before_critical && t->failures_before_critical > 0)
        return error_set(err, ERR_INVALID,
                         "FailuresBeforeWarning can't be higher than FailuresBeforeCritical");
    if (kind == CHECK_KIND_DOCKER && t->arg_n)
        return 0; /* refused, by another name, where scripts are (consul's order) */
    if (kind == CHECK_KIND_H2PING)
        return error_set(err, ERR_UNSUPPORTED, "H2PING checks are not available in this version");
    return 0;
}

static void put_text(struct jwrite *w, const char *name, struct str text)
{
    jwrite_name(w, name);
    jwrite_str(w, text);
}

static void put_headers(struct jwrite *w, const struct check_type *t)
{
    jwrite_object(w);
    for (size_t i = 0; i < t->header_n; i++) {
        struct str name = t->headers[i].name;
        bool told = false;
        for (size_t k = 0; k < i; k++)
            told |= str_eq(t->headers[k].name, name);
        if (told)
            continue;
        jwrite_name_str(w, name);
        jwrite_array(w);
        for (size_t k = i; k < t->header_n; k++)
            if (str_eq(t->headers[k].name, name))
                jwrite_str(w, t->headers[k].value);
        jwrite_close(w);
    }
    jwrite_close(w);
}

static void put_texts(struct jwrite *w, const struct check_type *t)
{
    jwrite_array(w);
    for (size_t i = 0; i < t->arg_n; i++)
        jwrite_str(w, t->args[i]);
    jwrite_close(w);
}

void check_type_render(const struct check_type *t, struct jwrite *w)
{
    jwrite_object(w);
    for (size_t i = 0; i < MEMBERS; i++) {
        const void *field = (const char *)t + members[i].offset;
        const char *name = members[i].name;
        if (i && members[i].offset == members[i - 1].offset)
            continue;
        switch (members[i].type) {
        case TEXT:
            if (((const struct str *)field)->n)
                put_text(w, name, *(const struct str *)field);
            break;
        case TEXTS:
            if (t->arg_n) {
                jwrite_name(w, name);
                put_texts(w, t);
            }
            break;
        case HEADERS:
            if (t->header_n) {
                jwrite_name(w, name);
                put_headers(w, t);
            }
            break;
        case DURATION: /* nanoseconds, as Go writes them */
        case NUMBER:
            if (*(const int64_t *)field) {
                jwrite_name(w, name);
                jwrite_i64(w, *(const int64_t *)field);
            }
            break;
        case FLAG:
            if (*(const bool *)field) {
                jwrite_name(w, name);
                jwrite_bool(w, true);
            }
            break;
        }
    }
    jwrite_close(w);
}

void check_type_copy(const struct check_type *t, struct arena *arena, struct check_type *ret)
{
    *ret = *t;
    for (size_t i = 0; i < MEMBERS; i++) {
        struct str *text = (struct str *)(void *)((char *)ret + members[i].offset);
        if (members[i].type == TEXT && text->n)
            *text = keep(arena, *text);
    }
    ret->args = arena_alloc(arena, (t->arg_n + 1) * sizeof *ret->args);
    for (size_t i = 0; i < t->arg_n; i++)
        ret->args[i] = keep(arena, t->args[i]);
    ret->headers = arena_alloc(arena, (t->header_n + 1) * sizeof *ret->headers);
    for (size_t i = 0; i < t->header_n; i++)
        ret->headers[i] = (struct check_type_header){keep(arena, t->headers[i].name),
                                                     keep(arena, t->headers[i].value)};
}

bool check_type_is_empty(const struct check_type *t)
{
    bool given = t->arg_n || t->header_n;
    for (size_t i = 0; i < MEMBERS; i++) {
        const void *field = (const char *)t + members[i].offset;
        if (members[i].type == TEXT)
            given |= ((const struct str *)field)->n > 0;
        else if (members[i].type == FLAG)
            given |= *(const bool *)field;
        else if (members[i].type == DURATION || members[i].type == NUMBER)
            given |= *(const int64_t *)field != 0;
    }
    return !given;
}

enum check_kind check_type_kind(const struct check_type *t)
{
    if (t->docker.n)
        return CHECK_KIND_DOCKER;
    if (t->grpc.n)
        return CHECK_KIND_GRPC;
    if (t->http.n)
        return CHECK_KIND_HTTP;
    if (t->ttl.ns > 0)
        return CHECK_KIND_TTL;
    if (t->tcp.n)
        return CHECK_KIND_TCP;
    if (t->udp.n)
        return CHECK_KIND_UDP;
    if (t->alias_node.n || t->alias_service.n)
        return CHECK_KIND_ALIAS;
    if (t->arg_n)
        return CHECK_KIND_SCRIPT;
    if (t->os_service.n)
        return CHECK_KIND_OS_SERVICE;
    if (t->h2ping.n)
        return CHECK_KIND_H2PING;
    return CHECK_KIND_NONE;
}

const char *check_type_name(enum check_kind kind)
{
    static const char *const names[] = {
        [CHECK_KIND_NONE] = "",         [CHECK_KIND_TTL] = "ttl",
        [CHECK_KIND_SCRIPT] = "script", [CHECK_KIND_HTTP] = "http",
        [CHECK_KIND_TCP] = "tcp",       [CHECK_KIND_UDP] = "udp",
        [CHECK_KIND_GRPC] = "grpc",     [CHECK_KIND_ALIAS] = "alias",
        [CHECK_KIND_DOCKER] = "docker", [CHECK_KIND_OS_SERVICE] = "os_service",
        [CHECK_KIND_H2PING] = "h2ping",
    };
    return names[kind];
}
