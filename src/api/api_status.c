/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/api_status.h"

void api_status_leader(struct api_call *c, struct agent *agent)
{
    struct jwrite w = api_json(c);

    jwrite_z(&w, consensus_leader_address(agent_consensus(agent)));
    jwrite_end(&w);
}

static void put_peer(void *data, const char *id, const char *address, bool voter)
{
    (void)id;
    (void)voter;
    jwrite_z(data, address);
}

void api_status_peers(struct api_call *c, struct agent *agent)
{
    struct jwrite w = api_json(c);

    jwrite_array(&w);
    consensus_servers(agent_consensus(agent), put_peer, &w);
    jwrite_close(&w);
    jwrite_end(&w);
}
