/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an agent's metrics say beside the counters: how things stand now. Names that users of Consul
 * have in their dashboards are kept where they mean the same.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent_state.h"

#define GAUGES_MAX 32

struct gauges {
    struct metrics_gauge items[GAUGES_MAX];
    size_t n;
};

static void put(struct gauges *g, const char *name, double value)
{
    ASSERT(g->n < GAUGES_MAX);
    g->items[g->n++] = (struct metrics_gauge){name, value};
}

/* The second number of /proc/self/statm, in pages. */
static double resident_bytes(void)
{
    char text[64] = "";
    long long size, pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof text - 1) > 0 && sscanf(text, "%lld %lld", &size, &pages) != 2)
        pages = 0;
    close(fd);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void put_runtime(struct agent *a, struct gauges *g)
{
    struct rusage use = {0};

    getrusage(RUSAGE_SELF, &use);
#ifdef __GLIBC__
    put(g, "consul.runtime.alloc_bytes", (double)mallinfo2().uordblks);
#endif
    put(g, "consul.runtime.sys_bytes", resident_bytes());
    put(g, "consul.runtime.rss_peak_bytes", (double)use.ru_maxrss * 1024);
    put(g, "consul.runtime.cpu_seconds",
        (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
            (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    put(g, "consul.runtime.uptime_seconds",
        (double)instant_since(clock_now(), a->started).ns / 1e9);
}

static double word(struct agent *a, enum published_name name)
{
    return (double)(int64_t)published_get(&a->published, name);
}

static void put_raft(struct agent *a, struct gauges *g)
{
    put(g, "consul.raft.applied_index", word(a, PUBLISHED_APPLIED_INDEX));
    put(g, "consul.raft.commit_index", word(a, PUBLISHED_COMMIT_INDEX));
    put(g, "consul.raft.term", word(a, PUBLISHED_TERM));
    put(g, "consul.raft.storage_error", word(a, PUBLISHED_STORAGE_ERROR));
    put(g, "consul.raft.storage_slow", word(a, PUBLISHED_STORAGE_SLOW));
}

/* consul: usagemetrics; the leader's own besides. */
static void put_state(struct agent *a, struct gauges *g)
{
    bool healthy;

    if (a->reader) {
        struct store_view *v = store_view_begin(a->reader);
        put(g, "consul.state.nodes", (double)store_count(v, TABLE_NODE));
        put(g, "consul.state.service_instances", (double)store_count(v, TABLE_SERVICE));
        put(g, "consul.state.kv_entries", (double)store_count(v, TABLE_KV));
        store_view_end(v);
    }
    if (!a->is_leader || !a->autopilot)
        return;
    put(g, "consul.session_ttl.active", (double)leader_sessions(a->leader));
    autopilot_run_look(a->autopilot);
    int tolerance = autopilot_tolerance(autopilot_run_state(a->autopilot), &healthy);
    put(g, "consul.autopilot.healthy", healthy);
    put(g, "consul.autopilot.failure_tolerance", tolerance);
}

static void gauges_now(struct agent *a, struct gauges *g)
{
    struct pool *wan = cluster_wan(a->cluster);
    struct net_stats net;

    g->n = 0;
    net_get_stats(a->net, &net);
    put_raft(a, g);
    put(g, "consul.gossip.dropped",
        (double)(pool_dropped(cluster_lan(a->cluster)) + (wan ? pool_dropped(wan) : 0)));
    put(g, "consul.net.connections", (double)net.open);
    put(g, "consul.net.refused", (double)net.refused);
    put(g, "consul.net.bad", (double)net.bad);
    put(g, "consul.core.mails", (double)mailbox_size(a->box));
    put(g, "consul.rpc.queries_blocking", (double)metrics_get(&a->metrics, METRIC_READS_PARKED));
    put_runtime(a, g);
    put_state(a, g);
}

void agent_render_metrics(struct agent *a, struct jwrite *w)
{
    struct gauges g;
    gauges_now(a, &g);
    metrics_render(&a->metrics, g.items, g.n, clock_now(), clock_wall_ns(), w);
}

void agent_render_prometheus(struct agent *a, struct buf *out)
{
    struct gauges g;
    gauges_now(a, &g);
    metrics_render_prometheus(&a->metrics, g.items, g.n, out);
}

void agent_dump_metrics(struct agent *a, int fd)
{
    struct gauges g;
    gauges_now(a, &g);
    struct buf text;
    buf_init(&text, 0);
    metrics_print(&a->metrics, g.items, g.n, clock_wall_ns(), &text);
    if (write(fd, text.p, text.n) < 0)
        log_warn("agent", "metrics could not be written");
    buf_fini(&text);
}
