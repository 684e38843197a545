/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an agent is made of: for agent.c, which changes it, and agent_render.c,
 * which shows it.
 */
#ifndef DISCO_AGENT_AGENT_STATE_H
#define DISCO_AGENT_AGENT_STATE_H

#include "agent/agent.h"
#include "agent/agent_event.h"
#include "agent/autopilot_run.h"
#include "agent/cluster.h"
#include "agent/datadir.h"
#include "agent/leader.h"
#include "agent/lock_delay.h"
#include "agent/metrics.h"
#include "agent/monitor.h"
#include "agent/recall.h"
#include "agent/servers.h"
#include "agent/ship.h"
#include "agent/shown.h"
#include "rpc/rpc_listen.h"

struct replica;
struct replica_source;
struct token_fetch;

struct agent {
    const struct config *config;
    struct agent_hooks hooks;
    struct timers *timers;
    struct mailbox *box;
    struct instant started;
    struct datadir dir;
    char node_id[37];
    struct rng rng;
    struct published published;
    struct metrics metrics;
    struct recall recall;
    struct store *store;
    struct store_reader *reader;
    struct state *state;
    struct consensus *consensus;
    struct leader *leader;
    struct policy *policy; /* for what is asked on the core */
    struct tokens tokens;
    struct lock_delay *lock_delays;
    struct shown shown;
    struct monitor *monitor;
    struct local *local;
    struct runner *runner;
    struct disk *disk;
    struct watchers *watchers;
    bool is_leader, closing;
    bool leaving; /* others are to ask other servers */
    struct list subscribers;
    struct cluster *cluster;
    struct autopilot_run *autopilot; /* servers */
    /* requests from and to other agents */
    struct servers servers;
    struct rpc_client *rpc_client;
    struct rpc_server *rpc_server;
    struct net *net; /* the server port, and all connections between agents */
    struct net_protocol rpc_protocol;
    struct shipper *shipper;
    struct list serve_workers;       /* private to serve.c */
    struct token_fetch *token_fetch; /* of an agent without a log, where ACLs are enabled */
    struct replica *replica;         /* of an agent without a log that has a mount */
    struct replica_source *source;   /* servers */
    void (*closed_rpc)(void *data);
    void *closed_rpc_data;
    int open_n; /* parts of agent_rpc.c that are open or closing */
    void (*closed)(void *data);
    void *closed_data;
};

/* agent_rpc.c: the wire to other agents. */
void agent_rpc_open(struct agent *a);
void agent_rpc_close(struct agent *a, void (*cb)(void *data), void *data);
/* For followers, after each applied group. */
void agent_rpc_publish(struct agent *a, const struct change_batch *changes);

/* agent.c */
void agent_publish(struct agent *a, const struct change_batch *changes);

/* ---- agent_local.c ---- */
/* Before the log is opened. */
int agent_local_open(struct agent *a, void *uv_loop, struct error *err) MUST_USE;
/* SHIP_INVENTORY's answer. */
int agent_local_inventory(struct agent *a, struct str request, struct buf *out) MUST_USE;
/* What is defined and what was kept; after. */
void agent_local_load(struct agent *a);
/* Nothing is under way any more but commands; cb maybe from inside. */
void agent_local_close(struct agent *a, void (*cb)(void *data), void *data);

#endif
