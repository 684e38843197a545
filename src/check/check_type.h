/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a check is: the definition as it is registered, in a file or over the API. Pure.
 *
 * Texts borrow from the arena given to check_type_parse.
 *
 * consul: structs.CheckType, structs.CheckDefinition
 */
#ifndef DISCO_CHECK_CHECK_TYPE_H
#define DISCO_CHECK_CHECK_TYPE_H

#include "base/jread.h"
#include "base/jwrite.h"
#include "base/mem.h"

enum check_kind {
    CHECK_KIND_NONE,
    CHECK_KIND_TTL,
    CHECK_KIND_SCRIPT,
    CHECK_KIND_HTTP,
    CHECK_KIND_TCP,
    CHECK_KIND_UDP,
    CHECK_KIND_GRPC,
    CHECK_KIND_ALIAS,
    CHECK_KIND_OS_SERVICE,
    CHECK_KIND_DOCKER,
    CHECK_KIND_H2PING,
};

#define CHECK_TYPE_ARGS_MAX    128
#define CHECK_TYPE_HEADERS_MAX 128
#define CHECK_TYPE_TEXT_MAX    ((size_t)64 * 1024)
#define CHECK_TYPE_OUTPUT_MAX  ((int64_t)1 << 20)

struct check_type_header {
    struct str name, value;
};

struct check_type {
    /* of a definition */
    struct str id, check_id, name, notes, status, service_id, token;
    /* what is done: at most one of these, but shell and docker go with args */
    struct str *args; /* script; a text in place of the list is given to /bin/sh -c */
    size_t arg_n;
    struct str http, tcp, udp, grpc, alias_node, alias_service, os_service, docker, shell, h2ping;
    struct duration ttl;
    /* how */
    struct str method, body, tls_server_name;
    struct check_type_header *headers;
    size_t header_n;
    bool tls_skip_verify, grpc_use_tls;
    struct duration interval, timeout, deregister_after;
    int64_t success_before_passing, failures_before_warning, failures_before_critical;
    int64_t output_size_max; /* 0: the agent's */
};

/* Names of members compare without case and underscores. err: "json: unknown field ...". */
int check_type_parse(const struct jvalue *v, struct arena *arena, struct check_type *ret,
                     struct error *err) MUST_USE;
/* Consul's rules and words. */
int check_type_validate(const struct check_type *t, struct error *err) MUST_USE;
/* A text that parses to the same. */
void check_type_render(const struct check_type *t, struct jwrite *w);
void check_type_copy(const struct check_type *t, struct arena *arena, struct check_type *ret);
/* Nothing was given at all. */
bool check_type_is_empty(const struct check_type *t);
enum check_kind check_type_kind(const struct check_type *t);
/* "ttl", "http", ...; "" for none. */
const char *check_type_name(enum check_kind kind);

#endif
