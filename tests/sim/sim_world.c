/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happens to a cluster in one run, all of it by the seed: how many
 * servers, which network and disks, what clients and operators want, which
 * faults come when. Then the faults end, and it must come to rest; and then
 * two calm trials: a server that was cut off comes back and must depose nobody
 * (9.6, 4.2.3), and a leader that is cut off must notice (6.2).
 */
#include "tests/sim/sim_cluster.h"

/* ---- clients and operators ---- */

static void propose(struct server *s, uint64_t n)
{
    uint64_t words[64] = {0}, index;

    for (; n; n--) {
        words[0] = ++sim.next_value;
        size_t size = cluster_chance(900) ? 8 : sizeof words;
        struct raft_entry *e =
            raft_entry_new(RAFT_ENTRY_COMMAND, str_make((const char *)words, size));
        if (raft_propose(s->r, e, &index) < 0) {
            raft_entry_unref(e);
            return;
        }
        CHECK(s->r->log.last - s->r->applied <= 200 && s->r->unapplied_bytes <= 32768,
              "proposals without bound", s);
    }
}

static void read_state(struct server *s)
{
    uint64_t id;

    if (s->read_last - s->read_done >= READS - 1 || raft_read(s->r, &id) < 0)
        return;
    s->reads[id % READS] = sim.acked;
    s->read_last = id;
}

static void cut(int from, int to, int64_t until)
{
    if (sim.cut_until[from][to] < until)
        sim.cut_until[from][to] = until;
}

static void isolate(const struct server *s, bool in, bool out, int64_t until)
{
    int me = cluster_number(s);

    for (int i = 0; i < sim.n; i++) {
        if (in)
            cut(i, me, until);
        if (out)
            cut(me, i, until);
    }
}

static void transfer(struct server *s)
{
    if (raft_transfer(s->r, cluster_clock(s), 0) < 0)
        return;
    sim.totals.transfers++;
    cluster_drain(s); /* its word is out; what comes of it, it may not hear */
    if (cluster_chance(300) && !sim.calm)
        isolate(s, true, false, sim.now + sim.election.ns);
}

/* Whoever thinks that it leads is asked. */
static void work(void)
{
    for (int i = 0; i < sim.n; i++) {
        struct server *s = &sim.servers[i];
        if (!cluster_is_awake(s))
            continue;
        if (cluster_chance(10))
            cluster_compact(s, cluster_below(30));
        if (s->r->role == RAFT_LEADER) {
            uint64_t what = cluster_below(100);
            if (what < 50 && sim.truth_n + 1000 < ENTRIES_MAX)
                propose(s, what == 0 ? 250 : 1 + cluster_below(4));
            if (what >= 40 && what < 80)
                read_state(s);
            if (what >= 80 && what < 90 && !sim.calm)
                member_change(s);
            if (what == 99 && !sim.calm && cluster_chance(500))
                transfer(s);
        }
        cluster_drain(s);
    }
    cluster_event(cluster_random(sim.work_mean), WORK, NULL, 0);
}

/* ---- faults ---- */

/* Two clocks part by at most a tenth: what leases allow for (cluster_start). */
static double random_rate(void)
{
    return cluster_chance(500)   ? 0.953 + 0.094 * rng_unit(&sim.rng)
           : cluster_chance(500) ? 0.953
                                 : 1.047;
}

static void crash(struct server *s)
{
    if (!s->up || s->dead)
        return;
    cluster_crash(s);
    cluster_event(cluster_random(cluster_chance(100) ? 1500 * MS : 150 * MS), RESTART, s, 0);
}

static void split(int64_t until)
{
    uint64_t side = rng_u64(&sim.rng);
    bool one_way = cluster_chance(300);

    for (int a = 0; a < sim.n; a++)
        for (int b = 0; b < sim.n; b++)
            if ((side >> a & 1) != (side >> b & 1) && (!one_way || (side >> a & 1)))
                cut(a, b, until);
}

static void fail_disk(struct server *s)
{
    if (!cluster_is_awake(s) || s->failed)
        return;
    cluster_disk_fails(s);
    cluster_event(cluster_random(60 * MS), DISK_BACK, s, s->disk_life);
    cluster_drain(s);
}

static void fault(void)
{
    struct server *leader = check_leader(), *s = &sim.servers[cluster_below((uint64_t)sim.n)];
    int64_t time = cluster_random(cluster_chance(200) ? 800 * MS : 2 * sim.election.ns);
    /* What a server that sleeps, or its disk, was to do comes when it wakes, also after the heal;
     * so it wakes well before the world must have come to rest. */
    int64_t until = sim.now + (time < 20 * sim.election.ns ? time : 20 * sim.election.ns);

    if (leader && cluster_chance(400))
        s = leader;
    switch (cluster_below(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
        crash(s);
        break;
    case 4:
        if (cluster_chance(200))
            for (int i = 0; i < sim.n; i++)
                crash(&sim.servers[i]);
        break;
    case 5:
    case 6:
        if (s->up && s->paused_until < until)
            s->paused_until = until;
        break;
    case 7:
    case 8:
        isolate(s, true, true, until);
        break;
    case 9:
        isolate(s, true, false, until);
        break;
    case 10:
        isolate(s, false, true, until);
        break;
    case 11:
    case 12:
        split(until);
        break;
    case 13:
    case 14:
        cut((int)cluster_below((uint64_t)sim.n), cluster_number(s), until);
        cut(cluster_number(s), (int)cluster_below((uint64_t)sim.n), until);
        break;
    case 15:
        fail_disk(s);
        break;
    case 16:
        s->stall_until = until < sim.now + 1000 * MS ? until : sim.now + 1000 * MS;
        break;
    case 17:
        cluster_set_rate(s, random_rate());
        break;
    case 18:
        s->snap_gone = s->snap.index > 0;
        break;
    case 19:
        if (cluster_chance(100))
            member_lose(s);
        break;
    }
    cluster_event(cluster_random(sim.fault_mean), FAULT, NULL, 0);
}

/* ---- a run ---- */

static void run_until(int64_t until)
{
    struct event e;

    while (cluster_next(until, &e)) {
        if (e.kind == WORK)
            work();
        else if (e.kind == FAULT && !sim.calm)
            fault();
        else if (e.kind != FAULT)
            cluster_obey(&e);
    }
}

static void set_up(uint64_t seed)
{
    static const uint8_t sizes[] = {1, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 5, 6, 7, 8, 9};

    sim.truth_n = sim.acked = sim.next_value = sim.order = 0;
    sim.now = 0;
    sim.n = 0;
    sim.calm = false;
    memset(sim.order_of, 0, sizeof sim.order_of);
    sim.founders = (struct raft_configuration){0};
    memset(sim.cut_until, 0, sizeof sim.cut_until);
    memset(sim.leaders, 0, sizeof sim.leaders);
    sim.lost = sim.proposed_n = 0;
    sim.seed = seed;
    rng_init(&sim.rng, seed);
    bool slow = cluster_chance(400);
    sim.election = slow ? DURATION_MS(250) : DURATION_MS(100);
    sim.delay_min = slow ? 1 * MS : 50 * US;
    sim.delay_range = slow ? 30 * MS : cluster_chance(500) ? 500 * US : 5 * MS;
    sim.disk_range = slow ? 20 * MS : cluster_chance(500) ? 300 * US : 4 * MS;
    sim.loss = cluster_chance(600) ? cluster_below(200) : 0;
    sim.dup = cluster_chance(500) ? cluster_below(100) : 0;
    sim.late = cluster_chance(500) ? cluster_below(50) : 0;
    sim.in_order = cluster_chance(500);
    sim.batch_bytes = cluster_chance(400) ? 0 : 50 + cluster_below(500);
    sim.work_mean = cluster_chance(300) ? 3 * MS : 20 * MS;
    sim.fault_mean = cluster_chance(300) ? 300 * MS : cluster_chance(500) ? 60 * MS : 25 * MS;
    uint64_t n = sizes[cluster_below(sizeof sizes)];
    uint64_t voters = cluster_chance(600) ? n : 1 + cluster_below(n);
    for (uint64_t i = 0; i < n; i++) {
        struct server *s = cluster_add(i < voters);
        s->rate = random_rate();
        if (s->founder)
            CHECK(raft_configuration_put(&sim.founders, str_z(s->name), STR_LIT("10.0.0.1:8300"),
                                         RAFT_VOTER) == 0,
                  "configuration", s);
    }
    for (int i = 0; i < sim.n; i++)
        cluster_start(&sim.servers[i]);
    cluster_event(1, WORK, NULL, 0);
    cluster_event(1, FAULT, NULL, 0);
}

static void heal(void)
{
    sim.calm = sim.in_order = true;
    sim.calm_since = sim.now;
    sim.loss = sim.dup = sim.late = 0;
    memset(sim.order_of, 0, sizeof sim.order_of);
    memset(sim.cut_until, 0, sizeof sim.cut_until);
    for (int i = 0; i < sim.n; i++) {
        struct server *s = &sim.servers[i];
        s->paused_until = s->stall_until = 0;
        if (!s->up && !s->dead)
            cluster_start(s);
    }
}

/* Comes to rest without clients, within sixty elections' time. */
static void settle(void)
{
    int64_t end = sim.now + 60 * sim.election.ns, work_mean = sim.work_mean;
    const char *why = "";

    sim.work_mean = INT64_MAX / 64;
    while (sim.now < end && why) {
        run_until(sim.now + 5 * MS);
        why = check_settled();
        if (!why) { /* also when what is still on its way has come */
            run_until(sim.now + 50 * MS);
            why = check_settled();
        }
    }
    CHECK(!why, why, check_leader());
    sim.work_mean = work_mean;
    cluster_event(1, WORK, NULL, 0);
}

/* A server that was cut off, or heard nothing, or was not heard, comes back: the leader stays. */
static void come_back(void)
{
    struct server *leader = check_leader(), *s = &sim.servers[cluster_below((uint64_t)sim.n)];
    uint64_t term = leader->r->state.term, mode = 1 + cluster_below(3);
    const struct raft_configuration *c = raft_get_configuration(leader->r);

    if (s == leader || s->dead)
        return;
    uint32_t living = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct server *v = cluster_find(c->servers[i].id);
        living += c->servers[i].suffrage == RAFT_VOTER && v != s && !v->dead;
    }
    if (living <= raft_configuration_voters(c) / 2)
        return;
    int64_t work_mean = sim.work_mean;
    if (cluster_chance(500))
        sim.work_mean = INT64_MAX / 64; /* its log stays as good as any */
    if (cluster_chance(400))            /* it hears all but the leader */
        cut(cluster_number(leader), cluster_number(s), sim.now + 5 * sim.election.ns);
    else
        isolate(s, mode & 1, mode & 2, sim.now + 5 * sim.election.ns);
    run_until(sim.now + 8 * sim.election.ns);
    sim.work_mean = work_mean;
    cluster_event(1, WORK, NULL, 0);
    CHECK(leader->r->role == RAFT_LEADER && leader->r->state.term == term,
          "a server that came back deposed the leader", s);
}

/* A leader that is not heard, or hears nothing, is none after two quorum checks, each an
 * election and a heartbeat apart. */
static void unheard(void)
{
    struct server *s = check_leader();
    uint64_t mode = 1 + cluster_below(3);

    if (raft_configuration_voters(raft_get_configuration(s->r)) == 1)
        return;
    isolate(s, mode & 1, mode & 2, INT64_MAX);
    run_until(sim.now + sim.election.ns * 28 / 10);
    CHECK(s->r->role != RAFT_LEADER, "a leader whom nobody answers leads on", s);
    memset(sim.cut_until, 0, sizeof sim.cut_until);
}

/* Leases at their limit. The leader's clock is as slow as it may be, all others' as fast, the
 * network and the disks are quick; then the leader is cut off, and the others go on as soon as they
 * can: by themselves; or one that had not heard the leader for a while asks the others, which are
 * restarted in this moment; or, of two, the one whom the leader has just left alone is restarted.
 */
static void expire_lease(void)
{
    struct server *leader = check_leader(), *deaf = NULL;
    const struct raft_configuration *c = raft_get_configuration(leader->r);
    int64_t work_mean = sim.work_mean;
    uint64_t index;

    if (raft_configuration_voters(c) == 1)
        return;
    for (int i = 0; i < sim.n; i++)
        cluster_set_rate(&sim.servers[i], &sim.servers[i] == leader ? 0.953 : 1.047);
    sim.work_mean = INT64_MAX / 64; /* whoever is deaf shall not fall behind */
    sim.delay_min = 50 * US;
    sim.delay_range = sim.disk_range = 200 * US;
    run_until(sim.now + 3 * sim.election.ns + (int64_t)cluster_below((uint64_t)sim.election.ns));
    sim.work_mean = work_mean;
    cluster_event(2 * sim.election.ns, WORK, NULL, 0);
    if (leader->r->role != RAFT_LEADER)
        return;
    bool restart = cluster_chance(500);
    if (c->n == 2 && raft_configuration_voters(c) == 2 && restart) {
        if (raft_change(leader->r, RAFT_REMOVE, str_z(leader->name), STR_NONE, &index) < 0)
            return;
        isolate(leader, true, false, INT64_MAX);
        cluster_drain(leader);
        run_until(sim.now + 3 * MS);
    } else if (restart) {
        do
            deaf = cluster_find(c->servers[cluster_below(c->n)].id);
        while (deaf == leader);
        cut(cluster_number(leader), cluster_number(deaf), INT64_MAX);
        run_until(sim.now + 2 * sim.election.ns +
                  (int64_t)cluster_below((uint64_t)sim.election.ns));
    }
    isolate(leader, true, true, INT64_MAX);
    for (int i = 0; i < sim.n && restart; i++)
        if (&sim.servers[i] != leader && &sim.servers[i] != deaf && sim.servers[i].up)
            cluster_event(1, BOUNCE, &sim.servers[i], 0);
    run_until(sim.now + sim.election.ns * 3 / 2);
    memset(sim.cut_until, 0, sizeof sim.cut_until);
}

static struct server *other_voter(const struct server *a, const struct server *b)
{
    const struct raft_configuration *c = raft_get_configuration(a->r);

    for (uint32_t i = 0; i < c->n; i++) {
        struct server *s = cluster_find(c->servers[i].id);
        if (s != a && s != b && s->up && c->servers[i].suffrage == RAFT_VOTER)
            return s;
    }
    return NULL;
}

/* A disk that stalls holds entries which a new leader probed with; before they are durable, that
 * leader gives a snapshot of less. What is acknowledged then? */
static void overtake_disk(void)
{
    struct server *old = check_leader(), *slow = other_voter(old, NULL), *next;
    int64_t work_mean = sim.work_mean;

    if (!slow || !(next = other_voter(old, slow)))
        return;
    sim.work_mean = INT64_MAX / 64;
    run_until(sim.now + sim.election.ns);
    slow->stall_until = sim.now + 4 * sim.election.ns;
    if (old->r->role == RAFT_LEADER && raft_transfer(old->r, cluster_clock(old), next->id) == 0) {
        cluster_drain(old);
        run_until(sim.now + 20 * MS);
    }
    for (int i = 0; i < sim.n; i++)
        if (&sim.servers[i] != next && &sim.servers[i] != slow)
            sim.servers[i].stall_until = sim.now + sim.election.ns / 2;
    if (next->r->role == RAFT_LEADER) {
        propose(next, 3);
        cluster_drain(next);
        uint64_t index = next->r->log.last;
        for (int i = 0; i < sim.n; i++)
            if (&sim.servers[i] != slow) /* what comes now, only the slow one gets */
                cut(cluster_number(next), i, sim.now + sim.election.ns);
        propose(next, 2);
        cluster_drain(next);
        for (int i = 0; i < 10000 && next->up && next->applied < index; i++)
            run_until(sim.now + MS / 10);
        cluster_compact(next, 0);
        cluster_drain(next);
    }
    run_until(sim.now + 5 * sim.election.ns);
    sim.work_mean = work_mean;
    cluster_event(1, WORK, NULL, 0);
}

void world_run(uint64_t seed)
{
    set_up(seed);
    run_until((int64_t)(2000 + cluster_below(8000)) * MS);
    heal();
    settle();
    come_back();
    settle();
    unheard();
    settle();
    expire_lease();
    settle();
    overtake_disk();
    settle();
    cluster_tear_down();
    sim.totals.seeds++;
}
