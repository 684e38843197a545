/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's configuration: one table of options (config.c) feeds flags,
 * configuration files, defaults, --help, the man page and doc/config.md.
 *
 * Filled by config_load.c from flags and files in Consul's merge order, then
 * completed and checked by config_finish. Immutable afterwards; a reload makes
 * a new one.
 */
#ifndef DISCO_AGENT_CONFIG_H
#define DISCO_AGENT_CONFIG_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/jwrite.h"
#include "base/log.h"

struct config_list { /* texts in order; owned by the config */
    char **items;
    size_t n;
};
struct config_pairs { /* name, value; sorted by name */
    char **names, **values;
    size_t n;
};

/* gossip_lan, gossip_wan */
struct config_gossip {
    struct duration probe_interval, probe_timeout, gossip_interval;
    int64_t gossip_nodes, suspicion_mult, retransmit_mult;
};
/* What the first leader of a new cluster puts into the state as the autopilot's configuration. */
struct config_autopilot {
    bool cleanup_dead_servers;
    struct duration last_contact_threshold, server_stabilization_time;
    int64_t max_trailing_logs, min_quorum;
};

struct config {
    /* who and where */
    char *node_name, *node_id, *datacenter, *data_dir, *pid_file;
    struct config_pairs node_meta;
    bool dev, server, bootstrap;
    int64_t bootstrap_expect; /* 0 or 1; 1 sets bootstrap */
    /* texts as given, resolved below */
    char *bind_addr, *advertise_addr, *advertise_addr_wan, *client_addr, *serf_lan_bind,
        *serf_wan_bind;
    char *addresses_http, *addresses_dns;
    struct addr bind, advertise, advertise_wan; /* port 0 */
    struct addr serf_lan, serf_wan;             /* where the gossip listens; port 0 */
    struct addr *clients;                       /* client_addr may list several; port 0 */
    size_t client_n;
    /* Where to listen: addresses.http and .dns, else `clients`; port 0. None: TCP is off. */
    struct addr *http_addrs, *dns_addrs;
    size_t http_addr_n, dns_addr_n;
    char *http_socket; /* the path of unix:///path in addresses.http, or NULL */
    int64_t port_http, port_https, port_dns, port_server, port_serf_lan,
        port_serf_wan; /* -1: off */
    /* access control */
    bool acl_enabled, acl_enable_key_list_policy, acl_enable_token_persistence;
    char *acl_default_policy /* "allow" or "deny" */, *acl_down_policy /* token_cache.h */;
    struct duration acl_token_ttl, acl_policy_ttl, acl_role_ttl;
    char *acl_token_master, *acl_token_agent, *acl_token_agent_master, *acl_token_default,
        *acl_token_replication;
    /* logging */
    enum log_level log_level;
    bool log_json;
    /* machinery */
    int64_t workers; /* 0: one a CPU */
    int64_t raft_multiplier;
    int64_t raft_snapshot_threshold, raft_trailing_logs;
    struct duration raft_snapshot_interval;
    int64_t kv_max_value_size, txn_max_req_len;
    int64_t parked_reads_max; /* a worker; 429 above */
    struct duration max_query_time, default_query_time;
    bool leave_on_terminate, skip_leave_on_interrupt, disable_http_unprintable_char_filter,
        http_use_cache, translate_wan_addrs;
    struct config_pairs response_headers;
    struct config_list block_endpoints, allow_write_http_from;
    bool ui, ui_older; /* the second is an older name of the first */
    char *ui_content_path;
    struct duration session_ttl_min;
    struct duration prometheus_retention; /* 0: its format is not told */
    /* the cluster */
    struct config_list start_join, retry_join, start_join_wan, retry_join_wan;
    struct duration retry_interval, retry_interval_wan, reconnect_timeout, reconnect_timeout_wan;
    int64_t retry_max, retry_max_wan;
    bool rejoin_after_leave, read_replica, non_voting_server; /* either: read_replica */
    char *encrypt;                                            /* base64, or NULL */
    bool encrypt_verify_incoming, encrypt_verify_outgoing, disable_keyring_file;
    struct config_gossip gossip_lan, gossip_wan;
    struct config_autopilot autopilot;
    struct duration leave_drain_time, rpc_hold_timeout;
    /* this node's services and checks, as JSON texts; and how checks are run */
    struct config_list service, services, check, checks;
    struct config_list watches; /* as JSON texts */
    bool enable_script_checks, enable_local_script_checks, discard_check_output;
    bool disable_coordinates;
    struct duration check_update_interval;
    int64_t check_output_max_size;
    /* dns */
    char *domain, *alt_domain;   /* lower case, final dot: "consul." */
    char *dns_recursor_strategy; /* "sequential" or "random" */
    struct config_list recursors;
    struct duration dns_node_ttl, dns_recursor_timeout, dns_max_stale, dns_cache_max_age;
    struct config_pairs dns_service_ttl; /* name or prefix* -> duration text */
    bool dns_only_passing, dns_use_cache, dns_enable_truncate, dns_disable_compression,
        dns_allow_stale, dns_node_meta_txt;
    int64_t dns_udp_answer_limit, dns_a_record_limit;
    int64_t dns_soa_refresh, dns_soa_retry, dns_soa_expire, dns_soa_min_ttl; /* seconds */
    /* mount; of ids, -1 is the agent's own; the history is in bytes */
    char *mount, *mount_token, *mount_users; /* a directory, or NULL */
    bool mount_allow_other, mount_required, mount_inotify;
    int64_t mount_uid, mount_gid, mount_file_mode, mount_dir_mode, mount_umask, mount_history;
    /* what was loaded, for reload and error lines */
    struct config_list config_files;
    struct config_list warnings; /* whole sentences, for the log at start and reload */
    /* private */
    void *impl;
};

/* Defaults in place. */
struct config *config_new(void);
void config_free(struct config *c);

/* The arguments themselves are wrong (unknown flag): said without "==> ", with a pointer to -help.
 */
#define CONFIG_ERR_USAGE ERR_NOT_FOUND

/* `agent` arguments (without program and command name): flags, files and directories, merge,
 * checks. *ret_help is set when -h/-help/--help was among them (then nothing else is done). */
int config_load(int argc, char *const *argv, struct config **ret, bool *ret_help,
                struct error *err) MUST_USE;
/* All options: for people, as rows of doc/config.md, as roff for the man page. */
void config_print_help(struct buf *out);
void config_print_markdown(struct buf *out);
void config_print_man(struct buf *out);
/* Non-secret settings as Consul's /v1/agent/self "DebugConfig"-like object. */
void config_render(const struct config *c, struct jwrite *w);
/* The same directory/flags read again; only reloadable options may differ (others: one warning
 * each, kept as they were). */
int config_reload(const struct config *old, struct config **ret, struct error *err) MUST_USE;
/* Is every option the same? */
bool config_is_same(const struct config *a, const struct config *b);
/* For `disco validate`: files and directories only. */
int config_validate(int path_n, char *const *paths, struct error *err) MUST_USE;
/* One file's text over the defaults. */
int config_validate_text(struct str json, struct error *err) MUST_USE;

#endif
