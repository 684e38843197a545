/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/agent_state.h"
#include "agent/config_value.h"
#include "agent/own_node.h"
#include "base/mem.h"

#define COORDINATE_DIMENSIONS 8 /* serf: coordinate.DefaultConfig */
#define GAUGES_MAX            8

static void tag(struct config_pairs *tags, const char *name, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void tag(struct config_pairs *tags, const char *name, const char *fmt, ...)
{
    char value[128];
    va_list args;
    va_start(args, fmt);
    vsnprintf(value, sizeof value, fmt, args);
    va_end(args);
    config_value_pairs_set(tags, str_z(name), str_z(value));
}

static void each_member(struct agent *a, bool wan,
                        void (*each)(void *data, const struct agent_member *m), void *data)
{
    const struct config *c = a->config;
    struct config_value tags = {0};
    char name[600], address[ADDR_TEXT_MAX];
    addr_format_ip(wan ? &c->advertise_wan : &c->advertise, address);
    snprintf(name, sizeof name, wan ? "%s.%s" : "%s", c->node_name, c->datacenter);
    tag(&tags.pairs, "acls", "0");
    if (c->bootstrap)
        tag(&tags.pairs, "bootstrap", "1");
    tag(&tags.pairs, "build", "%s:disco", DISCO_VERSION);
    tag(&tags.pairs, "dc", "%s", c->datacenter);
    tag(&tags.pairs, "ft_fs", "1");
    tag(&tags.pairs, "ft_si", "1");
    tag(&tags.pairs, "id", "%s", a->node_id);
    tag(&tags.pairs, "port", "%lld", (long long)c->port_server);
    tag(&tags.pairs, "raft_vsn", "3");
    tag(&tags.pairs, "role", "consul");
    tag(&tags.pairs, "segment", "%s", "");
    tag(&tags.pairs, "vsn", "2");
    tag(&tags.pairs, "vsn_max", "3");
    tag(&tags.pairs, "vsn_min", "2");
    if (!wan)
        tag(&tags.pairs, "wan_join_port", "%lld", (long long)c->port_serf_wan);
    int64_t port = wan ? c->port_serf_wan : c->port_serf_lan;
    struct agent_member m = {name, address, (uint16_t)(port > 0 ? port : 0), 1, &tags.pairs};
    each(data, &m);
    config_value_fini(&tags);
}

void agent_each_member(struct agent *a, void (*each)(void *data, const struct agent_member *m),
                       void *data)
{
    each_member(a, false, each, data);
}

void agent_each_wan_member(struct agent *a, void (*each)(void *data, const struct agent_member *m),
                           void *data)
{
    each_member(a, true, each, data);
}

static void named_z(struct jwrite *w, const char *name, const char *value)
{
    jwrite_name(w, name);
    jwrite_z(w, value);
}

static void named_i64(struct jwrite *w, const char *name, int64_t value)
{
    jwrite_name(w, name);
    jwrite_i64(w, value);
}

/* Stats are texts, all of them. */
static void stat_u64(struct jwrite *w, const char *name, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    named_z(w, name, digits);
}

static void group(struct jwrite *w, const char *name)
{
    jwrite_name(w, name);
    jwrite_object(w);
}

static void render_pairs(struct jwrite *w, const struct config_pairs *p)
{
    jwrite_object(w);
    for (size_t i = 0; i < p->n; i++)
        named_z(w, p->names[i], p->values[i]);
    jwrite_close(w);
}

void agent_render_member(const struct agent_member *m, struct jwrite *w)
{
    jwrite_object(w);
    named_z(w, "Name", m->name);
    named_z(w, "Addr", m->address);
    named_i64(w, "Port", m->port);
    jwrite_name(w, "Tags");
    render_pairs(w, m->tags);
    named_i64(w, "Status", m->status);
    named_i64(w, "ProtocolMin", 1);
    named_i64(w, "ProtocolMax", 5);
    named_i64(w, "ProtocolCur", 2);
    named_i64(w, "DelegateMin", 2);
    named_i64(w, "DelegateMax", 5);
    named_i64(w, "DelegateCur", 4);
    jwrite_close(w);
}

static void render_one_member(void *data, const struct agent_member *m)
{
    agent_render_member(m, data);
}

static void render_coordinate(struct jwrite *w)
{
    /* The origin, with the error of a node that has measured nothing (serf: NewCoordinate). */
    group(w, "Coord");
    jwrite_name(w, "Vec");
    jwrite_array(w);
    for (int i = 0; i < COORDINATE_DIMENSIONS; i++)
        jwrite_i64(w, 0);
    jwrite_close(w);
    jwrite_name(w, "Error");
    jwrite_double(w, 1.5);
    named_i64(w, "Adjustment", 0);
    jwrite_name(w, "Height");
    jwrite_double(w, 0.00001);
    jwrite_close(w);
}

static void render_raft_stats(struct agent *a, struct jwrite *w)
{
    struct consensus_stats s;
    char text[128];
    consensus_get_stats(a->consensus, &s);
    group(w, "raft");
    stat_u64(w, "applied_index", s.applied_index);
    stat_u64(w, "commit_index", s.commit_index);
    stat_u64(w, "fsm_pending", s.fsm_pending);
    stat_u64(w, "last_contact", published_get(&a->published, PUBLISHED_LAST_CONTACT_MS));
    stat_u64(w, "last_log_index", s.last_log_index);
    stat_u64(w, "last_log_term", s.last_log_term);
    stat_u64(w, "last_snapshot_index", s.last_snapshot_index);
    stat_u64(w, "last_snapshot_term", s.last_snapshot_term);
    snprintf(text, sizeof text, "[{Suffrage:Voter ID:%s Address:%s}]", a->node_id,
             consensus_leader_address(a->consensus));
    named_z(w, "latest_configuration", text);
    named_z(w, "latest_configuration_index", "0");
    stat_u64(w, "num_peers", s.num_peers);
    named_z(w, "protocol_version", "3");
    named_z(w, "protocol_version_max", "3");
    named_z(w, "protocol_version_min", "0");
    named_z(w, "snapshot_version_max", "1");
    named_z(w, "snapshot_version_min", "0");
    named_z(w, "state", s.state);
    if (s.storage_status)
        named_z(w, "storage_error", error_text(s.storage_status));
    stat_u64(w, "term", s.term);
    jwrite_close(w);
}

static void render_serf_stats(struct jwrite *w, const char *name)
{
    static const char *const zeros[] = {
        "event_queue", "failed", "health_score", "intent_queue", "left", "query_queue", NULL};
    static const char *const ones[] = {"event_time", "member_time", "members", "query_time", NULL};
    group(w, name);
    named_z(w, "coordinate_resets", "0");
    named_z(w, "encrypted", "false");
    for (int i = 0; zeros[i]; i++)
        named_z(w, zeros[i], "0");
    for (int i = 0; ones[i]; i++)
        named_z(w, ones[i], "1");
    jwrite_close(w);
}

static void render_stats(struct agent *a, struct jwrite *w)
{
    struct utsname host;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    group(w, "Stats");
    group(w, "agent");
    named_z(w, "check_monitors", "0");
    named_z(w, "check_ttls", "0");
    named_z(w, "checks", "0");
    named_z(w, "services", "0");
    jwrite_close(w);
    group(w, "build");
    named_z(w, "prerelease", "");
    named_z(w, "revision", "");
    named_z(w, "version", DISCO_VERSION);
    jwrite_close(w);
    group(w, "consul");
    named_z(w, "acl", "disabled");
    named_z(w, "bootstrap", a->config->bootstrap ? "true" : "false");
    named_z(w, "known_datacenters", "1");
    named_z(w, "leader", consensus_is_leader(a->consensus) ? "true" : "false");
    named_z(w, "leader_addr", consensus_leader_address(a->consensus));
    named_z(w, "server", "true");
    jwrite_close(w);
    render_raft_stats(a, w);
    group(w, "runtime");
    named_z(w, "arch", uname(&host) == 0 ? host.machine : "");
    stat_u64(w, "cpu_count", cpus > 0 ? (uint64_t)cpus : 0);
    named_z(w, "os", "linux");
    jwrite_close(w);
    render_serf_stats(w, "serf_lan");
    render_serf_stats(w, "serf_wan");
    jwrite_close(w);
}

void agent_render_self(struct agent *a, struct jwrite *w)
{
    const struct config *c = a->config;
    struct config_value meta = {0};
    jwrite_object(w);
    group(w, "Config");
    named_z(w, "Datacenter", c->datacenter);
    named_z(w, "NodeName", c->node_name);
    named_z(w, "NodeID", a->node_id);
    named_z(w, "Revision", "disco-" DISCO_VERSION);
    jwrite_name(w, "Server");
    jwrite_bool(w, c->server);
    named_z(w, "Version", OWN_NODE_CONSUL_VERSION);
    jwrite_close(w);
    jwrite_name(w, "DebugConfig");
    config_render(c, w);
    render_coordinate(w);
    jwrite_name(w, "Member");
    agent_each_member(a, render_one_member, w);
    render_stats(a, w);
    jwrite_name(w, "Meta");
    own_node_meta(c, &meta.pairs);
    render_pairs(w, &meta.pairs);
    config_value_fini(&meta);
    jwrite_close(w);
}

/* ---- metrics ---- */

static size_t gauges_now(struct agent *a, struct metrics_gauge dst[GAUGES_MAX])
{
    struct rusage use = {0};
    size_t n = 0;
    getrusage(RUSAGE_SELF, &use);
    dst[n++] = (struct metrics_gauge){
        "consul.raft.applied_index", (double)published_get(&a->published, PUBLISHED_APPLIED_INDEX)};
    dst[n++] = (struct metrics_gauge){"consul.raft.commit_index",
                                      (double)published_get(&a->published, PUBLISHED_COMMIT_INDEX)};
    dst[n++] = (struct metrics_gauge){"consul.raft.term",
                                      (double)published_get(&a->published, PUBLISHED_TERM)};
    dst[n++] = (struct metrics_gauge){
        "consul.raft.storage_error",
        (double)(int64_t)published_get(&a->published, PUBLISHED_STORAGE_ERROR)};
    dst[n++] = (struct metrics_gauge){"consul.core.mails", (double)mailbox_size(a->box)};
    dst[n++] =
        (struct metrics_gauge){"consul.runtime.rss_peak_bytes", (double)use.ru_maxrss * 1024};
    dst[n++] =
        (struct metrics_gauge){"consul.runtime.cpu_seconds",
                               (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                                   (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6};
    dst[n++] = (struct metrics_gauge){"consul.runtime.uptime_seconds",
                                      (double)instant_since(clock_now(), a->started).ns / 1e9};
    ASSERT(n <= GAUGES_MAX);
    return n;
}

void agent_render_metrics(struct agent *a, struct jwrite *w)
{
    struct metrics_gauge gauges[GAUGES_MAX];
    size_t n = gauges_now(a, gauges);
    metrics_render(&a->metrics, gauges, n, clock_now(), clock_wall_ns(), w);
}

void agent_dump_metrics(struct agent *a, int fd)
{
    struct metrics_gauge gauges[GAUGES_MAX];
    size_t n = gauges_now(a, gauges);
    struct buf text;
    buf_init(&text, 0);
    metrics_print(&a->metrics, gauges, n, clock_wall_ns(), &text);
    if (write(fd, text.p, text.n) < 0)
        log_warn("agent", "metrics could not be written");
    buf_fini(&text);
}
