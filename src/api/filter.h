/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The filter parameter: go-bexpr's language over nodes, services, checks and
 * health entries, with its error texts. Pure.
 *
 *     ServiceMeta.env == prod and (v1 in ServiceTags or Node matches "^web")
 *
 * Different from Consul on purpose: `matches` takes POSIX extended regular
 * expressions (with \d \D \s \S \w \W, (?:...) and a leading (?i)) instead of
 * RE2's, since that is what the C library has; the fields below Proxy are not
 * selectable. Bounds: FILTER_SIZE_MAX bytes, FILTER_MATCHES_MAX comparisons,
 * nesting FILTER_DEPTH_MAX, PATTERN_SIZE_MAX bytes of pattern, which is
 * matched against the first PATTERN_TEXT_MAX bytes of a text.
 */
#ifndef DISCO_API_FILTER_H
#define DISCO_API_FILTER_H

#include "state/health.h"

#define FILTER_SIZE_MAX    8192
#define FILTER_MATCHES_MAX 256
#define FILTER_DEPTH_MAX   64

/* What a filter may select from. */
enum filter_kind {
    FILTER_NODE,         /* /v1/catalog/nodes */
    FILTER_SERVICE_NODE, /* /v1/catalog/service/X: node and service in one */
    FILTER_NODE_SERVICE, /* /v1/catalog/node/X: a service */
    FILTER_CHECK,        /* /v1/health/{node,checks,state} */
    FILTER_HEALTH,       /* /v1/health/service/X: Node, Service, Checks */
};
struct filter_item {
    const struct catalog_node *node;
    const struct catalog_service *service;
    const struct health_check *check;  /* FILTER_CHECK */
    const struct health_check *checks; /* FILTER_HEALTH */
    size_t check_n;
};

struct filter;
/* ERR_INVALID words err as Consul does, without "Failed to create boolean expression evaluator: ".
 * Only white space: *ret is NULL, and takes everything. */
int filter_new(struct str text, enum filter_kind kind, struct filter **ret,
               struct error *err) MUST_USE;
void filter_free(struct filter *f);                                        /* accepts NULL */
bool filter_takes(const struct filter *f, const struct filter_item *item); /* NULL: true */

#endif
