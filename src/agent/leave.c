/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/leave.h"

#include "agent/agent_state.h"
#include "agent/local_state.h"
#include "agent/quorum.h"
#include "base/mem.h"

#define LOG "agent.server"
/* A transfer that takes longer is not waited for. */
#define TRANSFER_TIME DURATION_S(2)
/* consul: leaveDrainTime, then up to 5 s for the removal */
#define REMOVAL_TIME DURATION_S(1)
#define LOOK         DURATION_MS(20)

enum step { STEP_TRANSFER, STEP_POOLS, STEP_REMOVAL, STEP_DONE };

struct leave {
    struct agent *agent;
    struct pool *lan, *wan;
    enum step step;
    int pools_left;
    struct timer timer;
    struct instant until;
    void (*cb)(void *data);
    void *data;
};

static void next(struct leave *l, enum step step);

static void on_left(void *data)
{
    struct leave *l = data;
    if (--l->pools_left == 0)
        next(l, STEP_REMOVAL);
}

/* The WAN is slow; what it is told in the time that the rest takes is enough. */
static void on_wan_left(void *data)
{
    (void)data;
}

static bool is_in_configuration(const struct leave *l, size_t *ret_n)
{
    struct autopilot_peer peers[AUTOPILOT_SERVERS_MAX];
    bool found = false;
    *ret_n = quorum_peers(l->agent, peers, AUTOPILOT_SERVERS_MAX);
    for (size_t i = 0; i < *ret_n; i++)
        found |= strcmp(peers[i].id, l->agent->node_id) == 0;
    return found;
}

static void done(struct leave *l)
{
    timers_cancel(l->agent->timers, &l->timer);
    l->step = STEP_DONE;
    l->cb(l->data);
}

static void on_timer(struct timer *t, struct instant now)
{
    struct leave *l = LIST_ITEM(t, struct leave, timer);
    size_t n;
    if (l->step == STEP_TRANSFER) {
        log_warn(LOG, "nobody took over the leadership in time");
        next(l, STEP_POOLS);
        return;
    }
    if (!is_in_configuration(l, &n) || n <= 1 || !instant_before(now, l->until)) {
        done(l);
        return;
    }
    timers_set(l->agent->timers, &l->timer, instant_add(now, LOOK));
}

static void on_transferred(void *data, int status)
{
    struct leave *l = data;
    if (status)
        log_warn(LOG, "failed to hand on the leadership: error=\"%s\"", error_text(status));
    if (l->step == STEP_TRANSFER)
        next(l, STEP_POOLS);
}

static void transfer(struct leave *l)
{
    struct agent *a = l->agent;
    size_t n;
    if (!a->consensus || !a->is_leader || !is_in_configuration(l, &n) || n <= 1) {
        next(l, STEP_POOLS);
        return;
    }
    timers_set(a->timers, &l->timer, instant_add(clock_now(), TRANSFER_TIME));
    int rc = quorum_transfer(a, NULL, on_transferred, l);
    if (rc)
        on_transferred(l, rc);
}

static void next(struct leave *l, enum step step)
{
    struct instant now = clock_now();
    timers_cancel(l->agent->timers, &l->timer);
    l->step = step;
    switch (step) {
    case STEP_TRANSFER:
        transfer(l);
        break;
    case STEP_POOLS:
        l->pools_left = 1;
        l->agent->leaving = true;
        if (l->agent->local) /* the leader takes the node out: it is not put back from here */
            local_leave(l->agent->local);
        if (l->agent->consensus)
            consensus_leave(l->agent->consensus);
        if (l->wan)
            (void)!gossip_leave(pool_gossip(l->wan), now, on_wan_left, l);
        if (gossip_leave(pool_gossip(l->lan), now, on_left, l))
            on_left(l);
        break;
    case STEP_REMOVAL:
        if (!l->agent->consensus) {
            done(l);
            break;
        }
        l->until = instant_add(now, REMOVAL_TIME);
        timers_set(l->agent->timers, &l->timer, instant_add(now, LOOK));
        break;
    case STEP_DONE:
        break;
    }
}

struct leave *leave_start(struct agent *a, struct pool *lan, struct pool *wan,
                          void (*cb)(void *data), void *data)
{
    struct leave *l = mem_new(struct leave);
    *l = (struct leave){.agent = a, .lan = lan, .wan = wan, .cb = cb, .data = data};
    l->timer.fire = on_timer;
    log_info(a->config->server ? LOG : "agent.client", "%s starting leave",
             a->config->server ? "server" : "client");
    next(l, STEP_TRANSFER);
    return l;
}

void leave_free(struct leave *l)
{
    if (l)
        timers_cancel(l->agent->timers, &l->timer);
    mem_free(l);
}
