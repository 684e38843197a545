/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/agent.h"

#include <unistd.h>

#include "agent/agent_state.h"
#include "agent/coordinates.h"
#include "agent/local_state.h"
#include "agent/token_fetch.h"
#include "agent/watchers.h"
#include "base/mem.h"

#define LOG "agent.server"

static void on_applied(void *data, const struct change_batch *changes);
static void on_leadership(void *data, bool is_leader);
static void on_lock_delay(void *data, struct str key, int64_t delay_ns);
static void on_storage(void *data, int status);
static void on_fatal(void *data, const char *why);
static void on_log_closed(void *data);
static void on_net_closed(void *data);
static void on_net_given_up(void *data);
static void engines_close(struct agent *a);
static void members_wire(struct agent *a);
static void lead(struct agent *a);

static int store_and_state_open(struct agent *a, struct error *err)
{
    int rc = store_open(a->dir.state, state_table_names, STATE_TABLE_N, 0, &a->store, err);
    if (rc)
        return error_wrap(err, "store");
    a->reader = store_reader_new(a->store);
    a->policy = policy_new(rng_u64(&a->rng));
    tokens_init(&a->tokens, a->config);
    rc = agent_load_tokens(a, err);
    if (rc)
        return rc;
    a->state = state_new(a->store);
    a->lock_delays = lock_delay_new(rng_u64(&a->rng));
    state_set_lock_delay(a->state, on_lock_delay, a);
    if (a->config->mount)
        state_set_history(a->state, (size_t)a->config->mount_history);
    return 0;
}

static int log_open(struct agent *a, void *uv_loop, struct error *err)
{
    const struct config *c = a->config;
    struct addr server = c->advertise;
    struct consensus_hooks hooks = {.data = a,
                                    .applied = on_applied,
                                    .leadership = on_leadership,
                                    .storage = on_storage,
                                    .fatal = on_fatal};
    struct consensus_config conf = {
        .dir = c->dev ? NULL : a->dir.raft,
        .bootstrap = c->bootstrap || c->dev,
        .raft_multiplier = (int)c->raft_multiplier,
        .snapshot_interval = c->raft_snapshot_interval,
        .snapshot_threshold = (uint64_t)c->raft_snapshot_threshold,
        .trailing_logs = (uint64_t)c->raft_trailing_logs,
        .net = a->net,
    };
    bool may_join = c->bootstrap_expect > 0 || c->start_join.n > 0 || c->retry_join.n > 0;
    if (!conf.bootstrap && !may_join && !datadir_has_log(&a->dir))
        return error_set(err, ERR_INVALID,
                         "data_dir %s holds no log and there is nobody to join: start the first "
                         "server with -bootstrap, others with -join or -retry-join",
                         a->dir.path);
    str_copy_z(str_z(a->node_id), conf.server_id, sizeof conf.server_id);
    addr_set_port(&server, (uint16_t)c->port_server);
    addr_format(&server, conf.server_address);
    return consensus_open(&conf, a->state, a->store, uv_loop, a->timers, &a->rng, &a->published,
                          &hooks, &a->consensus, err);
}

/* The server port is taken before the log is read: who finds it in use says so at once. */
static int net_start(struct agent *a, void *uv_loop, struct error *err)
{
    const struct config *c = a->config;
    struct addr listen = c->bind;
    a->net = net_open(uv_loop, a->timers, &(struct net_options){0});
    if (!c->server || c->port_server <= 0)
        return 0;
    addr_set_port(&listen, (uint16_t)c->port_server);
    return net_listen(a->net, &listen, err);
}

static void on_failed_closed(void *data)
{
    (void)data;
}

int agent_open(const struct config *config, void *uv_loop, struct timers *timers,
               struct mailbox *box, const struct agent_hooks *hooks, struct agent **ret,
               struct error *err)
{
    struct agent *a = mem_new(struct agent);
    a->config = config;
    a->hooks = *hooks;
    a->timers = timers;
    a->box = box;
    a->metrics.since = a->started = clock_now();
    list_init(&a->subscribers);
    shown_init(&a->shown, timers, clock_now);
    list_init(&a->serve_workers);
    rng_system(&a->rng);
    servers_init(&a->servers, &a->rng);
    a->monitor = monitor_new(box);
    int rc = datadir_open(config, &a->dir, err);
    if (rc) {
        monitor_free(a->monitor);
        mem_free(a);
        return rc;
    }
    rc = datadir_node_id(&a->dir, config->node_id, a->node_id, err);
    if (!rc)
        rc = store_and_state_open(a, err);
    if (!rc)
        rc = net_start(a, uv_loop, err);
    if (!rc)
        rc = agent_local_open(a, uv_loop, err);
    if (!rc && config->server) {
        a->leader = leader_new(a, timers, a->reader, &a->rng, clock_now);
        rc = log_open(a, uv_loop, err);
    }
    if (rc) {
        if (a->net)
            net_stop(a->net, on_net_given_up, NULL); /* in the loop's last turns */
        agent_local_close(a, on_failed_closed, a);   /* nothing of it runs yet: at once */
        engines_close(a);
        return rc;
    }
    agent_rpc_open(a);
    agent_local_load(a);
    /* consensus_open may have told of a leadership when there was no consensus to submit to */
    *ret = a;
    rc = cluster_open(a, uv_loop, &a->cluster, err);
    if (rc)
        return rc; /* the caller closes what is open: sockets are among it */
    members_wire(a);
    if (a->is_leader)
        lead(a);
    cluster_start(a->cluster);
    return 0;
}

/* ---- the leader's view of gossip ---- */

static bool find_member(void *data, struct str name, struct member *ret,
                        struct pair tags[MEMBER_TAGS_MAX])
{
    struct agent *a = data;
    return pool_find(cluster_lan(a->cluster), name, ret, tags);
}

static void each_name(void *data, void (*each)(void *each_data, struct str name), void *each_data)
{
    struct agent *a = data;
    struct pair tags[MEMBER_TAGS_MAX];
    struct member m;
    for (uint32_t i = 0; pool_at(cluster_lan(a->cluster), i, &m, tags); i++)
        each(each_data, m.name);
}

static bool encode_moved(void *data, struct view *v, struct instant since, struct buf *command)
{
    struct agent *a = data;
    return coordinates_encode(pool_gossip(cluster_lan(a->cluster)), v, since, command);
}

static void members_wire(struct agent *a)
{
    const struct leader_members_source source = {a, find_member, each_name};
    if (!a->leader)
        return;
    leader_set_members(a->leader, leader_members_new(&source, rng_u64(&a->rng)));
    if (!a->config->disable_coordinates)
        leader_set_coordinates(a->leader, encode_moved, a);
    a->autopilot = autopilot_run_new(a, cluster_lan(a->cluster));
}

static void lead(struct agent *a)
{
    cluster_leads(a->cluster);
    log_info("agent.leader", "member joined, marking health alive: member=%s",
             a->config->node_name);
    leader_start(a->leader);
    local_poke(a->local);
    autopilot_run_start(a->autopilot);
}

static void on_net_given_up(void *data)
{
    (void)data;
}

static void engines_close(struct agent *a)
{
    shown_fini(&a->shown);
    leader_free(a->leader);
    local_free(a->local);
    if (a->state)
        state_free(a->state);
    if (a->reader)
        store_reader_free(a->reader);
    policy_free(a->policy);
    store_close(a->store);
    lock_delay_free(a->lock_delays);
    datadir_close(&a->dir);
    while (mailbox_drain(a->box) > 0)
        ; /* lines of the log on their way to the monitor */
    monitor_free(a->monitor);
    mem_free(a);
}

static void on_rpc_closed(void *data);

static void on_cluster_closed(void *data)
{
    struct agent *a = data;
    a->cluster = NULL;
    agent_rpc_close(a, on_rpc_closed, a);
}

static void on_rpc_closed(void *data)
{
    struct agent *a = data;
    if (a->consensus)
        consensus_close(a->consensus, on_log_closed, a);
    else
        on_log_closed(a);
}

static void on_log_closed(void *data)
{
    struct agent *a = data;
    net_stop(a->net, on_net_closed, a);
}

static void on_net_closed(void *data)
{
    struct agent *a = data;
    void (*cb)(void *data) = a->closed;
    void *cb_data = a->closed_data;
    engines_close(a);
    cb(cb_data);
}

static void on_local_closed(void *data)
{
    struct agent *a = data;
    if (a->cluster)
        cluster_close(a->cluster, on_cluster_closed, a);
    else
        on_cluster_closed(a);
}

void agent_close(struct agent *a, void (*cb)(void *data), void *data)
{
    ASSERT(list_is_empty(&a->subscribers));
    a->closed = cb;
    a->closed_data = data;
    a->closing = true;
    if (a->leader)
        leader_stop(a->leader);
    autopilot_run_free(a->autopilot);
    a->autopilot = NULL;
    agent_local_close(a, on_local_closed, a);
}

/* ---- news from the log ---- */

static void on_applied(void *data, const struct change_batch *changes)
{
    struct agent *a = data;
    metrics_add(&a->metrics, METRIC_APPLIED_GROUPS, 1);
    metrics_add(&a->metrics, METRIC_APPLIED_CHANGES, changes->n);
    agent_rpc_publish(a, changes);
    if (changes->n == 0 && !changes->everything)
        return;
    shown_published(&a->shown, changes->index);
    agent_publish(a, changes);
    leader_applied(a->leader, changes);
    local_changes(a->local, changes);
}

void agent_publish(struct agent *a, const struct change_batch *changes)
{
    LIST_FOREACH (&a->subscribers, l) {
        struct agent_subscriber *s = LIST_ITEM(l, struct agent_subscriber, link);
        s->publish(s, changes);
    }
}

static void on_leadership(void *data, bool is_leader)
{
    struct agent *a = data;
    if (a->is_leader == is_leader)
        return;
    a->is_leader = is_leader;
    if (is_leader) {
        metrics_add(&a->metrics, METRIC_ELECTIONS_WON, 1);
        log_info(LOG, "cluster leadership acquired");
        if (a->autopilot)
            lead(a);
    } else {
        log_warn(LOG, "cluster leadership lost");
        leader_stop(a->leader);
        if (a->autopilot)
            autopilot_run_stop(a->autopilot);
    }
}

static void on_lock_delay(void *data, struct str key, int64_t delay_ns)
{
    struct agent *a = data;
    lock_delay_start(a->lock_delays, key, (struct duration){delay_ns}, clock_now());
}

static void on_storage(void *data, int status)
{
    (void)data;
    if (status)
        log_error(LOG, "the log cannot be written, writes are refused until it can: error=\"%s\"",
                  error_text(status));
    else
        log_info(LOG, "the log can be written again");
}

static void on_fatal(void *data, const char *why)
{
    struct agent *a = data;
    a->hooks.fatal(a->hooks.data, why);
}

/* ---- subscribers and what doors need ---- */

void agent_subscribe(struct agent *a, struct agent_subscriber *s)
{
    list_push(&a->subscribers, &s->link);
}

void agent_unsubscribe(struct agent *a, struct agent_subscriber *s)
{
    (void)a;
    list_remove(&s->link);
}

struct store *agent_store(struct agent *a)
{
    return a->store;
}

const struct published *agent_published(struct agent *a)
{
    return &a->published;
}

struct mailbox *agent_mailbox(struct agent *a)
{
    return a->box;
}

struct consensus *agent_consensus(struct agent *a)
{
    return a->consensus;
}

const struct config *agent_config(struct agent *a)
{
    return a->config;
}

const char *agent_node_id(struct agent *a)
{
    return a->node_id;
}

struct metrics *agent_metrics(struct agent *a)
{
    return &a->metrics;
}

struct monitor *agent_monitor(struct agent *a)
{
    return a->monitor;
}

void agent_reload(struct agent *a, const struct config *config)
{
    a->config = config;
    log_set_level(config->log_level);
    local_reload(a->local, config);
    watchers_reload(a->watchers, config);
}

bool agent_delays_lock(struct agent *a, struct str command, struct buf *ret_body)
{
    return lock_delay_refuses(a->lock_delays, command, clock_now(), ret_body);
}

struct shown *agent_shown(struct agent *a)
{
    return &a->shown;
}

int agent_ask_reload(struct agent *a, struct error *err)
{
    return a->hooks.reload(a->hooks.data, err);
}

void agent_stopping(struct agent *a)
{
    published_set(&a->published, PUBLISHED_STOPPING, 1);
    token_fetch_stop(a->token_fetch);
    local_close(a->local);
    cluster_stop(a->cluster);
}

void agent_leave(struct agent *a, void (*cb)(void *data), void *data)
{
    cluster_leave(a->cluster, cb, data);
}

struct cluster *agent_cluster(struct agent *a)
{
    return a->cluster;
}

void agent_ask_stop(struct agent *a)
{
    a->hooks.stop(a->hooks.data);
}

bool agent_renew_session(struct agent *a, struct str id)
{
    return a->leader && leader_renew(a->leader, id);
}
