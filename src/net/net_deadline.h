/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a connection may keep us waiting, and for what. Pure.
 */
#ifndef DISCO_NET_NET_DEADLINE_H
#define DISCO_NET_NET_DEADLINE_H

#include "base/clock.h"

struct net_deadline {
    struct instant since; /* it began, or began to be dialled */
    struct instant heard; /* bytes came */
    struct instant moved; /* the queue was empty or became shorter */
    bool is_partial;      /* in the middle of a frame since: */
    struct instant partial_since;
    size_t queued;
};
enum net_deadline_state { NET_DEADLINE_DIALLING, NET_DEADLINE_NAMELESS, NET_DEADLINE_OPEN };

void net_deadline_begin(struct net_deadline *d, struct instant now);
void net_deadline_heard(struct net_deadline *d, struct instant now, bool is_partial);
/* To be asked about once a second. What is over, or NULL; *ret_idle when it is only that nobody had
 * anything to say. idle 0: no such limit. */
const char *net_deadline_over(struct net_deadline *d, enum net_deadline_state state, bool paused,
                              struct duration idle, size_t queued, struct instant now,
                              bool *ret_idle);

#endif
