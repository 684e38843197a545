/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the sockets of one worker share: the configuration, memory, buffers,
 * and the questions that wait for a recursor. Inside the DNS door only.
 */
#ifndef DISCO_DNS_DNS_WORKER_H
#define DISCO_DNS_DNS_WORKER_H

#include "agent/env.h"
#include "dns/dns_answer.h"
#include "dns/dns_forward.h"
#include "dns/dns_recall.h"

#define DNS_WORKER_PENDING_MAX 1000 /* questions of a worker that wait for recursors */
/* Answers of one batch stand here one after the other; the last needs DNS_ANSWER_SIZE_MAX free. */
#define DNS_WORKER_OUT_SIZE (4 * DNS_ANSWER_SIZE_MAX)

struct dns_worker {
    struct env *env;
    void *loop;
    struct dns_conf *conf;
    struct dns_forward *forward; /* NULL without recursors */
    struct dns_mem mem;
    struct dns_cache *cache;
    struct dns_reverse *reverse;
    struct dns_recall *recall; /* NULL until an answer of others is kept */
    struct instant warned_at;  /* of the last line about silent recursors */
    uint64_t unheard_n;        /* questions no recursor answered since */
    uint8_t *out;
    struct list pendings;
    size_t pending_n;
    size_t retiring_n; /* forwards of former configurations, closing */
    bool is_closing;
    bool is_final;                         /* the question at hand goes no further */
    struct dns_asker asker;                /* whose it is; set before dns_worker_answer */
    struct buf elsewhere;                  /* of the last answer that was DNS_FAILOVER */
    char ship_dc[256];                     /* of the last answer that was DNS_SHIP */
    void (*on_idle)(struct dns_worker *w); /* nothing pends any more; may be NULL */
};

struct dns_worker_call; /* private */

/* A question that waits for recursors, embedded in what its answer goes to. */
struct dns_pending {
    /* The answer, borrowed until done returns. Exactly once, never inside dns_worker_answer. The
     * object is the caller's again. */
    void (*done)(struct dns_pending *p, const uint8_t *answer, size_t n);
    /* private */
    struct dns_worker *worker;
    struct list link;
    uint64_t seed;
    bool is_tcp;
    struct str packet;       /* owned */
    struct dns_asker asker;  /* its texts are owned */
    struct dns_chase *chase; /* owned */
    size_t call_n;
    struct dns_worker_call *calls; /* owned; one, or one for each name of the chase */
};

int dns_worker_init(struct dns_worker *w, void *uv_loop, struct env *env,
                    struct error *err) MUST_USE;
void dns_worker_fini(struct dns_worker *w); /* forward closed, nothing pending */
/* Takes env->config anew; on failure everything stays as it was, and is logged. */
void dns_worker_reload(struct dns_worker *w);

/* A view for a batch of questions, or none when there is nothing to answer from; and its end. */
struct view *dns_worker_begin(struct dns_worker *w, struct str token, struct view *view);
void dns_worker_end(struct view *view);

/* Answers into `out` (room as dns_answer_size says). When somebody else must be asked the outcome
 * is neither DNS_ANSWERED nor DNS_DROPPED: then the caller makes its object and calls
 * dns_worker_wait with what was filled in here. */
enum dns_outcome dns_worker_answer(struct dns_worker *w, struct view *view, struct str packet,
                                   bool is_tcp, struct dns_chase *chase, uint64_t *ret_seed,
                                   uint8_t *out, size_t *ret_n);
void dns_worker_wait(struct dns_worker *w, struct dns_pending *p, enum dns_outcome outcome,
                     struct str packet, bool is_tcp, const struct dns_chase *chase, uint64_t seed);
/* For dns_ship.c and dns_failover.c: what came back; or nobody had anything to say, then what is
 * known here is the answer. */
void dns_worker_finish(struct dns_pending *p, const uint8_t *answer, size_t n);
void dns_worker_finish_here(struct dns_pending *p);
/* SERVFAIL, when there are too many pending already. */
size_t dns_worker_servfail(struct dns_worker *w, struct str packet, bool is_tcp, uint8_t *out);

#endif
