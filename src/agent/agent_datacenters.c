/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The known datacenters by distance: the median of the round-trip times that the coordinates of
 * their servers give (consul: router.GetDatacentersByDistance). Our own comes first.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_state.h"
#include "gossip/gossip_vivaldi.h"

#define SERVERS_EACH 32

struct near {
    const char *name;
    double rtt; /* nanoseconds */
};

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int by_distance(const void *a, const void *b)
{
    const struct near *x = a, *y = b;
    return x->rtt < y->rtt ? -1 : x->rtt > y->rtt ? 1 : strcmp(x->name, y->name);
}

static double median_rtt(struct agent *a, const char *dc)
{
    struct pool *wan = cluster_wan(a->cluster);
    struct pair tags[MEMBER_TAGS_MAX];
    struct member m;
    double rtts[SERVERS_EACH];
    size_t n = 0;
    if (strcmp(dc, a->config->datacenter) == 0)
        return -1;
    for (uint32_t i = 0; wan && n < SERVERS_EACH && pool_at(wan, i, &m, tags); i++) {
        struct gossip *g = pool_gossip(wan);
        struct gossip_coordinate there;
        if (str_eq_z(m.dc, dc) && gossip_member_coordinate(g, gossip_at(g, i), &there) == 0)
            rtts[n++] = (double)gossip_vivaldi_distance(gossip_get_coordinate(g), &there).ns;
    }
    if (n == 0)
        return 1e18; /* consul: unknown ones come last */
    qsort(rtts, n, sizeof rtts[0], by_number);
    return rtts[n / 2];
}

void agent_each_datacenter(struct agent *a, void (*each)(void *data, const char *name), void *data)
{
    const char *names[SERVERS_MAX];
    struct near dcs[SERVERS_MAX];
    size_t n = servers_datacenters(&a->servers, names, SERVERS_MAX);
    for (size_t i = 0; i < n; i++)
        dcs[i] = (struct near){names[i], median_rtt(a, names[i])};
    qsort(dcs, n, sizeof dcs[0], by_distance);
    for (size_t i = 0; i < n; i++)
        each(data, dcs[i].name);
}
