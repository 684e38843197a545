/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who belongs to a simulated cluster: what operators change, and servers lost for good, as far as
 * the rest can go on without them.
 */
#include "tests/sim/sim_cluster.h"

/* Would those that are left be able to go on? Operators do not vote the living out. */
static bool is_wise(const struct raft_configuration *c, enum raft_change_kind kind,
                    const struct server *target)
{
    uint32_t living = 0, voters = 0;

    if (target->dead)
        return kind == RAFT_REMOVE || kind == RAFT_DEMOTE;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct server *s = cluster_find(c->servers[i].id);
        if (c->servers[i].suffrage != RAFT_VOTER || s == target)
            continue;
        voters++;
        living += !s->dead;
    }
    return living > voters / 2 || voters == 0;
}

/* Of an index that some server has applied another configuration cannot come into effect. */
static void forget_decided(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < sim.proposed_n; i++)
        if (sim.proposed[i].index > sim.truth_n)
            sim.proposed[n++] = sim.proposed[i];
    sim.proposed_n = n;
}

void member_change(struct server *s)
{
    static const enum raft_change_kind kinds[] = {RAFT_ADD_LEARNER, RAFT_PROMOTE, RAFT_PROMOTE,
                                                  RAFT_PROMOTE,     RAFT_DEMOTE,  RAFT_REMOVE,
                                                  RAFT_ADDRESS};
    struct server *target = &sim.servers[cluster_below((uint64_t)sim.n)];
    enum raft_change_kind kind = kinds[cluster_below(sizeof kinds / sizeof *kinds)];
    bool ready = s->r->commit >= s->r->term_start && s->r->conf.index <= s->r->commit;
    char address[32];
    uint64_t index;

    if (!is_wise(&s->r->conf, kind, target))
        return;
    snprintf(address, sizeof address, "10.0.0.%" PRIu64 ":8300", cluster_below(100));
    if (raft_change(s->r, kind, str_z(target->name), str_z(address), &index) < 0)
        return;
    CHECK(ready, "a change before the one before, or an entry of the term, is committed", s);
    sim.totals.changes++;
    forget_decided();
    if (sim.proposed_n < PROPOSED_MAX)
        sim.proposed[sim.proposed_n++] = s->r->conf;
}

static bool can_do_without(const struct raft_configuration *c, const struct server *s)
{
    uint32_t living = 0;

    for (uint32_t n = 0; n < c->n; n++) {
        const struct server *v = cluster_find(c->servers[n].id);
        living += c->servers[n].suffrage == RAFT_VOTER && !v->dead && v != s;
    }
    return c->n == 0 || living > raft_configuration_voters(c) / 2;
}

/* For good: only where every configuration that may be in effect can do without: those of the logs,
 * and those that nobody may have but a message that is late. */
void member_lose(struct server *s)
{
    if (s->dead || sim.n == SERVERS_MAX || sim.lost >= 2)
        return;
    forget_decided();
    if (sim.proposed_n == PROPOSED_MAX)
        return;
    for (unsigned i = 0; i < sim.proposed_n; i++)
        if (!can_do_without(&sim.proposed[i], s))
            return;
    for (int i = 0; i < sim.n; i++) {
        const struct server *o = &sim.servers[i];
        struct raft_configuration c;
        if (o->dead)
            continue;
        if (!o->up || o->failed)
            return;
        for (int k = 0; k < 2; k++) {
            raft_configuration_at(o->r, k ? o->r->applied : o->r->log.last, &c);
            if (!can_do_without(&c, s))
                return;
        }
    }
    cluster_crash(s);
    s->dead = true;
    sim.lost++;
    sim.totals.lost++;
    cluster_start(cluster_add(false));
}
