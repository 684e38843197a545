/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters that any thread may add to, and how they are shown.
 */
#ifndef DISCO_AGENT_METRICS_H
#define DISCO_AGENT_METRICS_H

#include "base/clock.h"
#include "base/jwrite.h"
#include "base/published.h"

/* clang-format off */
#define METRICS_TABLE(X)                                                  \
    X(METRIC_HTTP_REQUESTS,  "consul.http.requests")                      \
    X(METRIC_HTTP_ERRORS,    "consul.http.errors")  /* answered 5xx */    \
    X(METRIC_HTTP_AWAY,      "consul.http.away") /* a gauge */            \
    X(METRIC_HTTP_IDLE,      "consul.http.idle") /* a gauge */            \
    X(METRIC_DNS_QUERIES,    "consul.dns.queries")                        \
    X(METRIC_DNS_RECURSED,   "consul.dns.recursed")                       \
    X(METRIC_FS_REQUESTS,    "consul.fs.requests")                        \
    X(METRIC_READS,          "consul.reads")                              \
    X(METRIC_READS_WOKEN,    "consul.reads.woken")                        \
    X(METRIC_READS_PARKED,   "consul.reads.parked") /* a gauge */         \
    X(METRIC_WRITES,         "consul.raft.apply")                         \
    X(METRIC_APPLIED_GROUPS, "consul.fsm.groups")                         \
    X(METRIC_APPLIED_CHANGES,"consul.fsm.changes")                        \
    X(METRIC_ELECTIONS_WON,  "consul.raft.state.leader")
/* clang-format on */
enum metric {
#define X(name, text) name,
    METRICS_TABLE(X)
#undef X
        METRIC_N
};

struct metrics {
    struct published_counter counters[METRIC_N];
    struct instant since;
};

/* m NULL: nowhere (tests). Any thread. */
void metrics_add(struct metrics *m, enum metric name, int64_t n);
int64_t metrics_get(const struct metrics *m, enum metric name);

struct metrics_gauge {
    const char *name;
    double value;
};
/* The object of /v1/agent/metrics. Timestamps are handed in. */
void metrics_render(const struct metrics *m, const struct metrics_gauge *gauges, size_t gauge_n,
                    struct instant now, int64_t wall_ns, struct jwrite *w);
/* The same in Prometheus' text format: "consul.http.requests" is consul_http_requests. */
void metrics_render_prometheus(const struct metrics *m, const struct metrics_gauge *gauges,
                               size_t gauge_n, struct buf *out);
/* One line each, for SIGUSR1. */
void metrics_print(const struct metrics *m, const struct metrics_gauge *gauges, size_t gauge_n,
                   int64_t wall_ns, struct buf *out);

#endif
