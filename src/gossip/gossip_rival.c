/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ours: who claimed the name of a member from another address is remembered. What it said of
 * itself was refused, and it will not say it again by itself; so when the old bearer is held for
 * dead at last, the claimant is asked. Without this a member that came back at another address is
 * known again only after the next regular exchange.
 */
#include "config.h"

#include "gossip/gossip_core.h"

#define LOOK_MS   500
#define KEEP_S    120
#define SECOND_NS INT64_C(1000000000)

static void drop(struct gossip *g, uint32_t i)
{
    g->rivals[i] = g->rivals[--g->rival_n];
}

void gossip_rival_erased(struct gossip *g, const struct gossip_member *m)
{
    for (uint32_t i = g->rival_n; i > 0; i--) {
        if (g->rivals[i - 1].member == m)
            drop(g, i - 1);
    }
}

/* True: it is settled. */
static bool look(struct gossip *g, struct instant now, const struct gossip_rival *r)
{
    if (now.ns - r->since > KEEP_S * SECOND_NS || addr_eq(&r->member->identity->addr, &r->addr))
        return true;
    if (gossip_is_up(r->member) || !gossip_swim_may_take_over(g, r->member, now))
        return false;
    (void)(gossip_exchange_dial(g, now, GOSSIP_DIAL_JOIN, &r->addr, NULL, NULL) != 0);
    return true;
}

static void on_due(struct timer *t, struct instant now)
{
    struct gossip *g = LIST_ITEM(t, struct gossip, rival_timer);

    for (uint32_t i = g->rival_n; i > 0; i--) {
        struct gossip_rival r = g->rivals[i - 1];

        if (look(g, now, &r))
            drop(g, i - 1);
    }
    if (g->rival_n > 0)
        timers_set(g->o.timers, t, instant_add(now, DURATION_MS(LOOK_MS)));
}

void gossip_rival_note(struct gossip *g, struct instant now, struct gossip_member *m,
                       const struct addr *addr)
{
    if (gossip_is_self(g, m) || g->o.timing.dead_reclaim.ns == 0)
        return;
    gossip_rival_erased(g, m);
    if (g->rival_n == GOSSIP_RIVALS_MAX)
        return;
    g->rivals[g->rival_n++] = (struct gossip_rival){m, *addr, now.ns};
    g->rival_timer.fire = on_due;
    if (!timers_is_set(&g->rival_timer))
        timers_set(g->o.timers, &g->rival_timer, instant_add(now, DURATION_MS(LOOK_MS)));
}
