/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes by name, addresses by their own label, names by address.
 */
#ifndef DISCO_DNS_DNS_NODE_H
#define DISCO_DNS_DNS_NODE_H

#include "dns/dns_name.h"
#include "dns/dns_reply.h"
#include "state/catalog.h"

/* is_here: the datacenter asked for is ours. */
void dns_node_answer(struct dns_reply *r, const struct dns_name *name, bool is_here);
void dns_node_answer_addr(struct dns_reply *r, const struct dns_name *name);
void dns_node_answer_reverse(struct dns_reply *r, const struct dns_name *name);
void dns_node_addresses(const struct catalog_node *node, bool is_wan, struct dns_addresses *ret);
/* The node's meta as TXT records owned by `owner` (an SRV's target of answer_i in the additional
 * section), or by the question's name when that is NULL. */
void dns_node_add_meta(struct dns_reply *r, enum dns_section section, struct pairs meta,
                       uint32_t ttl, const uint8_t *owner, size_t answer_i);

#endif
