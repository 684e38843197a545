/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/net_complaint.h"

#include "base/list.h"
#include "base/log.h"

#define LOG   "agent.server.net"
#define QUIET DURATION_S(1)

static void on_quiet(struct timer *t, struct instant now)
{
    struct net_complaint *c = LIST_ITEM(t, struct net_complaint, quiet);

    (void)now;
    if (c->unsaid)
        log_warn(LOG, "connections closed for what they are or sent: more=%llu",
                 (unsigned long long)c->unsaid);
    c->unsaid = 0;
}

void net_complaint_init(struct net_complaint *c, struct timers *timers)
{
    *c = (struct net_complaint){.timers = timers, .quiet = {.fire = on_quiet}};
}

void net_complaint_fini(struct net_complaint *c)
{
    timers_cancel(c->timers, &c->quiet);
}

void net_complaint_say(struct net_complaint *c, struct instant now, const char *peer,
                       const char *what)
{
    if (timers_is_set(&c->quiet)) {
        c->unsaid++;
        return;
    }
    log_warn(LOG, "connection closed: from=%s error=\"%s\"", peer, what);
    timers_set(c->timers, &c->quiet, instant_add(now, QUIET));
}
