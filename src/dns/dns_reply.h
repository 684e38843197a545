/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An answer in the making: the question, what it may be answered from, and
 * the records found so far. dns_service, dns_node and dns_zone fill it,
 * dns_pack writes it as a packet.
 */
#ifndef DISCO_DNS_DNS_REPLY_H
#define DISCO_DNS_DNS_REPLY_H

#include <libknot/rdata.h>

#include "base/addr.h"
#include "base/rng.h"
#include "dns/dns_cache.h"
#include "dns/dns_conf.h"
#include "dns/dns_mem.h"
#include "dns/dns_reverse.h"
#include "state/view.h"

/* consul: how deep a name of the zone may point to another one */
#define DNS_REPLY_LEVEL_MAX 3
/* consul: trimTCPResponse; more do not fit into 64 KiB */
#define DNS_REPLY_ANSWERS_MAX 4096

/* What is written as a record's owner: the question's name, the name in the data of record
 * `target_i` of `target_section`, or the owner in full. The first two are two octets on the wire.
 */
enum dns_owner { DNS_OWNER_QUESTION, DNS_OWNER_TARGET, DNS_OWNER_FULL };
enum dns_section { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS };

struct dns_record {
    const uint8_t *name; /* of the owner, in any case */
    const knot_rdata_t *rdata;
    uint32_t ttl;
    uint16_t type;
    uint8_t owner;          /* enum dns_owner */
    uint8_t target_section; /* enum dns_section */
    uint16_t target_i;
    uint16_t answer_i; /* of an additional record: the answer it belongs to */
    bool is_optional;  /* the first to be left out when space is short */
};

struct dns_list {
    struct dns_record *items;
    size_t n, cap;
};

/* External names whose addresses are wanted from the recursors. The first run on a question adds
 * them; the caller asks, fills in the packets and runs the question again with is_final set. */
#define DNS_CHASE_MAX 8
struct dns_chase {
    size_t n;
    bool is_final;
    struct {
        uint8_t name[DNS_CONF_NAME_MAX]; /* as registered */
        struct str packet;               /* the caller's; empty: nobody answered */
    } items[DNS_CHASE_MAX];
};

/* Who asks, as far as an answer depends on it. */
struct dns_asker {
    struct addr source;     /* family AF_UNSPEC: not known */
    struct str node;        /* of the agent that was asked; empty: this one */
    struct str translating; /* its datacenter, if it wants WAN addresses from others; else empty */
    struct str prepared;    /* another datacenter's prepared query, to be run (a row); else empty */
    struct str token;       /* that came with it; empty: the default one of this agent */
};

struct dns_reply {
    /* inputs */
    const struct dns_asker *asker; /* NULL: not known */
    struct env *env;               /* for tokens of prepared queries; NULL: they do not count */
    struct addr subnet;            /* of the asker's client (EDNS); AF_UNSPEC: not told */
    struct buf *elsewhere;         /* a prepared query that found nothing: its row; or NULL */
    struct dns_mem *mem;
    const struct dns_conf *conf;
    struct view *view;       /* NULL: there is no state to answer from */
    struct dns_cache *cache; /* in step with the view; NULL: none */
    struct dns_reverse *reverse;
    struct rng *rng;
    struct dns_chase *chase;
    uint32_t now_s;
    const uint8_t *qname; /* as asked */
    const uint8_t *qname_lower;
    uint16_t qtype;
    bool is_tcp, has_edns;
    bool is_wan;       /* for another datacenter, which wants WAN addresses */
    int level;         /* of names that point to names, still to go */
    size_t answer_max; /* more answers than these need not be looked for: they cannot be sent */
    /* outputs */
    struct dns_list sections[DNS_SECTIONS];
    uint16_t rcode;
    bool is_limited;   /* instances of a service: only a few are sent over UDP without EDNS */
    bool is_forward;   /* nothing is known here: ask the recursors */
    bool is_elsewhere; /* and other datacenters may know: `elsewhere` is filled */
};

/* A record of the given kind with room for its data, at the end of the section, owned by the
 * question's name. The data is zeroed. Valid until the next record is added. */
struct dns_record *dns_reply_add(struct dns_reply *r, enum dns_section section, uint16_t type,
                                 uint32_t ttl);
/* Sets a record's data. */
void dns_reply_data(struct dns_reply *r, struct dns_record *record, const void *data, size_t n);
/* Copies a name into the question's memory; for owners. */
const uint8_t *dns_reply_name(struct dns_reply *r, const uint8_t *name);
/* Lets the owner be the target of record target_i. */
void dns_reply_own(struct dns_record *record, const uint8_t *name, enum dns_section target_section,
                   size_t target_i);

/* "no such name" and the zone's SOA as authority. */
void dns_reply_no_name(struct dns_reply *r);

/* An address of the catalog, parsed. */
struct dns_address dns_reply_address(struct str text);
/* consul: which of the addresses answers a question of this type: for A the tagged IPv4 one, for
 * AAAA the tagged IPv6 one, else the plain one. */
const struct dns_address *dns_reply_pick(uint16_t qtype, const struct dns_addresses *at);
/* Does a question of this type take an address with ip_n octets for an answer? */
bool dns_reply_wants_ip(uint16_t qtype, size_t ip_n);
/* The A or AAAA record of an address. */
struct dns_record *dns_reply_add_ip(struct dns_reply *r, enum dns_section section,
                                    const uint8_t *ip, size_t ip_n, uint32_t ttl);

#endif
