/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a question packet to an answer packet. Pure: everything an answer may
 * depend on is handed in, so that the same bytes can be answered here or by
 * another agent.
 *
 * The caller sends the answer, or asks the recursors: with the same packet
 * (DNS_FORWARD), or for the addresses of names (DNS_CHASE), after which it
 * calls again.
 */
#ifndef DISCO_DNS_DNS_ANSWER_H
#define DISCO_DNS_DNS_ANSWER_H

#include "dns/dns_reply.h"

#define DNS_ANSWER_SIZE_MAX ((size_t)65535)

enum dns_outcome {
    DNS_ANSWERED, /* *ret_n octets are to be sent */
    DNS_DROPPED,  /* no answer: too short, or itself an answer */
    DNS_FORWARD,  /* send `packet` to the recursors, what they say to the asker */
    DNS_SHIP,     /* another agent answers: of q->ship_dc, or any server when that is empty */
    DNS_CHASE,    /* ask the recursors for A records of chase->items, then run again */
    DNS_FAILOVER, /* ask other datacenters for what *elsewhere says, or run again without it */
};

struct dns_question {
    struct str packet;
    bool is_tcp;
    const struct dns_conf *conf;
    struct view *view;       /* NULL: no state to answer from */
    struct dns_cache *cache; /* synced with the view; NULL: none */
    struct dns_reverse *reverse;
    uint32_t now_s;                /* wall clock: the SOA's serial */
    uint64_t seed;                 /* of the order of answers; the same in both runs */
    struct dns_chase *chase;       /* n and is_final set to 0 before the first run */
    bool ship_all;                 /* there is no state here: all questions about our zones */
    bool ship_dcs;                 /* questions about other datacenters are answered there */
    char *ship_dc;                 /* 256 octets for DNS_SHIP; NULL: nothing is shipped */
    struct env *env;               /* for tokens of prepared queries; NULL: they do not count */
    const struct dns_asker *asker; /* NULL: not known */
    struct buf *elsewhere;         /* for DNS_FAILOVER; NULL: nobody else is asked */
    struct dns_mem *mem;           /* reset by the caller after the answer was used */
};

/* `out` has room for the size the asker takes, DNS_ANSWER_SIZE_MAX at most; see dns_answer_size. */
enum dns_outcome dns_answer(const struct dns_question *q, uint8_t *out, size_t *ret_n);
/* When no recursor answered. */
size_t dns_answer_servfail(const struct dns_question *q, uint8_t *out);
/* Room that `out` must have, told from the packet alone; cheap. */
size_t dns_answer_size(struct str packet, bool is_tcp);

/* Finds the records for a question in one of our zones, or for a reverse name. For dns_cname. */
void dns_answer_dispatch(struct dns_reply *r);

#endif
