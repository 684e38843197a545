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
    X(METRIC_FS_INODES,      "consul.fs.inodes") /* a gauge */            \
    X(METRIC_READS,          "consul.reads")                              \
    X(METRIC_READS_WOKEN,    "consul.reads.woken")                        \
    X(METRIC_READS_PARKED,   "consul.reads.parked") /* a gauge */         \
    X(METRIC_TOKEN_HIT,      "consul.acl.token.cache_hit")                \
    X(METRIC_TOKEN_MISS,     "consul.acl.token.cache_miss")               \
    X(METRIC_WRITES,         "consul.raft.apply")                         \
    X(METRIC_APPLIED_GROUPS, "consul.fsm.groups")                         \
    X(METRIC_APPLIED_CHANGES,"consul.fsm.changes")                        \
    X(METRIC_ELECTIONS_WON,  "consul.raft.state.leader")                  \
    X(METRIC_MEMBER_JOIN,    "consul.serf.member.join")                   \
    X(METRIC_MEMBER_FAILED,  "consul.serf.member.failed")                 \
    X(METRIC_MEMBER_LEFT,    "consul.serf.member.left")                   \
    X(METRIC_MEMBER_UPDATE,  "consul.serf.member.update")
/* How long writes took: from the door's wish to its answer. */
#define METRICS_TIMERS(X)                                                 \
    X(METRICS_KV,         "consul.kvs.apply")                             \
    X(METRICS_TXN,        "consul.txn.apply")                             \
    X(METRICS_REGISTER,   "consul.catalog.register")                      \
    X(METRICS_DEREGISTER, "consul.catalog.deregister")                    \
    X(METRICS_SESSION,    "consul.session.apply")                         \
    X(METRICS_QUERY,      "consul.prepared-query.apply")                  \
    X(METRICS_ACL,        "consul.acl.apply")                             \
    X(METRICS_COMMIT,     "consul.raft.commitTime") /* all of them */
/* clang-format on */
enum metric {
#define X(name, text) name,
    METRICS_TABLE(X)
#undef X
        METRIC_N
};
enum metrics_timer {
#define X(name, text) name,
    METRICS_TIMERS(X)
#undef X
        METRICS_TIMER_N
};

/* Milliseconds are shown, microseconds kept. */
struct metrics_sample {
    struct published_counter n, sum_us, max_us, below_us; /* the last: SAMPLE_MAX - the shortest */
};

struct metrics {
    struct published_counter counters[METRIC_N];
    struct metrics_sample samples[METRICS_TIMER_N];
    struct instant since;
};

/* m NULL: nowhere (tests). Any thread. */
void metrics_add(struct metrics *m, enum metric name, int64_t n);
void metrics_time(struct metrics *m, enum metrics_timer name, struct duration took);
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
