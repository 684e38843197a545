/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The datagram socket of a pool, on a loop. What it cannot take at once, it
 * drops and counts: gossip is made for loss.
 */
#ifndef DISCO_GOSSIP_GOSSIP_UDP_H
#define DISCO_GOSSIP_GOSSIP_UDP_H

#include "base/addr.h"

struct gossip_udp;

typedef void (*gossip_udp_fn)(void *data, const struct addr *from, struct str datagram);
/* loop: uv_loop_t *. Nothing is read before gossip_udp_start. -errno. */
int gossip_udp_open(void *loop, const struct addr *bind, gossip_udp_fn receive, void *data,
                    struct gossip_udp **ret) MUST_USE;
void gossip_udp_start(struct gossip_udp *u);
void gossip_udp_stop(struct gossip_udp *u);
/* May be called from within `receive`. */
void gossip_udp_send(struct gossip_udp *u, const struct addr *to, struct str datagram);
void gossip_udp_addr(const struct gossip_udp *u, struct addr *ret); /* with the port it got */
uint64_t gossip_udp_lost(const struct gossip_udp *u); /* not sent, or longer than a datagram */
void gossip_udp_close(struct gossip_udp *u, void (*closed)(void *data), void *data);

#endif
