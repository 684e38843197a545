/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/net_deadline.h"

#include "net/net.h"

#define FIRST_BYTE_WAIT DURATION_S(5) /* consul: rpc_handshake_timeout */
#define DIAL_WAIT       DURATION_S(5)

void net_deadline_begin(struct net_deadline *d, struct instant now)
{
    *d = (struct net_deadline){.since = now, .heard = now, .moved = now};
}

void net_deadline_heard(struct net_deadline *d, struct instant now, bool is_partial)
{
    d->heard = now;
    if (is_partial && !d->is_partial)
        d->partial_since = now;
    d->is_partial = is_partial;
}

static bool is_over(struct instant since, struct duration limit, struct instant now)
{
    return limit.ns > 0 && !instant_before(now, instant_add(since, limit));
}

const char *net_deadline_over(struct net_deadline *d, enum net_deadline_state state, bool paused,
                              struct duration idle, size_t queued, struct instant now,
                              bool *ret_idle)
{
    *ret_idle = false;
    if (state == NET_DEADLINE_DIALLING)
        return is_over(d->since, DIAL_WAIT, now) ? "no answer to the call" : NULL;
    if (queued == 0 || queued != d->queued)
        d->moved = now;
    d->queued = queued;
    if (is_over(d->moved, NET_STALL, now))
        return "it does not take what is sent";
    if (state == NET_DEADLINE_NAMELESS)
        return is_over(d->since, FIRST_BYTE_WAIT, now) ? "its first byte did not come" : NULL;
    if (paused)
        return NULL;
    if (d->is_partial && is_over(d->partial_since, NET_STALL, now))
        return "a frame that was begun did not come";
    if (!is_over(d->heard, idle, now))
        return NULL;
    *ret_idle = true;
    return "nothing was said for too long";
}
