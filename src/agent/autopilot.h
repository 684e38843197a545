/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which servers the Raft configuration should have, decided by the leader from
 * what gossip, Raft and the clock say (consul: agent/consul/autopilot). Pure:
 * autopilot_look is told how things are, then autopilot_next gives one change,
 * to be made before the next one is asked for.
 *
 *   a live server that is not in the configuration    -> it learns, without a vote
 *   a learner that was healthy for so long            -> it gets a vote
 *   a server that left, or whose name another bears   -> it goes
 *   a server that failed, or that nobody knows        -> it goes, if few enough are concerned
 *   a server with a new address                       -> its address is changed
 */
#ifndef DISCO_AGENT_AUTOPILOT_H
#define DISCO_AGENT_AUTOPILOT_H

#include "agent/config.h"
#include "agent/member.h"

#define AUTOPILOT_SERVERS_MAX 64

struct autopilot_conf {
    struct config_autopilot base;
};

/* One server of the Raft configuration, as the leader sees it. */
struct autopilot_peer {
    char id[37], address[ADDR_TEXT_MAX];
    bool voter, leader;
    uint64_t last_index;          /* replicated there; of the leader its own */
    struct duration last_contact; /* since it last answered */
};

struct autopilot_health {
    char id[37], name[256], address[ADDR_TEXT_MAX], version[MEMBER_VERSION_MAX];
    enum member_status serf;
    bool voter, leader, healthy;
    uint64_t last_index;
    struct duration last_contact;
    struct instant since;   /* healthy or not since then */
    struct instant unknown; /* no member bears its id since then; NEVER: one does */
};

enum autopilot_kind {
    AUTOPILOT_ADD_LEARNER,
    AUTOPILOT_PROMOTE,
    AUTOPILOT_READDRESS,
    AUTOPILOT_REMOVE
};
struct autopilot_change {
    enum autopilot_kind kind;
    char id[37], address[ADDR_TEXT_MAX], name[256];
    bool voter;      /* READDRESS: it has a vote */
    const char *why; /* of a removal, for the log */
    /* The server failed and is forgotten by gossip too (consul: RemoveFailedNode). */
    bool force_leave;
};

struct autopilot {
    struct autopilot_health servers[AUTOPILOT_SERVERS_MAX]; /* those of the configuration */
    size_t n;
};

void autopilot_init(struct autopilot *a);
/* The name under which the catalog knows a node id; "" when it does not. */
typedef struct str (*autopilot_name_fn)(void *data, struct str id);
/* Takes in how things stand. members: of this datacenter; others are passed over. */
void autopilot_look(struct autopilot *a, const struct autopilot_conf *conf, struct instant now,
                    struct str datacenter, const struct autopilot_peer *peers, size_t peer_n,
                    const struct member *members, size_t member_n);
/* After autopilot_look with the same arguments. */
bool autopilot_next(struct autopilot *a, const struct autopilot_conf *conf, struct instant now,
                    struct str datacenter, const struct member *members, size_t member_n,
                    autopilot_name_fn name_of, void *data, struct autopilot_change *ret);
/* When to look again although nothing happened; NEVER: not needed. */
struct instant autopilot_deadline(const struct autopilot *a, const struct autopilot_conf *conf,
                                  struct instant now);
/* How many of the voters may fail without loss of the quorum. */
int autopilot_tolerance(const struct autopilot *a, bool *ret_healthy);

#endif
