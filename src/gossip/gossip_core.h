/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside of a pool: what the files of gossip.h share. Nobody else includes this.
 * (tidy: long because it is one struct; the functions stand in gossip_parts.h)
 */
#ifndef DISCO_GOSSIP_GOSSIP_CORE_H
#define DISCO_GOSSIP_GOSSIP_CORE_H

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "gossip/gossip_member.h"
#include "gossip/gossip_queue.h"

#define GOSSIP_RELAYS_MAX           256  /* indirect probes of others that we have under way */
#define GOSSIP_DIALS_MAX            64   /* streams we have open */
#define GOSSIP_JOIN_AT_ONCE         4    /* streams of one join */
#define GOSSIP_INTENTS_MAX          4096 /* about names we do not know; and of a queue, at least */
#define GOSSIP_RIVALS_MAX           16
#define GOSSIP_RING                 512  /* event and query times that are told apart */
#define GOSSIP_RING_WIDTH           16   /* at one time */
#define GOSSIP_EVENT_HARD_MAX       9216 /* what serf can be set to elsewhere */
#define GOSSIP_LTIME_JUMP_MAX       (UINT64_C(1) << 32) /* a clock that is further ahead is a lie */
#define GOSSIP_INCARNATION_MAX      (UINT32_MAX / 2)    /* of one we did not know */
#define GOSSIP_INCARNATION_LEAP_MAX (1U << 20)          /* of one we did */

enum gossip_probe_phase { GOSSIP_PROBE_IDLE, GOSSIP_PROBE_DIRECT, GOSSIP_PROBE_INDIRECT };
struct gossip_probe {
    enum gossip_probe_phase phase;
    struct gossip_member *member; /* NULL: erased meanwhile */
    uint32_t seq, next;           /* next: where in the order we are */
    struct instant tick, sent, until;
    uint32_t nacks, nacks_wanted, pings, late;
    uint64_t dial;
    bool stream_works;
};
struct gossip_relay { /* a ping for somebody else */
    uint32_t seq, their_seq;
    struct addr to, target;
    bool nack;
    struct instant deadline, again; /* again: the ping's second sending; 0: none */
    char node[64];
};

enum gossip_dial_kind { GOSSIP_DIAL_PING, GOSSIP_DIAL_SYNC, GOSSIP_DIAL_JOIN };
struct gossip_join {
    struct list link;
    struct addr *addrs, failed;
    size_t n, next, flying, joined;
    int status;
    bool one_is_enough;
    gossip_join_fn done;
    void *data;
};
struct gossip_dial {
    struct list link;
    uint64_t id;
    enum gossip_dial_kind kind;
    struct addr addr;
    struct gossip_join *join; /* of its kind; NULL: reconnecting */
};

struct gossip_intent { /* about a name that is not known (yet) */
    uint64_t ltime;
    int64_t at;
    bool is_leave;
};

struct gossip_ring_item {
    struct gossip_ring_item *next;
    uint64_t id; /* queries */
    uint16_t name_n, payload_n;
    char bytes[];
};
struct gossip_ring_slot {
    uint64_t ltime;
    struct gossip_ring_item *items;
    uint32_t n;
};
struct gossip_ring {
    struct gossip_ring_slot *slots; /* GOSSIP_RING, made at the first use */
    uint64_t clock, min;
};

struct gossip_rival { /* claims a member's name */
    struct gossip_member *member;
    struct addr addr;
    int64_t since;
};

enum gossip_leave_phase {
    GOSSIP_STAY,
    GOSSIP_LEAVE_INTENT,
    GOSSIP_LEAVE_DEAD,
    GOSSIP_LEAVE_LINGER
};

struct gossip {
    struct gossip_options o; /* its texts and tags live in `self` */
    struct gossip_table table;
    struct gossip_member *self;
    struct gossip_stats stats; /* the counters of it */
    bool is_started;
    uint32_t health, seq;
    uint64_t dial_id;

    struct gossip_queue membership, intents, queries, events;
    struct timer probe_timer, spread_timer, sync_timer, relay_timer, reap_timer, reconnect_timer;
    struct timer leave_timer, query_timer, snapshot_timer, news_timer, early_timer, again_timer,
        rival_timer;
    struct gossip_probe probe;
    struct gossip_relay *relays;
    uint32_t relay_n, relay_cap;
    struct gossip_rival rivals[GOSSIP_RIVALS_MAX];
    uint32_t rival_n;
    struct list dials, joins;
    struct duration early;                         /* the next sync soon after a join; 0: none */
    struct buf packet, body, message, state, list; /* used again */

    /* Serf */
    uint64_t clock;
    struct map recent; /* name -> struct gossip_intent */
    struct gossip_ring event_ring, query_ring;
    enum gossip_leave_phase leave_phase;
    bool is_parting; /* said good-bye: no word about us is contradicted any more */
    struct gossip_broadcast *leave_intent;
    bool is_intent_said;
    struct instant leave_deadline;
    void (*leave_done)(void *data);
    void *leave_data;
    struct list open; /* queries of ours */
    uint32_t open_n;
    struct list asked; /* of others */
    uint32_t asked_n;
    uint64_t question;
    bool is_resolving; /* a conflict about our name */
    uint32_t conflict_answers, conflict_matching;

    struct gossip_vivaldi vivaldi;

    struct addr *rejoin; /* from the snapshot */
    size_t rejoin_n;
    struct buf snapshot;
    uint64_t snapshot_bytes, snapshot_clock;

    struct map held_news; /* coalescing: name -> struct gossip_held */
    struct list held_events;
    uint32_t held_event_n;
    struct instant news_until;
};

void gossip_trace(struct gossip *g, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);
static inline bool gossip_is_self(const struct gossip *g, const struct gossip_member *m)
{
    return m == g->self;
}
static inline bool gossip_is_up(const struct gossip_member *m) /* alive or suspect */
{
    return m->state == GOSSIP_STATE_ALIVE || m->state == GOSSIP_STATE_SUSPECT;
}
uint32_t gossip_queue_limit(const struct gossip *g);
/* One message of a datagram, or one that was relayed inside of a stream. */
void gossip_dispatch(struct gossip *g, struct instant now, const struct addr *from,
                     struct str message);

#include "gossip/gossip_parts.h"

#endif
