/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fourth verb of a door: have it done elsewhere. A request is bytes; a server runs the same
 * function that would have run here and its reply is bytes again (agent/serve.h is the other end).
 *
 * A client agent ships everything that needs the state; a server ships what only the leader, or
 * another datacenter, can answer.
 *
 *     worker: ship_submit ── mail ──> core: a server is chosen, rpc_client_call ── answer ──> done
 *
 * A request that may be repeated is tried again on another server while its time lasts; any other
 * is sent once, and tried again only as long as it was certainly not sent.
 */
#ifndef DISCO_AGENT_SHIP_H
#define DISCO_AGENT_SHIP_H

#include "agent/env.h"
#include "rpc/rpc_client.h"

/* Kinds of requests: on the wire, for ever. */
enum ship_kind {
    SHIP_API = 1,       /* api/api_ship.c */
    SHIP_WRITE = 2,     /* agent/ship_write.c: a command of the log */
    SHIP_DNS = 3,       /* dns/dns_ship.c */
    SHIP_ROWS = 4,      /* agent/serve_rows.c: a page of a table */
    SHIP_FOLLOW = 5,    /* what the server applies, from now on; answered at once (replica.h) */
    SHIP_PEERS = 6,     /* has the server a log of its own? asked before a bootstrap */
    SHIP_INVENTORY = 7, /* agent/agent_local.c: all that the catalog has of one node */
    SHIP_BARRIER = 8,   /* agent/barrier.c: how far the leader is, when this server is, too */
    SHIP_FACT = 9,      /* agent/fact.c: the name of one; its text */
    SHIP_TOKEN = 10,    /* agent/serve_token.c: what was given to the token with this secret */
    SHIP_KINDS
};
enum ship_target { SHIP_TO_ANY, SHIP_TO_LEADER, SHIP_TO_ADDRESS };

#define SHIP_BODY_SIZE_MAX ((size_t)66 << 20)
#define SHIP_TRIED_MAX     8

struct ship {
    /* inputs */
    enum ship_kind kind;
    enum ship_target target;
    struct addr address;   /* SHIP_TO_ADDRESS */
    struct str datacenter; /* empty: our own; the caller's until done */
    bool may_repeat;
    struct duration wait;     /* how much longer than others the answer may take (blocking reads) */
    struct duration limit;    /* 0: the usual. Else: in all, each server of it is tried only once */
    struct duration patience; /* 0: the usual. Else: in all */
    struct buf body;          /* owned by the ship from submit on */
    void (*done)(struct ship *s); /* where it was submitted, once, never inside submit */
    /* outputs */
    int status;        /* 0: answered; ERR_NO_LEADER: no server answers; ERR_NOT_FOUND: no server of
                        * that datacenter is known; ERR_CANCELED; else what the server said */
    struct buf answer; /* freed by ship_fini */
    bool no_server;    /* none was known at all */
    /* private */
    struct env *env; /* NULL: submitted on the core */
    struct agent *agent;
    struct mail mail, cancel_mail;
    struct list link; /* of the worker, or of the core's waiting ones */
    struct timer timer;
    struct rpc_call call;
    struct instant deadline, give_up; /* of all tries; of the search for a server */
    struct addr tried[SHIP_TRIED_MAX];
    size_t tried_n;
    bool cancel_posted, canceled, answered, in_call, active;
};

void ship_submit(struct env *env, struct ship *s);
/* On the core thread; done comes there. */
void ship_submit_core(struct agent *a, struct ship *s);
/* done comes, later, with ERR_CANCELED if not with the answer. Harmless after the end. */
void ship_cancel(struct ship *s);
void ship_fini(struct ship *s);
/* For the worker, at shutdown. */
void ship_cancel_all(struct env *env);

/* ---- the core's part ---- */
struct shipper;
/* leader: "ip:port" of the leader, "" when none is known (NULL: this agent has no log). */
struct shipper *ship_core_new(struct agent *a, struct timers *timers, struct rpc_client *client,
                              const char *(*leader)(const struct agent *a));
void ship_core_stop(struct shipper *s); /* those submitted on the core end */
void ship_core_free(struct shipper *s); /* after the client is closed */

#endif
