/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A watch as it is defined: an object of `watches` in the configuration, or the flags of
 * `disco watch` made into one. Pure: what is asked over HTTP, and whom to tell of a change.
 *
 * consul: watch.Plan, and the handlers of agent/watch_handler
 */
#ifndef DISCO_PLAN_PLAN_H
#define DISCO_PLAN_PLAN_H

#include "base/clock.h"
#include "base/jread.h"

#define PLAN_ARGS_MAX    64
#define PLAN_TAGS_MAX    64
#define PLAN_HEADERS_MAX 64

enum plan_type {
    PLAN_KEY,
    PLAN_KEYPREFIX,
    PLAN_SERVICES,
    PLAN_NODES,
    PLAN_SERVICE,
    PLAN_CHECKS,
    PLAN_EVENT,
    PLAN_TYPE_N
};
enum plan_handler { PLAN_HANDLER_NONE, PLAN_HANDLER_SHELL, PLAN_HANDLER_ARGS, PLAN_HANDLER_HTTP };

struct plan_header {
    struct str name, value;
};
struct plan { /* texts are borrowed from root */
    struct jvalue *root;
    enum plan_type type;
    struct str key, prefix, service, state, name, datacenter, token;
    struct str tags[PLAN_TAGS_MAX];
    size_t tag_n;
    bool stale, passing_only;
    enum plan_handler handler;
    struct str script; /* of PLAN_HANDLER_SHELL */
    struct str args[PLAN_ARGS_MAX];
    size_t arg_n;
    struct str path, method; /* of PLAN_HANDLER_HTTP */
    struct duration timeout;
    struct plan_header headers[PLAN_HEADERS_MAX];
    size_t header_n;
    bool skip_verify;
};

const char *plan_type_name(enum plan_type t);
/* A definition as JSON. The plan is the caller's on success (plan_fini); errors are worded as
 * Consul's. */
int plan_parse(struct str json, struct plan *ret, struct error *err) MUST_USE;
void plan_fini(struct plan *p);
/* The request, with the index to wait beyond; 0: at once. Adds to url. */
void plan_url(const struct plan *p, uint64_t index, struct buf *url);
/* How long to wait after so many failures in a row: a second, doubled each time, at most a minute.
 */
struct duration plan_backoff(unsigned failure_n);

#endif
