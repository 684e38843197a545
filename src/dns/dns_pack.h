/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The records of a reply as a packet of limited size.
 */
#ifndef DISCO_DNS_DNS_PACK_H
#define DISCO_DNS_DNS_PACK_H

#include <libknot/packet/pkt.h>

#include "dns/dns_reply.h"

#define DNS_PACK_UDP_SIZE 512 /* RFC 1035 4.2.1: without EDNS */
#define DNS_PACK_UDP_ANSWERS_MAX                                                                   \
    8 /* consul: maxUDPAnswerLimit; dns_config.udp_answer_limit below it */

struct dns_pack {
    const knot_pkt_t *query; /* parsed */
    bool is_tcp;
    bool is_authoritative, is_recursion_available;
    size_t size_max; /* of the packet: by transport and EDNS, and of `out` */
    uint8_t *out;
    const uint8_t *ecs; /* the query's client subnet option, or NULL */
    uint16_t ecs_n;
    bool is_ecs_scoped; /* the answer holds for that subnet alone: prepared queries */
};

/* How large an answer the asker takes. */
size_t dns_pack_limit(const knot_pkt_t *query, bool is_tcp);
/* A bound for the answers worth looking for. */
size_t dns_pack_answers_max(const knot_pkt_t *query, bool is_tcp, const struct config *config);
/* Writes the packet; returns its size. When answers had to be left out TC is set, unless the
 * configuration forbids. */
size_t dns_pack_write(const struct dns_pack *p, struct dns_reply *r);
/* A header alone, for what cannot be answered otherwise. Returns its size. */
size_t dns_pack_header(const uint8_t *query, uint8_t rcode, uint8_t *out);

#endif
