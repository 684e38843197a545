/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a pool of gossip.h is made of: numbers, who we are, how its bytes leave, and whom it tells.
 */
#ifndef DISCO_GOSSIP_GOSSIP_OPTIONS_H
#define DISCO_GOSSIP_GOSSIP_OPTIONS_H

#include "base/clock.h"
#include "base/rng.h"
#include "base/timers.h"
#include "gossip/gossip_message_serf.h"
#include "gossip/gossip_packet.h"

#define GOSSIP_EVENT_SIZE_MAX    512  /* a user event's name and payload; its message too */
#define GOSSIP_QUERY_SIZE_MAX    1024 /* the encoded query; a response likewise */
#define GOSSIP_MEMBERS_MAX       (1U << 17)
#define GOSSIP_JOIN_MAX          256 /* addresses of one join */
#define GOSSIP_QUERIES_MAX       64  /* of ours, open at a time */
#define GOSSIP_QUERIES_ASKED_MAX 256 /* of others, still to be answered */

struct gossip;
struct gossip_identities;
struct gossip_member; /* of one pool; valid until it is reaped */

/* Consul's LAN and WAN pools, Serf's "local", and what `agent -dev` takes. */
enum gossip_profile { GOSSIP_LAN, GOSSIP_WAN, GOSSIP_LOCAL, GOSSIP_DEV_LAN, GOSSIP_DEV_WAN };
struct gossip_timing {
    struct duration probe_interval, probe_timeout, gossip_interval, push_pull_interval;
    struct duration stream_timeout, dead_gossip, dead_reclaim; /* reclaim 0: never */
    struct duration reap_interval, reconnect_interval, reconnect_timeout, tombstone_timeout;
    struct duration leave_propagate, broadcast_timeout, intent_timeout;
    struct duration coalesce, coalesce_quiet; /* of news; 0: each at once */
    int indirect_checks, gossip_nodes, retransmit_mult, suspicion_mult, suspicion_max_mult;
    size_t packet_size;
};
void gossip_timing_init(struct gossip_timing *ret, enum gossip_profile p);

/*
 * How bytes leave. Called from within inputs and operations; must not call back into the pool.
 * A dial is a stream to `to`: send `message` (in its stream form), read one message if `answered`,
 * and then, exactly once and later, call gossip_dialed; after hang_up never.
 */
struct gossip_outputs {
    void *data;
    void (*send)(void *data, const struct addr *to, struct str datagram);
    void (*dial)(void *data, uint64_t id, const struct addr *to, struct str message, bool answered,
                 struct instant deadline);
    void (*hang_up)(void *data, uint64_t id);
    /* NULL, or: lines for the snapshot file: to append, or (`whole`) all it shall hold. */
    void (*snapshot)(void *data, struct str lines, bool whole, bool sync);
};

enum gossip_news {
    GOSSIP_NEWS_JOIN,   /* new, or back */
    GOSSIP_NEWS_UPDATE, /* tags, address or versions */
    GOSSIP_NEWS_LEAVE,  /* gone with good-bye, or forced */
    GOSSIP_NEWS_FAILED,
    GOSSIP_NEWS_REAP /* forgotten: the member is freed when the hook returns */
};
const char *gossip_news_text(enum gossip_news news); /* "member-join", as serf says */

struct gossip_event {
    uint64_t ltime;
    struct str name, payload;
    bool coalesce;
};
struct gossip_question { /* somebody's query, for us to answer with gossip_respond */
    uint64_t handle, ltime;
    struct str name, payload, from;
    struct instant deadline;
};

/*
 * Whom the pool tells; each may be NULL. A hook may call operations of the pool, but not
 * gossip_free. Ourselves come as a member like all others, first of all.
 */
struct gossip_hooks {
    void *data;
    void (*news)(void *data, enum gossip_news news, const struct gossip_member *m);
    void (*event)(void *data, const struct gossip_event *e);
    void (*question)(void *data, const struct gossip_question *q);
    /* May this member, and (before anything of it is merged) this list of a join, be in the pool?
     * Negative: ignored; the words are traced. */
    int (*accept)(void *data, const struct gossip_node *node, struct error *err);
    int (*accept_merge)(void *data, const struct gossip_push_pull *list, struct error *err);
    /* Another node claims the name of a member, from another address. */
    void (*conflict)(void *data, const struct gossip_member *m, const struct addr *other);
    void (*name_lost)(
        void *data);             /* most say that our name is somebody else's (resolve_conflict) */
    void (*keyring)(void *data); /* the keyring was changed by a query: write its file */
    /* An unanchored regular expression of Go against a text; NULL: never matches. */
    bool (*match)(void *data, struct str expression, struct str text);
    /* The story, a line each: level is of base/log.h. */
    void (*trace)(void *data, int level, const char *text);
};

struct gossip_options {
    struct str name;  /* of this node; unique in the pool */
    struct addr addr; /* what others shall send to */
    struct str meta;  /* tags: gossip_tags_encode */
    uint8_t vsn[GOSSIP_VSN_SIZE];
    struct gossip_timing timing;
    bool no_lifeguard;   /* measuring only: neither health score, nor confirmations, nor buddies */
    bool no_resend;      /* measuring only: a ping is sent once */
    bool no_coordinates; /* neither sent nor learned */
    bool no_events;      /* user events of before our join are not delivered (Consul's choice) */
    bool resolve_conflict;        /* ask the pool whose our name is (Serf's choice, not Consul's) */
    uint32_t members_max;         /* 0: GOSSIP_MEMBERS_MAX */
    struct gossip_packet *packet; /* borrowed, as the next four */
    struct timers *timers;
    struct rng *rng;
    struct gossip_identities *identities; /* to share among pools of one process; NULL: own */
    struct gossip_outputs out;
    struct gossip_hooks hooks;
};
/* Consul's: LAN timing, versions 1 5 2 2 5 4, no events of before. The rest is zero. */
void gossip_options_init(struct gossip_options *ret, enum gossip_profile p);

#endif
