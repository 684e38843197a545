/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pool of members: who is there, who has failed, who has left, and what they have to say. The
 * protocol is that of memberlist and Serf, with Lifeguard, as a pure state machine: no socket, no
 * clock, no chance of its own.
 *
 *     received datagrams, streams, timers  ->  pool  ->  outputs (send, dial), hooks (news, events)
 *
 * Layers, from below: the member table and its rules (gossip_swim.c), probing (gossip_probe.c),
 * dissemination (gossip_spread.c over gossip_queue.h), state exchange (gossip_exchange.c); then
 * Serf: clocks and intents (gossip_serf.c), events and queries (gossip_event.c, gossip_query.c).
 *
 * Timers are set in the `timers` of the options: whoever runs them (the agent's loop, a simulation)
 * runs the pool. Bounds on what others can make us hold: members_max members of at most about 1
 * KiB; queues of 4096 or twice the members; rings of 512 event and query times, 16 each; the rest
 * stands in gossip_options.h.
 */
#ifndef DISCO_GOSSIP_GOSSIP_H
#define DISCO_GOSSIP_GOSSIP_H

#include "gossip/gossip_options.h"

/* ERR_INVALID, worded: name, tags, address. Nothing is sent and no timer set before the start. */
int gossip_new(const struct gossip_options *options, struct gossip **ret,
               struct error *err) MUST_USE;
void gossip_free(struct gossip *g); /* at once, without a word to the pool; accepts NULL */
/* What the snapshot file held, before the start. A file that ends in `leave` names nobody, unless
 * `after_leave`. Bad lines are passed over. */
void gossip_restore(struct gossip *g, struct str text, bool after_leave);
void gossip_start(struct gossip *g, struct instant now);

/* ---- inputs ---- */
void gossip_receive(struct gossip *g, struct instant now, const struct addr *from,
                    struct str datagram);
/* One message of a stream that somebody opened. Its answer, if there is one, is appended. ERR_*:
 * close it. */
int gossip_answer(struct gossip *g, struct instant now, const struct addr *from, struct str message,
                  struct buf *answer) MUST_USE;
/* How a dial ended: `answer` when status is 0 and it was to be answered. */
void gossip_dialed(struct gossip *g, struct instant now, uint64_t id, int status,
                   struct str answer);

/* ---- operations ---- */
/* Exchanges state with each address, several at a time. The callback comes once, later: how many
 * worked; when none, the last one's error. ERR_TOO_LARGE: GOSSIP_JOIN_MAX; ERR_CLOSED: leaving. */
typedef void (*gossip_join_fn)(void *data, size_t joined, int status, const struct addr *failed);
int gossip_join(struct gossip *g, struct instant now, const struct addr *addrs, size_t n,
                gossip_join_fn done, void *data) MUST_USE;
/* Likewise the members of the snapshot, one after the other until one worked. ERR_NOT_FOUND: it
 * named none. */
int gossip_rejoin(struct gossip *g, struct instant now, gossip_join_fn done, void *data) MUST_USE;
/* Says good-bye, waits until it was said often enough, then the propagation delay. The callback
 * comes once, later; the pool answers until it is freed. ERR_CLOSED: leaving already. */
int gossip_leave(struct gossip *g, struct instant now, void (*done)(void *data),
                 void *data) MUST_USE;
/* Tells all that a failed member has left; prune: to forget it at once. ERR_NOT_FOUND. */
int gossip_force_leave(struct gossip *g, struct instant now, struct str name, bool prune) MUST_USE;
/* ERR_TOO_LARGE: GOSSIP_META_SIZE_MAX. */
int gossip_set_meta(struct gossip *g, struct instant now, struct str meta) MUST_USE;
/* ERR_TOO_LARGE: GOSSIP_EVENT_SIZE_MAX. Delivered to ourselves too, before it returns. */
int gossip_event(struct gossip *g, struct instant now, struct str name, struct str payload,
                 bool coalesce) MUST_USE;

enum gossip_reply_kind { GOSSIP_REPLY_ACK, GOSSIP_REPLY_PAYLOAD, GOSSIP_REPLY_END };
struct gossip_query {
    struct str name, payload;
    struct gossip_list filters; /* gossip_list_put_filter */
    bool ack, no_broadcast;
    uint8_t relay_factor;
    struct duration timeout; /* 0: by the size of the pool */
    /* Each member's ack and answer as they come, once; then the end, exactly once. */
    void (*reply)(void *data, enum gossip_reply_kind kind, struct str from, struct str payload);
    void *data;
};
/* ERR_TOO_LARGE: GOSSIP_QUERY_SIZE_MAX. ERR_BUSY: GOSSIP_QUERIES_MAX. */
int gossip_query(struct gossip *g, struct instant now, const struct gossip_query *q,
                 uint64_t *ret_id) MUST_USE;
void gossip_query_stop(struct gossip *g, uint64_t id); /* its callback comes no more */
void gossip_query_end_all(struct gossip *g);           /* now, as gossip_free does */
/* To a question of the hook. ERR_NOT_FOUND: too late, or answered. ERR_TOO_LARGE. */
int gossip_respond(struct gossip *g, struct instant now, uint64_t handle,
                   struct str payload) MUST_USE;

/* ---- facts ---- */
/* Serf's view of a member; the numbers are those of the API. */
enum gossip_status {
    GOSSIP_STATUS_NONE,
    GOSSIP_STATUS_ALIVE,
    GOSSIP_STATUS_LEAVING,
    GOSSIP_STATUS_LEFT,
    GOSSIP_STATUS_FAILED
};
const char *gossip_status_text(enum gossip_status s); /* "alive", "failed" */
struct gossip_info {                                  /* borrowed until the next input */
    struct str name, meta;
    struct gossip_list tags; /* gossip_tags_find */
    struct addr addr;
    uint8_t vsn[GOSSIP_VSN_SIZE];
    enum gossip_status status;
    enum gossip_state state; /* below Serf: a suspect is alive above */
    uint64_t status_ltime;
    uint32_t incarnation;
    struct instant changed; /* since when it is in this state */
    bool is_self;
};
void gossip_get_info(const struct gossip *g, const struct gossip_member *m,
                     struct gossip_info *ret);
/* All members, failed and left too: i in 0 .. count - 1, in no order, until the next input. */
uint32_t gossip_count(const struct gossip *g);
const struct gossip_member *gossip_at(const struct gossip *g, uint32_t i);
const struct gossip_member *gossip_find(const struct gossip *g, struct str name); /* or NULL */
const struct gossip_member *gossip_self(const struct gossip *g);

/* Where we think we are, and where a member last said it is. ERR_NOT_FOUND: it never did. */
const struct gossip_coordinate *gossip_get_coordinate(const struct gossip *g);
int gossip_member_coordinate(const struct gossip *g, const struct gossip_member *m,
                             struct gossip_coordinate *ret) MUST_USE;

/* Walks those whose coordinate was learned at or after `since`, and ourselves; *pos starts at 0. */
bool gossip_next_coordinate(const struct gossip *g, uint32_t *pos, struct instant since,
                            const struct gossip_member **ret_m, struct gossip_coordinate *ret);

struct gossip_stats {
    uint32_t alive, leaving, left, failed, suspect;
    uint64_t member_ltime, event_ltime, query_ltime;
    uint32_t health; /* 0: well; to 7 */
    uint32_t membership_queue, intent_queue, event_queue, query_queue;
    uint64_t packets_sent, bytes_sent, packets_received, bytes_received, messages_bad, refused;
    uint64_t probes, probes_failed, suspicions, refutations, conflicts, exchanges, exchanges_failed;
    uint64_t coordinate_resets, members_refused; /* members_max */
    uint64_t queue_dropped;
};
void gossip_get_stats(const struct gossip *g, struct gossip_stats *ret);

#endif
