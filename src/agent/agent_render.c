/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/agent_state.h"
#include "agent/config_value.h"
#include "agent/coordinates.h"
#include "agent/own_node.h"
#include "base/mem.h"

/* ---- members ---- */

static void hand_over(const struct member *m,
                      void (*each)(void *data, const struct agent_member *m), void *data)
{
    struct config_value tags = {0};
    char name[600], address[ADDR_TEXT_MAX];
    addr_format_ip(&m->addr, address);
    snprintf(name, sizeof name, "%.*s", STR_ARG(m->name));
    for (size_t i = 0; i < m->tag_n; i++)
        config_value_pairs_set(&tags.pairs, m->tags[i].name, m->tags[i].value);
    struct agent_member out = {.name = name,
                               .address = address,
                               .port = addr_port(&m->addr),
                               .status = (int)m->status,
                               .tags = &tags.pairs};
    memcpy(out.vsn, m->vsn, sizeof out.vsn);
    each(data, &out);
    config_value_fini(&tags);
}

static void each_of_pool(struct pool *p, void (*each)(void *data, const struct agent_member *m),
                         void *data)
{
    struct pair tags[MEMBER_TAGS_MAX];
    struct member m;
    uint32_t n;
    if (!p)
        return;
    uint32_t *order = pool_sorted(p, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (pool_at(p, order[i], &m, tags))
            hand_over(&m, each, data);
    }
    mem_free(order);
}

void agent_each_member(struct agent *a, void (*each)(void *data, const struct agent_member *m),
                       void *data)
{
    each_of_pool(cluster_lan(a->cluster), each, data);
}

void agent_each_wan_member(struct agent *a, void (*each)(void *data, const struct agent_member *m),
                           void *data)
{
    each_of_pool(cluster_wan(a->cluster), each, data);
}

static void each_self(struct agent *a, void (*each)(void *data, const struct agent_member *m),
                      void *data)
{
    struct pair tags[MEMBER_TAGS_MAX];
    struct member m;
    if (pool_find(cluster_lan(a->cluster), str_z(a->config->node_name), &m, tags))
        hand_over(&m, each, data);
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
    named_i64(w, "ProtocolMin", m->vsn[0]);
    named_i64(w, "ProtocolMax", m->vsn[1]);
    named_i64(w, "ProtocolCur", m->vsn[2]);
    named_i64(w, "DelegateMin", m->vsn[3]);
    named_i64(w, "DelegateMax", m->vsn[4]);
    named_i64(w, "DelegateCur", m->vsn[5]);
    jwrite_close(w);
}

static void render_one_member(void *data, const struct agent_member *m)
{
    agent_render_member(m, data);
}

void agent_render_coordinate(const struct coordinate *c, struct jwrite *w)
{
    jwrite_object(w);
    jwrite_name(w, "Vec");
    jwrite_array(w);
    for (int i = 0; i < COORDINATE_DIMENSIONS; i++)
        jwrite_double(w, c->vec[i]);
    jwrite_close(w);
    jwrite_name(w, "Error");
    jwrite_double(w, c->error);
    jwrite_name(w, "Adjustment");
    jwrite_double(w, c->adjustment);
    jwrite_name(w, "Height");
    jwrite_double(w, c->height);
    jwrite_close(w);
}

static void render_own_coordinate(struct agent *a, struct jwrite *w)
{
    struct coordinate c;
    jwrite_name(w, "Coord");
    if (a->config->disable_coordinates) {
        jwrite_null(w);
        return;
    }
    coordinates_of(gossip_get_coordinate(pool_gossip(cluster_lan(a->cluster))), STR_NONE, &c);
    agent_render_coordinate(&c, w);
}

/* One datacenter of the WAN pool: its servers that are known to be somewhere. */
static void each_wan_coordinate(struct agent *a, const char *dc,
                                void (*each)(void *data, const struct coordinate *c), void *data)
{
    struct pool *wan = cluster_wan(a->cluster);
    struct pair tags[MEMBER_TAGS_MAX];
    struct member m;
    for (uint32_t i = 0; wan && pool_at(wan, i, &m, tags); i++) {
        struct gossip_coordinate there;
        struct coordinate c;
        struct str dot = {0};
        if (!str_eq_z(m.dc, dc) ||
            gossip_member_coordinate(pool_gossip(wan), gossip_at(pool_gossip(wan), i), &there))
            continue;
        dot = str_take(m.name, m.name.n > m.dc.n ? m.name.n - m.dc.n - 1 : m.name.n);
        coordinates_of(&there, dot, &c);
        each(data, &c);
    }
}

void agent_each_wan_coordinate(struct agent *a, const char *dc,
                               void (*each)(void *data, const struct coordinate *c), void *data)
{
    struct coordinate c;
    if (cluster_wan(a->cluster) || strcmp(dc, a->config->datacenter) != 0) {
        each_wan_coordinate(a, dc, each, data);
        return;
    }
    /* Without a WAN pool we know where we are, and of no others. */
    coordinates_of(gossip_get_coordinate(pool_gossip(cluster_lan(a->cluster))),
                   str_z(a->config->node_name), &c);
    each(data, &c);
}

/* As Go prints a list of structs. */
static void put_server(void *data, const char *id, const char *address, bool voter)
{
    struct buf *out = data;
    buf_putf(out, "%s{Suffrage:%s ID:%s Address:%s}", out->n ? " " : "[",
             voter ? "Voter" : "Nonvoter", id, address);
}

static void render_raft_stats(struct agent *a, struct jwrite *w)
{
    struct consensus_stats s;
    struct buf servers;
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
    buf_init(&servers, 0);
    consensus_servers(a->consensus, put_server, &servers);
    buf_put_c(&servers, ']');
    named_z(w, "latest_configuration", buf_z(&servers));
    buf_fini(&servers);
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
    if (published_get(&a->published, PUBLISHED_STORAGE_SLOW))
        named_z(w, "storage_slow", "true");
    stat_u64(w, "term", s.term);
    jwrite_close(w);
}

static void render_serf_stats(struct pool *p, struct jwrite *w, const char *name)
{
    struct gossip_stats g;
    if (!p)
        return;
    gossip_get_stats(pool_gossip(p), &g);
    group(w, name);
    stat_u64(w, "coordinate_resets", g.coordinate_resets);
    named_z(w, "encrypted", pool_is_encrypted(p) ? "true" : "false");
    stat_u64(w, "event_queue", g.event_queue);
    stat_u64(w, "event_time", g.event_ltime);
    stat_u64(w, "failed", g.failed);
    stat_u64(w, "health_score", g.health);
    stat_u64(w, "intent_queue", g.intent_queue);
    stat_u64(w, "left", g.left);
    stat_u64(w, "member_time", g.member_ltime);
    stat_u64(w, "members", pool_count(p));
    stat_u64(w, "query_queue", g.query_queue);
    stat_u64(w, "query_time", g.query_ltime);
    jwrite_close(w);
}

static void render_consensus_stats(struct agent *a, struct jwrite *w)
{
    const char *dcs[SERVERS_MAX];
    group(w, "consul");
    named_z(w, "acl", a->config->acl_enabled ? "enabled" : "disabled");
    if (a->consensus) {
        named_z(w, "bootstrap", a->config->bootstrap ? "true" : "false");
        stat_u64(w, "known_datacenters", servers_datacenters(&a->servers, dcs, SERVERS_MAX));
        named_z(w, "leader", consensus_is_leader(a->consensus) ? "true" : "false");
        named_z(w, "leader_addr", consensus_leader_address(a->consensus));
        named_z(w, "server", "true");
    } else {
        stat_u64(w, "known_servers", a->servers.n);
        named_z(w, "server", "false");
    }
    jwrite_close(w);
    if (a->consensus)
        render_raft_stats(a, w);
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
    render_consensus_stats(a, w);
    group(w, "runtime");
    named_z(w, "arch", uname(&host) == 0 ? host.machine : "");
    stat_u64(w, "cpu_count", cpus > 0 ? (uint64_t)cpus : 0);
    named_z(w, "os", "linux");
    jwrite_close(w);
    render_serf_stats(cluster_lan(a->cluster), w, "serf_lan");
    render_serf_stats(cluster_wan(a->cluster), w, "serf_wan");
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
    render_own_coordinate(a, w);
    jwrite_name(w, "Member");
    each_self(a, render_one_member, w);
    render_stats(a, w);
    jwrite_name(w, "Meta");
    own_node_meta(c, &meta.pairs);
    render_pairs(w, &meta.pairs);
    config_value_fini(&meta);
    jwrite_close(w);
}
