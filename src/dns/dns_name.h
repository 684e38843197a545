/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a question's name asks for. Pure: a lower-cased name in wire form goes
 * in, the kind and its parts come out, borrowed from the result's own text.
 *
 *     [TAG.]NAME.service[.DC].ZONE    _NAME._TAG.service[.DC].ZONE    _NAME._TAG[.DC].ZONE (SRV)
 *     NODE.node[.DC].ZONE             HEX.addr[.anything].ZONE        NAME.query[.DC].ZONE
 *     d.c.b.a.in-addr.arpa            32 nibbles.ip6.arpa
 */
#ifndef DISCO_DNS_DNS_NAME_H
#define DISCO_DNS_DNS_NAME_H

#include "base/str.h"

enum dns_name_kind {
    DNS_NAME_OUTSIDE, /* in none of the zones, nor below arpa */
    DNS_NAME_INVALID, /* in a zone, but of no known form */
    DNS_NAME_SERVICE, /* name, tag */
    DNS_NAME_CONNECT, /* name */
    DNS_NAME_INGRESS, /* name */
    DNS_NAME_NODE,    /* name */
    DNS_NAME_QUERY,   /* name */
    DNS_NAME_ADDR,    /* ip; ip_n 0 when the label's length is that of no address */
    DNS_NAME_REVERSE, /* ip; ip_n 0 when it is not a whole address */
};

struct dns_name {
    enum dns_name_kind kind;
    struct str name, tag;  /* tag empty: any */
    struct str datacenter; /* empty: the agent's own */
    struct str whole;      /* all labels above the zone, with dots between them */
    uint8_t ip[16];
    size_t ip_n; /* 0, 4 or 16 */
    /* private */
    char text[256]; /* the name without its zone, labels joined with dots */
};

/* `name` is a valid wire name, lower case; `zones` are too. is_srv: the type asked for is SRV, for
 * which the label "service" may be left out (RFC 2782 form only). */
void dns_name_parse(const uint8_t *name, const uint8_t *const *zones, size_t zone_n, bool is_srv,
                    struct dns_name *ret);

#endif
