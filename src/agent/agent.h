/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a node does, on the core thread: opens the engines, serves the workers'
 * asks and writes, publishes change batches, performs the leader's duties.
 */
#ifndef DISCO_AGENT_AGENT_H
#define DISCO_AGENT_AGENT_H

#include "agent/env.h"
#include "base/jwrite.h"
#include "consensus/consensus.h"

struct agent;
struct coordinate;
struct event; /* agent/event.h */

/* A worker, as the core knows it: where to post change batches. */
struct agent_subscriber {
    struct list link;
    struct mailbox *box;
    /* Core thread: make a mail that carries a copy of the batch and post it. */
    void (*publish)(struct agent_subscriber *s, const struct change_batch *changes);
    /* Core thread: the agent's tokens are others now. May be NULL. */
    void (*retoken)(struct agent_subscriber *s, const struct tokens *tokens);
    /* Core thread: a user event arrived, borrowed. May be NULL. */
    void (*event)(struct agent_subscriber *s, const struct event *e);
};

/* A member of the cluster as gossip knows it. */
struct agent_member {
    const char *name, *address;
    uint16_t port;
    int status;                      /* serf: 1 alive, 2 leaving, 3 left, 4 failed */
    const struct config_pairs *tags; /* sorted by name */
    uint8_t vsn[6];                  /* protocol min, max, current; delegate likewise */
};

/* What the agent asks of the program around it, on the core thread. */
struct agent_hooks {
    void *data;
    void (*fatal)(void *data, const char *why);   /* the log cannot go on: exit 1 */
    int (*reload)(void *data, struct error *err); /* /v1/agent/reload */
    void (*stop)(void *data);                     /* /v1/agent/leave */
};

/* Takes the data directory's lock, loads or makes the node id, opens store, state and consensus.
 * config stays the caller's until agent_close has called back; so does box, the core's mailbox.
 * uv_loop as void *: no header names uv. */
int agent_open(const struct config *config, void *uv_loop, struct timers *timers,
               struct mailbox *box, const struct agent_hooks *hooks, struct agent **ret,
               struct error *err) MUST_USE;
/* Answers what is in flight, closes the log, frees the agent, calls cb. */
void agent_close(struct agent *a, void (*cb)(void *data), void *data);

void agent_subscribe(struct agent *a, struct agent_subscriber *s);
void agent_unsubscribe(struct agent *a, struct agent_subscriber *s);

struct store *agent_store(struct agent *a);
const struct published *agent_published(struct agent *a);
struct mailbox *agent_mailbox(struct agent *a);
struct consensus *agent_consensus(struct agent *a);
struct shown *agent_shown(struct agent *a);     /* shown.h */
struct replica *agent_replica(struct agent *a); /* replica.h; NULL: there is no need of one */
struct local *agent_local(struct agent *a);     /* services and checks of its own: agent/local.h */
const struct config *agent_config(struct agent *a);
const char *agent_node_id(struct agent *a);
struct metrics *agent_metrics(struct agent *a);
struct monitor *agent_monitor(struct agent *a); /* who watches the log; core thread */
void agent_reload(struct agent *a, const struct config *config); /* a new one is in force */
/* state/policy, for a token ("": the agent's default one): */
int agent_may_write(struct agent *a, struct str token, struct str command) MUST_USE;
bool agent_refuses_txn(struct agent *a, struct str token, struct str command, struct buf *ret_body);
void agent_filter_result(struct agent *a, struct str token, struct str command, struct buf *body);
/* Are there tokens to look up here? On a server, and on an agent that has a copy of the state; else
 * what a token permits must be asked first: agent/token_fetch.h. */
bool agent_has_rows(const struct agent *a);
struct token_fetch *agent_token_fetch(struct agent *a); /* NULL: no need of one */
/* A view with what the token permits; ended by agent_view_end before the turn ends. */
struct view agent_view_begin(struct agent *a, struct str token);
void agent_view_end(struct view *v);
/* /v1/agent/token/NAME: here and on all workers, and kept where acl.enable_token_persistence is.
 * See tokens_set; err->text where it could not be kept, and then nothing is changed. */
int agent_set_token(struct agent *a, struct str name, struct str token, struct error *err) MUST_USE;
/* Those that were kept; at the start. */
int agent_load_tokens(struct agent *a, struct error *err) MUST_USE;
const struct tokens *agent_tokens(const struct agent *a);
/* Does the command lock a key whose last holder was just lost? Then the answer is *ret_body, and
 * the command is not proposed. */
bool agent_delays_lock(struct agent *a, struct str command, struct buf *ret_body);
/* What the endpoints of the same name ask; the second answers before the agent stops. */
int agent_ask_reload(struct agent *a, struct error *err) MUST_USE;
void agent_ask_stop(struct agent *a);
/* The stop has begun: what waits for others ends, so that workers can end. */
void agent_stopping(struct agent *a);
/* Good-bye to the cluster (leave.h); cb comes once, later, or at once when it is under way. */
void agent_leave(struct agent *a, void (*cb)(void *data), void *data);
struct cluster *agent_cluster(struct agent *a); /* cluster.h */
/* The session's TTL starts anew. False: no such session, or it has no TTL. */
bool agent_renew_session(struct agent *a, struct str id);

/* For asks; core thread. */
void agent_each_member(struct agent *a, void (*each)(void *data, const struct agent_member *m),
                       void *data);
/* The same for the WAN: "node1.dc1". */
void agent_each_wan_member(struct agent *a, void (*each)(void *data, const struct agent_member *m),
                           void *data);
/* The known datacenters, the nearest first; with none known (yet), nothing. */
void agent_each_datacenter(struct agent *a, void (*each)(void *data, const char *name), void *data);
/* One object as in /v1/agent/members. */
void agent_render_member(const struct agent_member *m, struct jwrite *w);
/* Autopilot's view of the servers; false: this server does not lead. */
bool agent_render_autopilot(struct agent *a, bool is_state, struct jwrite *w);
/* /v1/agent/self's objects. */
void agent_render_self(struct agent *a, struct jwrite *w);
/* {"Vec":...}; and the coordinates of a datacenter's servers, by the WAN pool. */
void agent_render_coordinate(const struct coordinate *c, struct jwrite *w);
void agent_each_wan_coordinate(struct agent *a, const char *dc,
                               void (*each)(void *data, const struct coordinate *c), void *data);
/* Counters, gauges and samples: SIGUSR1 and /v1/agent/metrics. */
void agent_render_metrics(struct agent *a, struct jwrite *w);
void agent_render_prometheus(struct agent *a, struct buf *out);
void agent_dump_metrics(struct agent *a, int fd);

#endif
