/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/fact.h"

static void on_server(void *data, const char *id, const char *address, bool voter)
{
    buf_putf(data, "%s\t%s\t%s\n", address, id, voter ? "voter" : "learner");
}

bool fact_of_log(const struct consensus *c, struct str name, struct buf *out)
{
    struct consensus_stats stats;
    consensus_get_stats(c, &stats);
    if (str_eq_z(name, "leader") || str_eq_z(name, "status/leader")) {
        if (consensus_leader_address(c)[0])
            buf_putf(out, "%s\n", consensus_leader_address(c));
    } else if (str_eq_z(name, "status/peers")) {
        consensus_servers(c, on_server, out);
    } else if (str_eq_z(name, "status/term")) {
        buf_putf(out, "%llu\n", (unsigned long long)stats.term);
    } else if (str_eq_z(name, "status/commit_index")) {
        buf_putf(out, "%llu\n", (unsigned long long)stats.commit_index);
    } else if (str_eq_z(name, "index") || str_eq_z(name, "status/applied_index")) {
        buf_putf(out, "%llu\n", (unsigned long long)stats.applied_index);
    } else {
        return false;
    }
    return true;
}
