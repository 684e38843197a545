/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The entry points of the files of a pool, for one another. Included by gossip_core.h alone.
 */
#ifndef DISCO_GOSSIP_GOSSIP_PARTS_H
#define DISCO_GOSSIP_GOSSIP_PARTS_H

#include "gossip/gossip_core.h"

/* gossip_swim.c: the rules of the membership layer */
void gossip_swim_alive(struct gossip *g, struct instant now, const struct gossip_node *n);
void gossip_swim_suspect(struct gossip *g, struct instant now, const struct gossip_claim *c);
void gossip_swim_dead(struct gossip *g, struct instant now, const struct gossip_claim *c);
void gossip_swim_queue_self(struct gossip *g);                      /* our alive */
void gossip_swim_forget(struct gossip *g, struct gossip_member *m); /* leaves the layer */
void gossip_swim_end(struct gossip *g, struct gossip_member *m);    /* its timer and broadcast */

/* May another address bear its name now? */
bool gossip_swim_may_take_over(const struct gossip *g, const struct gossip_member *m,
                               struct instant now);

/* gossip_rival.c: who claims a name that is taken */
void gossip_rival_note(struct gossip *g, struct instant now, struct gossip_member *m,
                       const struct addr *addr);
void gossip_rival_erased(struct gossip *g, const struct gossip_member *m);

/* gossip_probe.c: failure detection */
void gossip_probe_start(struct gossip *g, struct instant now);
void gossip_probe_stop(struct gossip *g);
void gossip_probe_on_ping(struct gossip *g, const struct addr *from, const struct gossip_ping *p);
void gossip_probe_on_indirect(struct gossip *g, struct instant now, const struct addr *from,
                              const struct gossip_indirect *p);
void gossip_probe_on_ack(struct gossip *g, struct instant now, const struct gossip_ack *a);
void gossip_probe_on_nack(struct gossip *g, const struct gossip_ack *a);
void gossip_probe_on_stream(struct gossip *g, uint64_t dial, int status, struct str answer);
bool gossip_probe_is_late(const struct gossip *g, const struct timer *t, struct instant now,
                          uint32_t *in_a_row);
void gossip_probe_soon(struct gossip *g, struct gossip_member *m); /* the next one */
void gossip_probe_erased(struct gossip *g, const struct gossip_member *m);
/* Raises (or lowers) the health score; nothing without Lifeguard. */
void gossip_probe_health(struct gossip *g, int64_t delta);

/* gossip_spread.c: what goes out */
void gossip_spread_start(struct gossip *g, struct instant now);
void gossip_spread_message(struct gossip *g, const struct gossip_message *m, const struct addr *to);
void gossip_spread_bare(struct gossip *g, struct str message, const struct addr *to, bool crc);
void gossip_spread_user(struct gossip *g, struct gossip_queue *q, struct str serf_message,
                        struct gossip_broadcast **owner);
/* Up to n different members, up, without us and `but`; how many. `min_proto`: their maximum. */
uint32_t gossip_spread_choose(struct gossip *g, uint32_t n, const struct gossip_member *but,
                              uint8_t min_proto, bool only_alive, struct instant now,
                              struct gossip_member **ret);
bool gossip_spread_is_crc(const struct gossip_member *m);

/* gossip_exchange.c: state exchanged over streams, and joins */
void gossip_exchange_start(struct gossip *g, struct instant now);
void gossip_exchange_stop(struct gossip *g);
int gossip_exchange_dial(struct gossip *g, struct instant now, enum gossip_dial_kind kind,
                         const struct addr *to, struct gossip_join *join, uint64_t *ret_id);
void gossip_exchange_put_state(struct gossip *g, bool join, struct buf *out);
int gossip_exchange_merge(struct gossip *g, struct instant now, struct str message,
                          bool *ret_is_join, bool is_ours);

/* gossip_serf.c: Serf's view of members */
void gossip_serf_start(struct gossip *g, struct instant now);
void gossip_serf_joined(struct gossip *g, struct instant now, struct gossip_member *m);
void gossip_serf_parted(struct gossip *g, struct instant now, struct gossip_member *m);
void gossip_serf_updated(struct gossip *g, struct instant now, struct gossip_member *m);
/* Is this time a lie? If not, the clock has seen it. */
bool gossip_serf_witness(uint64_t *clock, uint64_t ltime) MUST_USE;
void gossip_serf_announce(struct gossip *g, struct instant now); /* a join intent */
/* What others say; true: say it on. */
bool gossip_serf_on_leave(struct gossip *g, struct instant now, const struct gossip_serf_intent *i);
bool gossip_serf_on_join(struct gossip *g, struct instant now, const struct gossip_serf_intent *i);
void gossip_serf_put_state(struct gossip *g, struct buf *out);
void gossip_serf_merge(struct gossip *g, struct instant now, struct str user_state,
                       bool is_our_join);
void gossip_serf_receive(struct gossip *g, struct instant now, struct str serf_message);

/* gossip_leave.c: going, and what is forgotten */
void gossip_leave_start(struct gossip *g, struct instant now);
void gossip_leave_erase(struct gossip *g, struct instant now, struct gossip_member *m);

/* gossip_news.c: towards the hooks */
void gossip_news_member(struct gossip *g, struct instant now, enum gossip_news news,
                        const struct gossip_member *m);
void gossip_news_event(struct gossip *g, struct instant now, const struct gossip_event *e);
void gossip_news_stop(struct gossip *g);

/* gossip_event.c: user events, and rings of times */
bool gossip_event_receive(struct gossip *g, struct instant now, const struct gossip_event *e);
void gossip_event_put_state(struct gossip *g, struct gossip_serf_state *s, struct buf *list);
void gossip_event_merge(struct gossip *g, struct instant now, const struct gossip_serf_state *s,
                        bool skip);
/* Is it new? It is then kept. */
bool gossip_event_ring_add(struct gossip_ring *r, uint64_t ltime, uint64_t id, struct str name,
                           struct str payload);
void gossip_event_ring_fini(struct gossip_ring *r);

/* gossip_query.c, gossip_answer.c */
bool gossip_query_receive(struct gossip *g, struct instant now, const struct gossip_serf_query *q);
void gossip_query_on_response(struct gossip *g, struct instant now,
                              const struct gossip_serf_response *r);
void gossip_query_stop_all(struct gossip *g);
/* Sends one to a question: payload, or (flags) an acknowledgement. */
struct gossip_asked {
    struct list link;
    uint64_t handle, ltime;
    uint32_t id;
    uint8_t relay_factor;
    struct addr addr;
    struct instant deadline;
    uint8_t from_n;
    char from[GOSSIP_NODE_SIZE_MAX];
};
int gossip_query_reply(struct gossip *g, const struct gossip_asked *a, uint32_t flags,
                       struct str payload) MUST_USE;
/* One of Serf's own queries ("_serf_..."). */
void gossip_answer_internal(struct gossip *g, const struct gossip_asked *a, struct str name,
                            struct str payload);
void gossip_answer_resolve(struct gossip *g, struct instant now); /* whose is our name? */

/* gossip_snapshot.c */
void gossip_snapshot_member(struct gossip *g, struct instant now, const struct gossip_member *m);
void gossip_snapshot_clock(struct gossip *g, struct instant now, const char *word, uint64_t ltime);
void gossip_snapshot_leave(struct gossip *g, struct instant now);
void gossip_snapshot_flush(struct gossip *g, bool sync);
void gossip_snapshot_start(struct gossip *g);

#endif
