/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections between servers: every server calls each of the others; what is
 * for a server goes over the call to it, or over its own call to us while ours
 * does not stand.
 */
#ifndef DISCO_CONSENSUS_CONSENSUS_LINK_H
#define DISCO_CONSENSUS_CONSENSUS_LINK_H

#include "base/list.h"
#include "base/timers.h"
#include "consensus/consensus_wire.h"
#include "net/net.h"

struct consensus;

/* One connection, from either side. */
struct consensus_conn {
    struct consensus *c;
    struct net_conn *net;
    struct consensus_link *link; /* of those we made; NULL: theirs, or not wanted any more */
    uint64_t serial;
    struct instant since;
    uint64_t peer; /* raft id, once it has said its name */
    char name[RAFT_SERVER_NAME_MAX];
    bool ready;          /* hello and welcome have passed */
    struct list list;    /* consensus.conns */
    struct list remotes; /* consensus_serve.c: what it asked and we have not answered */
};

/* One other server that we call. */
struct consensus_link {
    struct consensus *c;
    uint64_t id;
    char name[RAFT_SERVER_NAME_MAX];
    char address[ADDR_TEXT_MAX];
    struct consensus_conn *out; /* NULL: none */
    struct timer retry;
    struct duration backoff;
    bool told;              /* that it cannot be reached */
    bool heard_ever, asked; /* asked: something was sent and nothing came back since */
    struct instant heard, asked_at;
    struct list list; /* consensus.links */
};

/* Where gossip sees a server. */
struct consensus_place {
    char name[RAFT_SERVER_NAME_MAX];
    char address[ADDR_TEXT_MAX];
    struct list list;
};

void consensus_link_open(struct consensus *c);
/* After each turn: links follow the configuration. */
void consensus_link_sync(struct consensus *c);
void consensus_link_send(struct consensus *c, const struct raft_message *m);
void consensus_link_close(struct consensus *c);
/* A ready connection with that server, or NULL. */
struct consensus_conn *consensus_link_find(struct consensus *c, uint64_t peer);
/* When it was last heard; NULL: not a server that is called. */
const struct consensus_link *consensus_link_of(const struct consensus *c, uint64_t id);
void consensus_link_set_cluster(struct consensus *c, const uint8_t id[16]);

#endif
