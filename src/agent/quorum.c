/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/quorum.h"

#include "agent/agent_state.h"
#include "base/mem.h"

struct gather {
    struct agent *agent;
    struct autopilot_peer *peers;
    size_t n, max;
};

static void on_peer(void *data, const struct consensus_peer *c)
{
    struct gather *g = data;
    if (g->n == g->max)
        return;
    struct autopilot_peer *p = &g->peers[g->n++];
    *p = (struct autopilot_peer){
        .voter = c->voter,
        .leader = c->is_leader,
        .last_index = c->match_index,
        /* never heard: as long as this server can tell */
        .last_contact = c->heard ? c->last_contact : instant_since(clock_now(), g->agent->started),
    };
    (void)str_copy_z(str_z(c->id), p->id, sizeof p->id);
    (void)str_copy_z(str_z(c->address), p->address, sizeof p->address);
}

size_t quorum_peers(struct agent *a, struct autopilot_peer *ret, size_t max)
{
    struct gather g = {a, ret, 0, max};
    if (a->consensus)
        consensus_peers(a->consensus, on_peer, &g);
    return g.n;
}

/* ---- changes ---- */

struct change {
    struct consensus_change change;
    quorum_fn done;
    void *data;
};

static void on_changed(struct consensus_change *c)
{
    struct change *ch = LIST_ITEM(c, struct change, change);
    ch->done(ch->data, c->status);
    mem_free(ch);
}

int quorum_change(struct agent *a, const struct autopilot_change *change, quorum_fn done,
                  void *data)
{
    static const enum consensus_change_kind kinds[] = {
        [AUTOPILOT_ADD_LEARNER] = CONSENSUS_ADD_LEARNER,
        [AUTOPILOT_PROMOTE] = CONSENSUS_PROMOTE,
        [AUTOPILOT_READDRESS] = CONSENSUS_ADDRESS,
        [AUTOPILOT_REMOVE] = CONSENSUS_REMOVE,
    };
    if (!a->consensus || !consensus_is_leader(a->consensus))
        return ERR_NOT_LEADER;
    struct change *ch = mem_new(struct change);
    ch->done = done;
    ch->data = data;
    ch->change.done = on_changed;
    consensus_change(a->consensus, kinds[change->kind], change->id, change->address, &ch->change);
    return 0;
}

/* ---- transfer ---- */

/* consul: leadership transfer is given up after an election timeout */
#define TRANSFER_TIME DURATION_S(3)
#define TRANSFER_LOOK DURATION_MS(10)

struct transfer {
    struct agent *agent;
    struct timer timer;
    struct instant deadline;
    quorum_fn done;
    void *data;
};

static void on_transfer(struct timer *t, struct instant now)
{
    struct transfer *tr = LIST_ITEM(t, struct transfer, timer);
    struct consensus_stats s;
    consensus_get_stats(tr->agent->consensus, &s);
    bool leads = strcmp(s.state, "Leader") == 0;
    const char *leader = consensus_leader_address(tr->agent->consensus);
    bool is_over = leads ? !instant_before(now, tr->deadline) : leader[0] != '\0';
    if (!is_over && instant_before(now, tr->deadline)) {
        timers_set(tr->agent->timers, t, instant_add(now, TRANSFER_LOOK));
        return;
    }
    tr->done(tr->data, leads ? ERR_TIMEOUT : 0);
    mem_free(tr);
}

int quorum_transfer(struct agent *a, const char *id, quorum_fn done, void *data)
{
    int rc = a->consensus ? consensus_transfer(a->consensus, id) : ERR_NOT_LEADER;
    if (rc)
        return rc;
    struct transfer *tr = mem_new(struct transfer);
    tr->agent = a;
    tr->done = done;
    tr->data = data;
    tr->timer.fire = on_transfer;
    tr->deadline = instant_add(clock_now(), TRANSFER_TIME);
    timers_set(a->timers, &tr->timer, instant_add(clock_now(), TRANSFER_LOOK));
    return 0;
}

/* ---- the first configuration ---- */

int quorum_bootstrap(struct agent *a, const struct autopilot_peer *servers, size_t n)
{
    struct consensus_server all[RAFT_SERVERS_MAX];
    struct error err = {0};
    if (n > RAFT_SERVERS_MAX)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < n; i++) {
        all[i] = (struct consensus_server){.voter = servers[i].voter};
        (void)str_copy_z(str_z(servers[i].id), all[i].id, sizeof all[i].id);
        (void)str_copy_z(str_z(servers[i].address), all[i].address, sizeof all[i].address);
    }
    int rc = consensus_bootstrap(a->consensus, all, n, &err);
    /* the others were quicker: their log brings the configuration */
    return rc == ERR_EXISTS ? 0 : rc;
}

void quorum_set_address(struct agent *a, const char *id, const struct addr *address)
{
    char text[ADDR_TEXT_MAX];
    if (!a->consensus || strcmp(id, a->node_id) == 0)
        return;
    addr_format(address, text);
    consensus_locate(a->consensus, id, text);
}
