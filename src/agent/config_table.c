/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/config_table.h"

#include <stddef.h>

/* Rows that work: key, flag, type, field, default, range, reload, help. */
#define ON(key, flag, type, field, preset, range, reload, help)                                    \
    {key,    flag,  CONFIG_##type, CONFIG_WORKS, reload, offsetof(struct config, field),           \
     preset, range, help},
/* Rows that are read and checked for their type only. */
#define OFF(key, flag, type, use, preset, help)                                                    \
    {key, flag, CONFIG_##type, CONFIG_##use, false, CONFIG_NO_FIELD, preset, 0, 0, help},
#define RANGE(min, max) min, max
#define PORT            RANGE(-1, 65535)
#define ANY             RANGE(0, 0)
#define SECONDS_MAX     2147483647
#define YES             true
#define NO              false

/* clang-format off */
const struct config_option config_table[] = {
    /* where the rest comes from */
    ON(NULL, "config-file", LIST, config_files, NULL, ANY, NO,
       "A JSON file, or a directory of them, to read; may be given several times")
    OFF(NULL, "config-dir", LIST, IGNORED, NULL,
       "A directory whose .json files are read in the order of their names")
    OFF(NULL, "config-format", TEXT, REFUSED, "json", "Language of the files: json")
    ON(NULL, "dev", BOOL, dev, NULL, ANY, NO,
       "A single server for development: log in memory, on loopback, log level DEBUG")
    /* who and where */
    ON("node_name", "node", TEXT, node_name, NULL, ANY, NO,
       "Name of this node; the host's name by default")
    ON("node_id", "node-id", TEXT, node_id, NULL, ANY, NO,
       "UUID of this node; made at the first start and kept in the data directory by default")
    ON("node_meta", "node-meta", PAIRS, node_meta, NULL, ANY, NO,
       "A name:value pair to describe this node; may be given several times")
    ON("datacenter", "datacenter", TEXT, datacenter, "dc1", ANY, NO, "Datacenter of this node")
    ON("data_dir", "data-dir", TEXT, data_dir, NULL, ANY, NO,
       "Directory of the log and the node's own files")
    ON("server", "server", BOOL, server, NULL, ANY, NO, "Keep the cluster's state")
    ON("bootstrap", "bootstrap", BOOL, bootstrap, NULL, ANY, NO,
       "An empty server may elect itself; for one server of a cluster at most")
    ON("bootstrap_expect", "bootstrap-expect", INT, bootstrap_expect, NULL, ANY, NO,
       "Number of servers to wait for before the first election; 1 is the same as -bootstrap")
    ON("pid_file", "pid-file", TEXT, pid_file, NULL, ANY, NO, "File to write the process id to")
    ON("workers", "workers", INT, workers, "0", RANGE(0, 256), NO,
       "Threads that serve requests; 0: one for each CPU")
    /* addresses */
    ON("bind_addr", "bind", TEXT, bind_addr, "0.0.0.0", ANY, NO,
       "Address of the cluster's own traffic")
    ON("advertise_addr", "advertise", TEXT, advertise_addr, NULL, ANY, NO,
       "Address that other nodes are told; the bind address, or a private one, by default")
    ON("advertise_addr_wan", "advertise-wan", TEXT, advertise_addr_wan, NULL, ANY, NO,
       "Address that other datacenters are told")
    ON("client_addr", "client", TEXT, client_addr, "127.0.0.1", ANY, NO,
       "Addresses of HTTP and DNS, separated by spaces")
    ON("serf_lan", "serf-lan-bind", TEXT, serf_lan_bind, NULL, ANY, NO, "Address of the LAN gossip")
    ON("serf_wan", "serf-wan-bind", TEXT, serf_wan_bind, NULL, ANY, NO, "Address of the WAN gossip")
    ON("addresses.http", NULL, TEXT, addresses_http, NULL, ANY, NO,
       "Addresses of HTTP instead of client_addr; unix:///PATH is a socket")
    ON("addresses.dns", NULL, TEXT, addresses_dns, NULL, ANY, NO,
       "Addresses of DNS instead of client_addr")
    OFF("addresses.https", NULL, TEXT, REFUSED, NULL, "Addresses of HTTPS")
    OFF("addresses.grpc", NULL, TEXT, REFUSED, NULL, "Addresses of gRPC")
    ON("ports.http", "http-port", INT, port_http, "8500", PORT, NO, "Port of HTTP; -1: off")
    ON("ports.dns", "dns-port", INT, port_dns, "8600", PORT, NO, "Port of DNS; -1: off")
    ON("ports.server", "server-port", INT, port_server, "8300", PORT, NO,
       "Port of the servers among each other")
    ON("ports.serf_lan", "serf-lan-port", INT, port_serf_lan, "8301", PORT, NO,
       "Port of the LAN gossip")
    ON("ports.serf_wan", "serf-wan-port", INT, port_serf_wan, "8302", PORT, NO,
       "Port of the WAN gossip; -1: off")
    ON("ports.https", "https-port", INT, port_https, "-1", PORT, NO,
       "Port of HTTPS; not available in this version")
    OFF("ports.grpc", "grpc-port", INT, IGNORED, "-1", "Port of gRPC, which disco does not speak")
    OFF("ports.sidecar_min_port", NULL, INT, IGNORED, NULL, "No effect")
    OFF("ports.sidecar_max_port", NULL, INT, IGNORED, NULL, "No effect")
    OFF("ports.expose_min_port", NULL, INT, IGNORED, NULL, "No effect")
    OFF("ports.expose_max_port", NULL, INT, IGNORED, NULL, "No effect")
    /* log */
    ON("log_level", "log-level", LEVEL, log_level, "INFO", ANY, YES,
       "TRACE, DEBUG, INFO, WARN or ERROR")
    ON("log_json", "log-json", BOOL, log_json, NULL, ANY, NO, "Log lines as JSON objects")
    OFF("log_file", "log-file", TEXT, REFUSED, NULL,
       "Log to a file; use the service manager's log instead")
    OFF("log_rotate_duration", "log-rotate-duration", TEXT, IGNORED, NULL,
       "No effect without log_file")
    OFF("log_rotate_bytes", "log-rotate-bytes", INT, IGNORED, NULL, "No effect without log_file")
    OFF("log_rotate_max_files", "log-rotate-max-files", INT, IGNORED, NULL,
       "No effect without log_file")
    OFF("enable_syslog", "syslog", BOOL, REFUSED, NULL,
       "Log to syslog; use the service manager's log instead")
    OFF("syslog_facility", NULL, TEXT, IGNORED, NULL, "No effect without enable_syslog")
    /* consensus and limits */
    ON("performance.raft_multiplier", NULL, INT, raft_multiplier, "5", RANGE(1, 10), NO,
       "Factor of the election timeouts; 1 is the fastest")
    ON("performance.leave_drain_time", NULL, DURATION, leave_drain_time, "200ms", ANY, NO,
       "How long a server that leaves goes on answering what others still send to it")
    ON("performance.rpc_hold_timeout", NULL, DURATION, rpc_hold_timeout, "2s", ANY, YES,
       "How long a request waits for a leader, or for a server that answers")
    ON("raft_snapshot_threshold", NULL, INT, raft_snapshot_threshold,
       "16384", RANGE(0, INT64_MAX), NO,
       "Log entries between two snapshots")
    ON("raft_trailing_logs", NULL, INT, raft_trailing_logs, "10240", RANGE(0, INT64_MAX), NO,
       "Log entries kept behind a snapshot")
    ON("raft_snapshot_interval", NULL, DURATION, raft_snapshot_interval, "30s", ANY, NO,
       "Least time between two snapshots, unless the log has grown by 64 MiB")
    OFF("raft_protocol", "raft-protocol", INT, IGNORED, NULL, "No effect")
    OFF("protocol", "protocol", INT, IGNORED, NULL, "No effect")
    ON("limits.kv_max_value_size", NULL, INT, kv_max_value_size, "524288", RANGE(0, 32 << 20), YES,
       "Largest value of a key, in bytes")
    ON("limits.txn_max_req_len", NULL, INT, txn_max_req_len, "524288", RANGE(0, 48 << 20), YES,
       "Largest body of a transaction, in bytes")
    ON("limits.parked_reads_max", NULL, INT, parked_reads_max, "16384", RANGE(1, 1 << 20), YES,
       "Blocking reads that may wait at once on one worker; more are answered 429")
    OFF("limits.http_max_conns_per_client", NULL, INT, IGNORED, NULL, "No effect")
    OFF("limits.https_handshake_timeout", NULL, TEXT, IGNORED, NULL, "No effect")
    OFF("limits.rpc_handshake_timeout", NULL, TEXT, IGNORED, NULL, "No effect")
    OFF("limits.rpc_max_conns_per_client", NULL, INT, IGNORED, NULL, "No effect")
    OFF("limits.rpc_rate", NULL, INT, IGNORED, NULL, "No effect")
    OFF("limits.rpc_max_burst", NULL, INT, IGNORED, NULL, "No effect")
    ON("max_query_time", "max-query-time", DURATION, max_query_time, "10m", ANY, YES,
       "Longest wait of a blocking read")
    ON("default_query_time", "default-query-time", DURATION, default_query_time, "5m", ANY, YES,
       "Wait of a blocking read that does not say how long")
    ON("telemetry.prometheus_retention_time", NULL, DURATION, prometheus_retention, "0s", ANY, YES,
       "Above 0: /v1/agent/metrics tells Prometheus' format too")
    ON("session_ttl_min", NULL, DURATION, session_ttl_min, "10s", ANY, NO,
       "Shortest TTL of a session")
    /* HTTP */
    ON("http_config.response_headers", NULL, PAIRS, response_headers, NULL, ANY, YES,
       "Headers added to every answer")
    ON("http_config.block_endpoints", NULL, LIST, block_endpoints, NULL, ANY, NO,
       "Path prefixes that are answered 403")
    ON("http_config.allow_write_http_from",
       "allow-write-http-from", LIST, allow_write_http_from, NULL, ANY, NO,
       "Networks (CIDR) from which the agent's own endpoints may be written; empty: all")
    ON("http_config.use_cache", NULL, BOOL, http_use_cache, "true", ANY, YES,
       "Say X-Cache and Age of reads with ?cached (which are fresh all the same)")
    OFF("http_config.max_header_bytes", NULL, INT, IGNORED, NULL, "No effect")
    ON("disable_http_unprintable_char_filter", NULL, BOOL, disable_http_unprintable_char_filter,
       NULL, ANY, NO,
       "Accept unprintable characters in paths")
    ON("ui_config.enabled", "ui", BOOL, ui, NULL, ANY, NO, "Serve the pages for browsers")
    ON("ui_config.content_path", "ui-content-path", TEXT, ui_content_path, "/ui/", ANY, NO,
       "Path of the pages")
    OFF("ui_config.dir", "ui-dir", TEXT, REFUSED, NULL, "Directory of own pages")
    ON("ui", NULL, BOOL, ui_older, NULL, ANY, NO, "Older name of ui_config.enabled")
    /* DNS */
    ON("domain", "domain", TEXT, domain, "consul.", ANY, NO, "Domain that DNS answers for")
    ON("alt_domain", "alt-domain", TEXT, alt_domain, NULL, ANY, NO, "A second domain")
    ON("recursors", "recursor", LIST, recursors, NULL, ANY, YES,
       "Servers (ip or ip:port) that are asked for all other domains")
    ON("dns_config.node_ttl", NULL, DURATION, dns_node_ttl, "0s", ANY, YES, "TTL of node records")
    ON("dns_config.service_ttl", NULL, PAIRS, dns_service_ttl, NULL, ANY, YES,
       "TTL of service records: by name, by prefix*, or * for all")
    ON("dns_config.only_passing", NULL, BOOL, dns_only_passing, NULL, ANY, YES,
       "Leave out instances with a warning, too")
    ON("dns_config.enable_truncate", NULL, BOOL, dns_enable_truncate, "true", ANY, YES,
       "Set TC when a UDP answer was cut")
    ON("dns_config.disable_compression", NULL, BOOL, dns_disable_compression, NULL, ANY, YES,
       "Do not compress names in answers")
    ON("dns_config.allow_stale", NULL, BOOL, dns_allow_stale, "true", ANY, YES,
       "Any server may answer")
    ON("dns_config.max_stale", NULL, DURATION, dns_max_stale, "87600h", ANY, YES,
       "How stale at most")
    ON("dns_config.enable_additional_node_meta_txt", NULL, BOOL, dns_node_meta_txt,
       "true", ANY, YES,
       "Add TXT records of the nodes' meta")
    ON("dns_config.udp_answer_limit", NULL, INT, dns_udp_answer_limit, "3", RANGE(0, 65535), YES,
       "Records of a UDP answer without EDNS")
    ON("dns_config.a_record_limit", NULL, INT, dns_a_record_limit, "0", RANGE(0, 65535), YES,
       "A and AAAA records of an answer; 0: all")
    ON("dns_config.recursor_strategy", NULL, TEXT, dns_recursor_strategy, "sequential", ANY, YES,
       "Which recursor is asked first: \"sequential\", the first that is given; \"random\", each")
    ON("dns_config.recursor_timeout", NULL, DURATION, dns_recursor_timeout, "2s", ANY, YES,
       "Wait for a recursor's answer")
    ON("dns_config.soa.refresh", NULL, INT, dns_soa_refresh, "3600", RANGE(0, SECONDS_MAX), YES,
       "SOA field, seconds")
    ON("dns_config.soa.retry", NULL, INT, dns_soa_retry, "600", RANGE(0, SECONDS_MAX), YES,
       "SOA field, seconds")
    ON("dns_config.soa.expire", NULL, INT, dns_soa_expire, "86400", RANGE(0, SECONDS_MAX), YES,
       "SOA field, seconds")
    ON("dns_config.soa.min_ttl", NULL, INT, dns_soa_min_ttl, "0", RANGE(0, SECONDS_MAX), YES,
       "SOA field, seconds")
    ON("dns_config.use_cache", NULL, BOOL, dns_use_cache, NULL, ANY, YES,
       "Keep answers of other agents: for cache_max_age, and for when no server answers")
    ON("dns_config.cache_max_age", NULL, DURATION, dns_cache_max_age, "0s", ANY, YES,
       "A kept answer that is older is asked for anew")
    /* the mount */
    ON("mount.path", "mount", TEXT, mount, NULL, ANY, NO,
       "Directory to mount keys, services and nodes at")
    ON("mount.required", "mount-required", BOOL, mount_required, "true", ANY, NO,
       "Without the mount the agent does not start; false: it goes on without")
    ON("mount.allow_other", NULL, BOOL, mount_allow_other, "true", ANY, NO,
       "Other users may use the mount")
    ON("mount.uid", NULL, INT, mount_uid, "-1", RANGE(-1, UINT32_MAX), NO,
       "Owner of the files; -1: the agent's")
    ON("mount.gid", NULL, INT, mount_gid, "-1", RANGE(-1, UINT32_MAX), NO,
       "Group of the files; -1: the agent's")
    ON("mount.file_mode", NULL, MODE, mount_file_mode, "0644", ANY, NO, "Mode of the files, octal")
    ON("mount.dir_mode", NULL, MODE, mount_dir_mode, "0755", ANY, NO,
       "Mode of the directories, octal")
    ON("mount.umask", NULL, MODE, mount_umask, "0", ANY, NO,
       "What is taken off both modes, octal")
    ON("mount.users", NULL, TEXT, mount_users, NULL, ANY, NO,
       "File that says which user's requests have which token (its name is not read again, its content is)")
    ON("mount.token", NULL, TEXT, mount_token, NULL, ANY, NO,
       "Token with which the mount reads and writes; without one that of acl.tokens.default")
    ON("mount.history", NULL, INT, mount_history, "16777216", RANGE(0, INT64_MAX), NO,
       "Bytes of replaced values that are kept for the mount's .snapshot; 0: none")
    ON("mount.inotify", NULL, BOOL, mount_inotify, NULL, ANY, NO,
       "Start a process that makes inotify on the mount see changes made elsewhere")
    /* joining */
    ON("start_join", "join", LIST, start_join, NULL, ANY, NO,
       "A node (address or name, with or without :port) to join at start; may be given several times")
    ON("retry_join", "retry-join", LIST, retry_join, NULL, ANY, NO,
       "A node to join, tried again until one answers; may be given several times")
    ON("retry_interval", "retry-interval", DURATION, retry_interval, "30s", ANY, NO,
       "Pause between two tries of retry_join")
    ON("retry_max", "retry-max", INT, retry_max, "0", RANGE(0, INT32_MAX), NO,
       "Tries of retry_join before the agent gives up and exits; 0: no end")
    ON("start_join_wan", "join-wan", LIST, start_join_wan, NULL, ANY, NO,
       "A server of another datacenter to join at start")
    ON("retry_join_wan", "retry-join-wan", LIST, retry_join_wan, NULL, ANY, NO,
       "A server of another datacenter to join, tried again until one answers")
    ON("retry_interval_wan", "retry-interval-wan", DURATION, retry_interval_wan, "30s", ANY, NO,
       "Pause between two tries of retry_join_wan")
    ON("retry_max_wan", "retry-max-wan", INT, retry_max_wan, "0", RANGE(0, INT32_MAX), NO,
       "Tries of retry_join_wan before the agent gives up and exits; 0: no end")
    ON("rejoin_after_leave", "rejoin", BOOL, rejoin_after_leave, NULL, ANY, NO,
       "Join the members of before also after a leave")
    ON("encrypt", "encrypt", TEXT, encrypt, NULL, ANY, NO,
       "Key of the gossip, base64 of 16, 24 or 32 bytes (disco keygen)")
    ON("encrypt_verify_incoming", NULL, BOOL, encrypt_verify_incoming, "true", ANY, NO,
       "Drop gossip that is not encrypted")
    ON("encrypt_verify_outgoing", NULL, BOOL, encrypt_verify_outgoing, "true", ANY, NO,
       "Encrypt the gossip that is sent")
    ON("disable_keyring_file", "disable-keyring-file", BOOL, disable_keyring_file, NULL, ANY, NO,
       "Do not keep the keys of the gossip in the data directory")
    OFF("serf_lan_allowed_cidrs", "serf-lan-allowed-cidrs", LIST, REFUSED, NULL,
       "Networks of LAN members")
    OFF("serf_wan_allowed_cidrs", "serf-wan-allowed-cidrs", LIST, REFUSED, NULL,
       "Networks of WAN members")
    ON("leave_on_terminate", NULL, BOOL, leave_on_terminate, NULL, ANY, YES,
       "Leave the cluster on SIGTERM; default: true for clients")
    ON("skip_leave_on_interrupt", NULL, BOOL, skip_leave_on_interrupt, NULL, ANY, YES,
       "Do not leave the cluster on SIGINT; default: true for servers")
    ON("non_voting_server", "non-voting-server", BOOL, non_voting_server, NULL, ANY, NO,
       "Older name of read_replica")
    ON("read_replica", "read-replica", BOOL, read_replica, NULL, ANY, NO,
       "A server without a vote: it answers reads and is no part of the quorum")
    OFF("segment", "segment", TEXT, REFUSED, NULL, "Network segment")
    OFF("segments", NULL, ANY, REFUSED, NULL, "Network segments")
    OFF("primary_datacenter", NULL, TEXT, NOTED, NULL, "Datacenter that leads the others")
    OFF("primary_gateways", "primary-gateway", LIST, REFUSED, NULL, "Gateways to other datacenters")
    ON("reconnect_timeout", NULL, DURATION, reconnect_timeout, "72h", ANY, NO,
       "How long a failed node is remembered, and tried")
    ON("reconnect_timeout_wan", NULL, DURATION, reconnect_timeout_wan, "72h", ANY, NO,
       "The same for servers of other datacenters")
    ON("gossip_lan.probe_interval", NULL, DURATION, gossip_lan.probe_interval, "1s", ANY, NO,
       "Pause between two probes")
    ON("gossip_lan.probe_timeout", NULL, DURATION, gossip_lan.probe_timeout, "500ms", ANY, NO,
       "How long an acknowledgement may take")
    ON("gossip_lan.gossip_interval", NULL, DURATION, gossip_lan.gossip_interval, "200ms", ANY, NO,
       "Pause between two rounds of gossip")
    ON("gossip_lan.gossip_nodes", NULL, INT, gossip_lan.gossip_nodes, "3", RANGE(1, 100), NO,
       "Members told in each round")
    ON("gossip_lan.suspicion_mult", NULL, INT, gossip_lan.suspicion_mult, "4", RANGE(1, 100), NO,
       "Factor of the time for which a silent member is only suspected")
    ON("gossip_lan.retransmit_mult", NULL, INT, gossip_lan.retransmit_mult, "4", RANGE(1, 100), NO,
       "Factor of how often a piece of news is told")
    ON("gossip_wan.probe_interval", NULL, DURATION, gossip_wan.probe_interval, "5s", ANY, NO,
       "Pause between two probes")
    ON("gossip_wan.probe_timeout", NULL, DURATION, gossip_wan.probe_timeout, "3s", ANY, NO,
       "How long an acknowledgement may take")
    ON("gossip_wan.gossip_interval", NULL, DURATION, gossip_wan.gossip_interval, "500ms", ANY, NO,
       "Pause between two rounds of gossip")
    ON("gossip_wan.gossip_nodes", NULL, INT, gossip_wan.gossip_nodes, "3", RANGE(1, 100), NO,
       "Members told in each round")
    ON("gossip_wan.suspicion_mult", NULL, INT, gossip_wan.suspicion_mult, "6", RANGE(1, 100), NO,
       "Factor of the time for which a silent member is only suspected")
    ON("gossip_wan.retransmit_mult", NULL, INT, gossip_wan.retransmit_mult, "4", RANGE(1, 100), NO,
       "Factor of how often a piece of news is told")
    ON("autopilot.cleanup_dead_servers", NULL, BOOL, autopilot.cleanup_dead_servers, "true", ANY,
       NO, "The leader takes failed servers out of the voters, if a quorum is left")
    ON("autopilot.last_contact_threshold", NULL, DURATION, autopilot.last_contact_threshold,
       "200ms", ANY, NO, "A server that heard nothing of the leader for so long is not healthy")
    ON("autopilot.max_trailing_logs", NULL, INT, autopilot.max_trailing_logs, "250",
       RANGE(0, INT64_MAX), NO, "A server that is so many entries behind is not healthy")
    ON("autopilot.min_quorum", NULL, INT, autopilot.min_quorum, "0", RANGE(0, 1000), NO,
       "Servers that must be left when dead ones are removed")
    ON("autopilot.server_stabilization_time", NULL, DURATION,
       autopilot.server_stabilization_time, "10s", ANY, NO,
       "How long a new server must be healthy before it gets a vote")
    OFF("autopilot.redundancy_zone_tag", NULL, TEXT, IGNORED, NULL,
       "No effect without other servers")
    OFF("autopilot.disable_upgrade_migration", NULL, BOOL, IGNORED, NULL,
       "No effect without other servers")
    OFF("autopilot.upgrade_version_tag", NULL, TEXT, IGNORED, NULL,
       "No effect without other servers")
    /* what this version refuses rather than pretends */
    ON("acl.enabled", NULL, BOOL, acl_enabled, NULL, ANY, NO,
       "Ask of every request whether its token may do that")
    ON("acl.default_policy", NULL, TEXT, acl_default_policy, "allow", ANY, NO,
       "What tokens may do where no rule speaks: allow or deny")
    ON("acl.down_policy", NULL, TEXT, acl_down_policy, "extend-cache", ANY, NO,
       "What tokens may do on an agent without -server when no server answers: what was known of "
       "them (extend-cache; async-cache does not wait to find out), or allow, or deny")
    ON("acl.tokens.master", NULL, TEXT, acl_token_master, NULL, ANY, NO,
       "A UUID that the leader makes a management token of")
    ON("acl.tokens.agent", NULL, TEXT, acl_token_agent, NULL, ANY, NO,
       "Token of the agent's own work")
    ON("acl.tokens.agent_master", NULL, TEXT, acl_token_agent_master, NULL, ANY, NO,
       "Token that may use this agent's endpoints, whatever the servers say")
    ON("acl.tokens.default", NULL, TEXT, acl_token_default, NULL, ANY, NO,
       "Token of requests that bring none")
    ON("acl.tokens.replication", NULL, TEXT, acl_token_replication, NULL, ANY, NO,
       "Token for copies from the primary datacenter")
    ON("acl.policy_ttl", NULL, DURATION, acl_policy_ttl, "30s", ANY, NO,
       "How long an agent without -server believes what a server said of a token's policies")
    ON("acl.role_ttl", NULL, DURATION, acl_role_ttl, "30s", ANY, NO,
       "How long an agent without -server believes what a server said of a token's roles")
    ON("acl.token_ttl", NULL, DURATION, acl_token_ttl, "30s", ANY, NO,
       "How long an agent without -server believes what a server said of a token")
    ON("acl.enable_key_list_policy", NULL, BOOL, acl_enable_key_list_policy, NULL, ANY, YES,
       "A list of keys needs the right to list its prefix, also on the mount")
    ON("acl.enable_token_persistence", NULL, BOOL, acl_enable_token_persistence, NULL, ANY, NO,
       "Keep tokens given to the running agent, in acl-tokens.json; they win over acl.tokens")
    OFF("acl.enable_token_replication", NULL, BOOL, REFUSED, NULL,
        "Copy tokens from the primary datacenter")
    OFF("acl_datacenter", NULL, TEXT, REFUSED, NULL, "Access control lists, older name")
    OFF("acl_default_policy", NULL, TEXT, REFUSED, NULL, "Access control lists, older name")
    OFF("acl_master_token", NULL, TEXT, REFUSED, NULL, "Access control lists, older name")
    OFF("acl_token", NULL, TEXT, REFUSED, NULL, "Access control lists, older name")
    OFF("ca_file", NULL, TEXT, REFUSED, NULL, "TLS")
    OFF("ca_path", NULL, TEXT, REFUSED, NULL, "TLS")
    OFF("cert_file", NULL, TEXT, REFUSED, NULL, "TLS")
    OFF("key_file", NULL, TEXT, REFUSED, NULL, "TLS")
    OFF("verify_incoming", NULL, BOOL, REFUSED, NULL, "TLS")
    OFF("verify_incoming_rpc", NULL, BOOL, REFUSED, NULL, "TLS")
    OFF("verify_incoming_https", NULL, BOOL, REFUSED, NULL, "TLS")
    OFF("verify_outgoing", NULL, BOOL, REFUSED, NULL, "TLS")
    OFF("verify_server_hostname", NULL, BOOL, REFUSED, NULL, "TLS")
    OFF("tls_min_version", NULL, TEXT, IGNORED, NULL, "No effect without TLS")
    OFF("tls_cipher_suites", NULL, TEXT, IGNORED, NULL, "No effect without TLS")
    OFF("auto_encrypt", NULL, ANY, REFUSED, NULL, "TLS certificates from the servers")
    OFF("auto_config", NULL, ANY, REFUSED, NULL, "Configuration from the servers")
    OFF("connect.enabled", NULL, BOOL, REFUSED, NULL, "The service mesh")
    OFF("connect.ca_provider", NULL, TEXT, IGNORED, NULL, "No effect without connect.enabled")
    OFF("connect.ca_config", NULL, ANY, IGNORED, NULL, "No effect without connect.enabled")
    OFF("config_entries", NULL, ANY, REFUSED, NULL, "Central configuration of services")
    ON("service", NULL, JSON, service, NULL, ANY, YES, "A service of this node")
    ON("services", NULL, JSON, services, NULL, ANY, YES, "Services of this node")
    ON("check", NULL, JSON, check, NULL, ANY, YES, "A health check of this node")
    ON("checks", NULL, JSON, checks, NULL, ANY, YES, "Health checks of this node")
    ON("watches", NULL, JSON, watches, NULL, ANY, YES,
       "What to watch, and the programs or URLs to tell of changes")
    OFF("audit", NULL, ANY, REFUSED, NULL, "Audit log")
    OFF("unix_sockets.user", NULL, TEXT, REFUSED, NULL, "Owner of the HTTP socket")
    OFF("unix_sockets.group", NULL, TEXT, REFUSED, NULL, "Group of the HTTP socket")
    OFF("unix_sockets.mode", NULL, TEXT, REFUSED, NULL, "Mode of the HTTP socket")
    ON("enable_script_checks", "enable-script-checks", BOOL, enable_script_checks, NULL, ANY, NO,
       "Run checks that are programs, also those registered over the API")
    ON("enable_local_script_checks", "enable-local-script-checks", BOOL, enable_local_script_checks,
       NULL, ANY, NO,
       "Run checks that are programs, those of configuration files alone")
    ON("discard_check_output", NULL, BOOL, discard_check_output, NULL, ANY, YES,
       "Do not keep what checks print")
    ON("check_update_interval", NULL, DURATION, check_update_interval, "5m", ANY, YES,
       "How long a change of a check's output alone stays with the agent")
    ON("check_output_max_size", NULL, INT, check_output_max_size, "4096", RANGE(1, 1 << 20), NO,
       "Bytes of a check's output that are kept, the last ones")
    OFF("enable_agent_tls_for_checks", NULL, BOOL, IGNORED, NULL, "No effect without checks")
    OFF("enable_central_service_config", NULL, BOOL, IGNORED, NULL,
       "No effect without config_entries")
    ON("disable_coordinates", NULL, BOOL, disable_coordinates, NULL, ANY, NO,
       "Neither measure nor tell where nodes are in the network")
    ON("translate_wan_addrs", NULL, BOOL, translate_wan_addrs, NULL, ANY, YES,
       "Answer for other datacenters with the addresses tagged wan")
    OFF("cache", NULL, ANY, IGNORED, NULL, "No effect: every read is fresh")
    OFF("disable_anonymous_signature", NULL, BOOL, IGNORED, NULL, "No effect: disco calls nobody")
    OFF("disable_update_check", NULL, BOOL, IGNORED, NULL, "No effect: disco calls nobody")
    OFF("disable_host_node_id", "disable-host-node-id", BOOL, IGNORED, NULL,
       "No effect: node ids are random")
    OFF("disable_remote_exec", NULL, BOOL, IGNORED, NULL, "No effect: disco runs nothing from afar")
    OFF("enable_debug", NULL, BOOL, IGNORED, NULL, "No effect")
    OFF("telemetry.disable_hostname", NULL, BOOL, IGNORED, NULL, "No effect: names carry no host")
    OFF("telemetry.metrics_prefix", NULL, TEXT, NOTED, NULL, "Prefix of the metrics' names")
    OFF("telemetry.prefix_filter", NULL, LIST, IGNORED, NULL, "No effect")
    OFF("telemetry.filter_default", NULL, BOOL, IGNORED, NULL, "No effect")
    OFF("telemetry.statsd_address", NULL, TEXT, REFUSED, NULL, "Metrics to statsd")
    OFF("telemetry.statsite_address", NULL, TEXT, REFUSED, NULL, "Metrics to statsite")
    OFF("telemetry.dogstatsd_addr", NULL, TEXT, REFUSED, NULL, "Metrics to dogstatsd")
    OFF(NULL, "hcl", TEXT, REFUSED, NULL, "A piece of HCL; write JSON files instead")
    OFF(NULL, "check", BOOL, REFUSED, NULL, "No such check; use disco validate")
};
const size_t config_table_n = sizeof(config_table) / sizeof(config_table[0]);

/* consul: config.DevSource */
const struct config_table_preset config_table_dev[] = {
    {"bind_addr", "127.0.0.1"},
    {"log_level", "DEBUG"},
    {"server", "true"},
    {"ui_config.enabled", "true"},
    {"performance.raft_multiplier", "1"},
};
const size_t config_table_dev_n = sizeof(config_table_dev) / sizeof(config_table_dev[0]);
/* clang-format on */

int config_table_find_key(struct str path)
{
    for (size_t i = 0; i < config_table_n; i++) {
        if (config_table[i].key && str_eq_nocase(path, str_z(config_table[i].key)))
            return (int)i;
    }
    return -1;
}

int config_table_find_flag(struct str flag)
{
    for (size_t i = 0; i < config_table_n; i++) {
        if (config_table[i].flag && str_eq_z(flag, config_table[i].flag))
            return (int)i;
    }
    return -1;
}

bool config_table_is_group(struct str path)
{
    for (size_t i = 0; i < config_table_n; i++) {
        struct str key = str_z(config_table[i].key);
        if (key.n > path.n && key.p[path.n] == '.' && str_eq_nocase(str_take(key, path.n), path))
            return true;
    }
    return false;
}
