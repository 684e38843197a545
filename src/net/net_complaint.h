/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines about bad peers: one a second at most, with the number of those that
 * were not told.
 */
#ifndef DISCO_NET_NET_COMPLAINT_H
#define DISCO_NET_NET_COMPLAINT_H

#include "base/timers.h"

struct net_complaint {
    struct timers *timers;
    struct timer quiet;
    uint64_t unsaid;
};
void net_complaint_init(struct net_complaint *c, struct timers *timers);
void net_complaint_fini(struct net_complaint *c);
void net_complaint_say(struct net_complaint *c, struct instant now, const char *peer,
                       const char *what);

#endif
