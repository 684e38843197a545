/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/quorum.h"

#include "agent/agent_state.h"

struct gather {
    struct agent *agent;
    struct autopilot_peer *peers;
    size_t n, max;
};

static void on_server(void *data, const char *id, const char *address, bool voter)
{
    struct gather *g = data;
    struct consensus_stats s;
    if (g->n == g->max)
        return;
    struct autopilot_peer *p = &g->peers[g->n++];
    *p = (struct autopilot_peer){.voter = voter};
    (void)str_copy_z(str_z(id), p->id, sizeof p->id);
    (void)str_copy_z(str_z(address), p->address, sizeof p->address);
    p->leader = g->agent->is_leader && strcmp(id, g->agent->node_id) == 0;
    consensus_get_stats(g->agent->consensus, &s);
    p->last_index = s.last_log_index;
}

size_t quorum_peers(struct agent *a, struct autopilot_peer *ret, size_t max)
{
    struct gather g = {a, ret, 0, max};
    if (a->consensus)
        consensus_servers(a->consensus, on_server, &g);
    return g.n;
}

int quorum_change(struct agent *a, const struct autopilot_change *change, quorum_fn done,
                  void *data)
{
    (void)a, (void)change, (void)done, (void)data;
    return ERR_UNSUPPORTED;
}

int quorum_transfer(struct agent *a, const char *id, quorum_fn done, void *data)
{
    (void)a, (void)id, (void)done, (void)data;
    return ERR_UNSUPPORTED;
}

int quorum_bootstrap(struct agent *a, const struct autopilot_peer *servers, size_t n)
{
    (void)a, (void)servers, (void)n;
    return ERR_UNSUPPORTED;
}

void quorum_set_address(struct agent *a, const char *id, const struct addr *address)
{
    (void)a, (void)id, (void)address;
}
