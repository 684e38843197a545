/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clusters of one to seven raft machines on virtual time, with a network that
 * loses, delays, doubles and reorders, one-way partitions, pauses, drifting
 * clocks, crashes that lose what was not yet durable, disks that fail and come
 * back, snapshots, membership changes and leadership transfers.
 *
 *     sim_raft [SEED [COUNT]]     SIM_RAFT_TRACE=1 tells the story
 *
 * Checked after every step: one leader a term (election safety); a new leader has all that was ever
 * applied (leader completeness); all servers apply the same entries (state machine safety); what
 * was applied somewhere never changes (no lost acknowledgement); a confirmed read, and a lease,
 * covers what was acknowledged before (linearizability). At the end of each run faults stop, and
 * within ten seconds there is a leader, a new proposal is decided, and all members have it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "raft/raft.h"

#define SERVERS     7
#define ENTRIES_MAX 20000
#define MESSAGES    4096
#define PERSISTS    256
#define TERMS_MAX   4096
#define MS          INT64_C(1000000)
#define CHUNKS      3

struct persist {
    struct raft_persist p;
    struct raft_entry **entries;
    size_t n;
    int64_t at;
};
struct server {
    struct raft *r;
    struct rng rng;
    uint64_t id;
    char name[32];
    bool up, failed, founder;
    int64_t paused_until;
    double rate;
    /* the disk */
    struct raft_state state;
    uint64_t base, base_term;
    struct raft_entry **log; /* base + 1 ... */
    size_t log_n;
    uint64_t snapshot, snapshot_term;
    struct raft_configuration snapshot_conf;
    struct persist persists[PERSISTS];
    size_t persist_n;
    /* the state machine */
    uint64_t applied;
    uint64_t chunk_index, chunk_have;
    /* reads: by id, what they must see */
    uint64_t reads[1024];
    enum raft_role role;
};
struct letter {
    struct str bytes;
    int64_t at;
    int to;
};
struct truth { /* what was applied at an index, anywhere */
    uint64_t term, value;
    uint64_t in_term; /* of who applied it first */
    uint8_t kind;
};
static struct sim {
    uint64_t seed;
    struct rng rng;
    int64_t now;
    struct server servers[SERVERS];
    int n; /* that exist */
    struct raft_configuration founders;
    struct letter letters[MESSAGES];
    size_t letter_n;
    bool blocked[SERVERS][SERVERS];
    uint64_t loss, dup, delay_ms;       /* percent, percent, most */
    uint64_t crash, cut, disk_ms, busy; /* per mille, per mille, most, per mille */
    struct truth truth[ENTRIES_MAX];
    uint64_t truth_n, acked;
    uint64_t leaders[TERMS_MAX];
    uint64_t next_value;
    bool quiet; /* no more faults */
    bool trace;
    uint64_t commits, elections, changes, crashes, installs, reads_ok; /* counted */
} sim;

static void die(const char *what, const struct server *s)
{
    printf("Bail out! seed %" PRIu64 " at %" PRId64 " ms, server %d: %s\n", sim.seed, sim.now / MS,
           s ? (int)(s - sim.servers) : -1, what);
    exit(1);
}
#define CHECK(cond, what, s) ((cond) ? (void)0 : die(what, s))

static bool chance(uint64_t per_mille)
{
    return rng_below(&sim.rng, 1000) < per_mille;
}

static struct instant clock_of(const struct server *s)
{
    return (struct instant){(int64_t)((double)sim.now * s->rate) + 1000000000};
}

static void tell(void *data, enum raft_trace_kind kind, uint64_t a, uint64_t b)
{
    static const char *const names[] = {"follower",  "timeout",      "pre-vote", "candidate",
                                        "vote",      "won",          "leader",   "no quorum",
                                        "not voter", "configuration"};
    const struct server *s = data;

    if (sim.trace)
        printf("# %6" PRId64 " s%d %s %" PRIx64 " %" PRIu64 "\n", sim.now / MS,
               (int)(s - sim.servers), names[kind], a, b);
    if (kind == RAFT_TRACE_LEADER)
        sim.elections++;
}

/* ---- a server's life ---- */

static void log_truncate(struct server *s, uint64_t from)
{
    while (s->log_n && s->base + s->log_n >= from)
        raft_entry_unref(s->log[--s->log_n]);
}

static void start(struct server *s, const struct raft_configuration *bootstrap)
{
    struct raft_options o = {.id = s->id,
                             .election = DURATION_MS(100),
                             .heartbeat = DURATION_MS(20),
                             .sole = DURATION_MS(20),
                             .drift = DURATION_MS(10),
                             .inflight_max = 200,
                             .inflight_bytes_max = 1 << 20};

    s->r = raft_new(&o, &s->rng, tell, s);
    s->up = true;
    s->failed = false;
    s->role = RAFT_FOLLOWER;
    s->persist_n = 0;
    s->chunk_index = s->chunk_have = 0;
    s->applied = s->snapshot;
    if (bootstrap && s->state.term == 0 && s->log_n == 0 && !s->snapshot) {
        raft_bootstrap(s->r, bootstrap);
    } else {
        raft_restore_state(s->r, s->state);
        if (s->snapshot)
            raft_restore_snapshot(s->r, s->snapshot, s->snapshot_term, &s->snapshot_conf);
        raft_restore_base(s->r, s->base, s->base_term);
        for (size_t i = 0; i < s->log_n; i++) {
            /* a copy: the machine counts references on its own thread */
            struct raft_entry *e = raft_entry_new(s->log[i]->kind, raft_entry_str(s->log[i]));
            e->index = s->log[i]->index;
            e->term = s->log[i]->term;
            CHECK(raft_restore_entry(s->r, e) == 0, "restore", s);
        }
    }
    raft_start(s->r, clock_of(s));
}

static void apply_persist(struct server *s, const struct persist *p)
{
    if (p->p.has_reset) {
        log_truncate(s, 0);
        s->base = p->p.reset_index;
        s->base_term = p->p.reset_term;
    }
    if (p->p.truncate_from)
        log_truncate(s, p->p.truncate_from);
    if (p->p.has_state)
        s->state = p->p.state;
    for (size_t i = 0; i < p->n; i++) {
        CHECK(p->entries[i]->index == s->base + s->log_n + 1, "a gap in what is persisted", s);
        s->log = mem_realloc(s->log, (s->log_n + 1) * sizeof *s->log);
        s->log[s->log_n++] = raft_entry_ref(p->entries[i]);
    }
}

static void drop_persist(struct server *s)
{
    for (size_t i = 0; i < s->persists[0].n; i++)
        raft_entry_unref(s->persists[0].entries[i]);
    mem_free(s->persists[0].entries);
    memmove(s->persists, s->persists + 1, --s->persist_n * sizeof *s->persists);
}

/* Of what was under way, a prefix is on the disk. */
static void crash(struct server *s)
{
    uint64_t n = rng_below(&sim.rng, s->persist_n + 1);

    for (uint64_t i = 0; s->persist_n; i++) {
        if (i < n && !s->failed)
            apply_persist(s, &s->persists[0]);
        drop_persist(s);
    }
    raft_free(s->r);
    s->r = NULL;
    s->up = false;
    sim.crashes++;
}

/* ---- effects ---- */

static struct server *by_id(uint64_t id)
{
    for (int i = 0; i < sim.n; i++)
        if (sim.servers[i].id == id)
            return &sim.servers[i];
    return NULL;
}

static void post(const struct server *from, const struct raft_message *m)
{
    struct server *to = by_id(m->to);
    struct buf bytes;

    if (!to || sim.blocked[from - sim.servers][to - sim.servers])
        return;
    for (int copies = chance(sim.dup * 10) ? 2 : 1; copies; copies--) {
        if (chance(sim.loss * 10) || sim.letter_n == MESSAGES)
            continue;
        buf_init(&bytes, 0);
        raft_message_encode(m, &bytes);
        sim.letters[sim.letter_n++] = (struct letter){
            buf_take(&bytes), sim.now + (int64_t)rng_below(&sim.rng, sim.delay_ms + 1) * MS,
            (int)(to - sim.servers)};
    }
}

/* A snapshot's chunk carries the configuration, each time. */
static void on_send(struct server *s, struct raft_message *m)
{
    if (m->kind == RAFT_SNAPSHOT) {
        struct buf b;
        if (m->index != s->snapshot) {
            raft_snapshot_gone(s->r, m->index, m->log_term);
            goto out;
        }
        buf_init(&b, 0);
        buf_put_u64(&b, s->snapshot_conf.index);
        raft_configuration_encode(&s->snapshot_conf, &b);
        m->last = m->offset == CHUNKS - 1;
        m->chunk = buf_take(&b);
    }
    post(s, m);
out:
    raft_message_free(m);
}

static void on_chunk(struct server *s, struct raft_message *m)
{
    struct raft_configuration conf;
    struct cursor in = cursor_make(m->chunk);

    if (s->chunk_index != m->index) {
        s->chunk_index = m->index;
        s->chunk_have = 0;
    }
    if (m->offset == s->chunk_have)
        s->chunk_have++;
    if (s->chunk_have < CHUNKS || !m->last) {
        raft_chunk_stored(s->r, m->index, m->log_term, s->chunk_have);
    } else {
        uint64_t conf_index = cursor_u64(&in);
        CHECK(raft_configuration_decode(str_drop(m->chunk, 8), &conf) == 0, "configuration", s);
        conf.index = conf_index;
        CHECK(m->index <= sim.truth_n && sim.truth[m->index].term == m->log_term,
              "a snapshot of what was never applied", s);
        s->chunk_index = 0;
        if (!raft_snapshot_install(s->r, m->index))
            goto out;
        s->snapshot = s->applied = m->index;
        s->snapshot_term = m->log_term;
        s->snapshot_conf = conf;
        raft_snapshot_installed(s->r, m->index, m->log_term, &conf);
        sim.installs++;
    }
out:
    raft_message_free(m);
}

static void on_persist(struct server *s, const struct raft_persist *p)
{
    CHECK(s->persist_n < PERSISTS, "too many batches in flight", s);
    struct persist *x = &s->persists[s->persist_n++];
    *x = (struct persist){.p = *p, .at = sim.now + (int64_t)rng_below(&sim.rng, sim.disk_ms) * MS};
    if (s->persist_n > 1 && x->at < x[-1].at)
        x->at = x[-1].at;
    if (p->last >= p->first)
        x->n = p->last - p->first + 1;
    x->entries = mem_alloc(x->n * sizeof *x->entries);
    for (size_t i = 0; i < x->n; i++)
        x->entries[i] = raft_entry_ref(raft_entry_at(s->r, p->first + i));
}

static void on_apply(struct server *s, uint64_t first, uint64_t last)
{
    struct raft_facts f;

    raft_get_facts(s->r, &f);
    CHECK(first == s->applied + 1, "applied out of order", s);
    CHECK(last <= s->base + s->log_n, "applied what is not durable here", s);
    for (uint64_t i = first; i <= last; i++) {
        const struct raft_entry *e = raft_entry_at(s->r, i);
        struct truth t = {.term = e->term, .kind = e->kind};
        if (e->size >= 8 && e->kind == RAFT_ENTRY_COMMAND)
            memcpy(&t.value, e->bytes, 8);
        CHECK(i < ENTRIES_MAX, "the run is too long", s);
        if (i > sim.truth_n) {
            CHECK(i == sim.truth_n + 1, "a hole in what is applied", s);
            sim.truth[i] = t;
            sim.truth[i].in_term = f.term;
            sim.truth_n = i;
            sim.commits++;
        }
        CHECK(sim.truth[i].term == t.term && sim.truth[i].kind == t.kind &&
                  sim.truth[i].value == t.value,
              "another entry was applied at this index", s);
    }
    s->applied = last;
    if (s->role == RAFT_LEADER && last > sim.acked)
        sim.acked = last; /* the leader answers its clients */
}

static void check_leader(struct server *s)
{
    struct raft_facts f;

    raft_get_facts(s->r, &f);
    if (f.role == RAFT_LEADER && s->role != RAFT_LEADER) {
        CHECK(f.term < TERMS_MAX, "too many terms", s);
        CHECK(sim.leaders[f.term] == 0 || sim.leaders[f.term] == s->id, "two leaders in a term", s);
        sim.leaders[f.term] = s->id;
        uint64_t i = sim.truth_n; /* a leader of an old term need not have what came after it */
        while (i > 0 && sim.truth[i].in_term >= f.term)
            i--;
        CHECK(f.last >= i, "a leader without an applied entry", s);
        if (i >= f.first)
            CHECK(raft_entry_at(s->r, i)->term == sim.truth[i].term,
                  "a leader with another entry than was applied", s);
    }
    s->role = f.role;
    if (f.role == RAFT_LEADER && instant_before(clock_of(s), f.lease))
        CHECK(s->applied < f.term_start || s->applied >= sim.acked, "a lease that lies", s);
}

static void drain(struct server *s)
{
    struct raft_effect e;

    while (s->up && raft_next_effect(s->r, clock_of(s), &e)) {
        check_leader(s);
        switch (e.kind) {
        case RAFT_EFFECT_PERSIST:
            on_persist(s, &e.u.persist);
            break;
        case RAFT_EFFECT_SEND:
            on_send(s, e.u.message);
            break;
        case RAFT_EFFECT_CHUNK:
            on_chunk(s, e.u.message);
            break;
        case RAFT_EFFECT_READ:
            if (e.u.read.status == 0) {
                CHECK(e.u.read.index >= s->reads[e.u.read.id % 1024], "a stale read", s);
                sim.reads_ok++;
            }
            break;
        case RAFT_EFFECT_APPLY:
            on_apply(s, e.u.apply.first, e.u.apply.last);
            break;
        case RAFT_EFFECT_ROLE:
            break;
        }
    }
    if (s->up)
        check_leader(s);
}

/* ---- the world ---- */

static void propose(struct server *s)
{
    uint64_t value = ++sim.next_value, index;
    struct raft_entry *e = raft_entry_new(RAFT_ENTRY_COMMAND, str_make(&value, sizeof value));

    if (raft_propose(s->r, e, &index) < 0)
        raft_entry_unref(e);
}

static void change(struct server *s)
{
    static const enum raft_change_kind kinds[] = {RAFT_ADD_LEARNER, RAFT_PROMOTE, RAFT_PROMOTE,
                                                  RAFT_DEMOTE, RAFT_REMOVE};
    const struct server *o = &sim.servers[rng_below(&sim.rng, (uint64_t)sim.n)];
    enum raft_change_kind kind = kinds[rng_below(&sim.rng, sizeof kinds / sizeof *kinds)];
    uint64_t index;

    if (raft_change(s->r, kind, str_z(o->name), STR_LIT("address"), &index) == 0)
        sim.changes++;
}

static void compact(struct server *s)
{
    uint64_t index = s->applied, keep = index - rng_below(&sim.rng, index < 20 ? index + 1 : 20);

    if (index <= s->snapshot || index <= s->base || index > s->base + s->log_n)
        return;
    s->snapshot = index;
    s->snapshot_term = raft_entry_at(s->r, index)->term;
    raft_configuration_at(s->r, index, &s->snapshot_conf);
    raft_compact(s->r, index, keep);
    size_t n = keep > s->base ? (size_t)(keep - s->base) : 0;
    if (n == 0)
        return;
    s->base_term = s->log[n - 1]->term;
    s->base = keep;
    for (size_t i = 0; i < n; i++)
        raft_entry_unref(s->log[i]);
    memmove(s->log, s->log + n, (s->log_n - n) * sizeof *s->log);
    s->log_n -= n;
}

static void disk_events(struct server *s)
{
    if (s->failed) {
        if (sim.quiet || chance(5)) {
            s->failed = false;
            raft_storage_back(s->r, clock_of(s));
        }
        return;
    }
    if (!sim.quiet && chance(1) && chance(300)) {
        while (s->persist_n)
            drop_persist(s);
        s->failed = true;
        raft_storage_failed(s->r, clock_of(s), -5);
        return;
    }
    while (s->persist_n && s->persists[0].at <= sim.now) {
        uint64_t seq = s->persists[0].p.seq;
        apply_persist(s, &s->persists[0]);
        drop_persist(s);
        raft_persisted(s->r, clock_of(s), seq);
    }
}

static void faults(void)
{
    struct server *s = &sim.servers[rng_below(&sim.rng, (uint64_t)sim.n)];
    int a = (int)rng_below(&sim.rng, (uint64_t)sim.n),
        b = (int)rng_below(&sim.rng, (uint64_t)sim.n);

    if (chance(sim.cut))
        sim.blocked[a][b] = true;
    if (chance(3))
        sim.blocked[a][b] = false;
    if (chance(sim.crash) && s->up)
        crash(s);
    else if (chance(1) && s->up)
        s->paused_until = sim.now + (int64_t)rng_below(&sim.rng, 400) * MS;
    if (!s->up && chance(10 + sim.crash * 20))
        start(s, s->founder ? &sim.founders : NULL);
}

static void heal(void)
{
    memset(sim.blocked, 0, sizeof sim.blocked);
    sim.loss = sim.dup = 0;
    sim.quiet = true;
    for (int i = 0; i < sim.n; i++) {
        sim.servers[i].paused_until = 0;
        if (!sim.servers[i].up)
            start(&sim.servers[i], sim.servers[i].founder ? &sim.founders : NULL);
    }
}

static void deliver(void)
{
    for (size_t i = 0; i < sim.letter_n;) {
        struct letter l = sim.letters[i];
        struct server *s = &sim.servers[l.to];
        struct raft_message *m;
        if (l.at > sim.now || (s->up && s->paused_until > sim.now)) {
            i++;
            continue;
        }
        sim.letters[i] = sim.letters[--sim.letter_n];
        if (s->up) {
            CHECK(raft_message_decode(l.bytes, &m) == 0, "a message does not decode", s);
            raft_receive(s->r, clock_of(s), m);
            drain(s);
        }
        union {
            const char *in;
            void *out;
        } p = {l.bytes.p};
        mem_free(p.out);
    }
}

static void wishes(struct server *s)
{
    uint64_t id;

    if (sim.truth_n + 500 > ENTRIES_MAX)
        return;
    if (chance(sim.busy))
        for (uint64_t n = rng_below(&sim.rng, 5); n; n--)
            propose(s);
    if (chance(30) && raft_read(s->r, &id) == 0)
        s->reads[id % 1024] = sim.acked;
    if (!sim.quiet && chance(4))
        change(s);
    if (!sim.quiet && chance(1))
        (void)!raft_transfer(s->r, clock_of(s), 0);
    if (chance(4))
        compact(s);
}

static void step(void)
{
    sim.now += MS;
    if (!sim.quiet)
        faults();
    deliver();
    for (int i = 0; i < sim.n; i++) {
        struct server *s = &sim.servers[i];
        if (!s->up || s->paused_until > sim.now)
            continue;
        disk_events(s);
        raft_expire(s->r, clock_of(s));
        wishes(s);
        drain(s);
    }
}

/* Is there a leader, and have all members of its configuration what was applied by now? */
static bool is_settled(uint64_t index)
{
    for (int i = 0; i < sim.n; i++) {
        struct server *s = &sim.servers[i];
        if (s->role != RAFT_LEADER || s->applied < index)
            continue;
        const struct raft_configuration *c = raft_get_configuration(s->r);
        bool all = true;
        for (uint32_t k = 0; k < c->n; k++)
            all = all && by_id(c->servers[k].id)->applied >= index;
        if (all)
            return true;
    }
    return false;
}

static void set_up(uint64_t seed)
{
    sim = (struct sim){.seed = seed, .trace = getenv("SIM_RAFT_TRACE") != NULL};
    rng_init(&sim.rng, seed);
    int voters = 1 + (int)rng_below(&sim.rng, 5);
    sim.n = voters + (int)rng_below(&sim.rng, (uint64_t)(SERVERS - voters) + 1);
    sim.loss = rng_below(&sim.rng, 3) ? rng_below(&sim.rng, 20) : 0;
    sim.dup = rng_below(&sim.rng, 10);
    sim.delay_ms = rng_below(&sim.rng, 30);
    sim.crash = rng_below(&sim.rng, 2) ? 1 : rng_below(&sim.rng, 12);
    sim.cut = rng_below(&sim.rng, 2) ? 2 : rng_below(&sim.rng, 10);
    sim.disk_ms = 1 + rng_below(&sim.rng, 30);
    sim.busy = rng_below(&sim.rng, 3) ? 60 : 5;
    for (int i = 0; i < sim.n; i++) {
        struct server *s = &sim.servers[i];
        snprintf(s->name, sizeof s->name, "server-%d", i);
        s->id = raft_server_id(str_z(s->name));
        s->rate = 0.98 + 0.04 * rng_unit(&sim.rng);
        rng_init(&s->rng, seed * 100 + (uint64_t)i);
        s->founder = i < voters;
        if (s->founder && raft_configuration_put(&sim.founders, str_z(s->name), STR_LIT("address"),
                                                 RAFT_VOTER) < 0)
            die("configuration", s);
    }
    for (int i = 0; i < sim.n; i++)
        start(&sim.servers[i], sim.servers[i].founder ? &sim.founders : NULL);
}

static void tear_down(void)
{
    for (int i = 0; i < sim.n; i++) {
        struct server *s = &sim.servers[i];
        if (s->up)
            crash(s);
        log_truncate(s, 0);
        mem_free(s->log);
    }
    while (sim.letter_n) {
        union {
            const char *in;
            void *out;
        } p = {sim.letters[--sim.letter_n].bytes.p};
        mem_free(p.out);
    }
}

static void run(uint64_t seed)
{
    set_up(seed);
    for (int i = 0; i < 12000; i++)
        step();
    heal();
    uint64_t goal = 0;
    for (int i = 0;; i++) {
        CHECK(i < 10000, "no progress after the faults ended", NULL);
        step();
        if (i == 3000)
            goal = sim.truth_n + 1;
        if (goal && is_settled(goal))
            break;
    }
    tear_down();
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? 1 : 60;
    uint64_t commits = 0, elections = 0, changes = 0, crashes = 0, installs = 0, reads = 0;

    for (uint64_t i = 0; i < count; i++) {
        run(seed + i);
        commits += sim.commits;
        elections += sim.elections;
        changes += sim.changes;
        crashes += sim.crashes;
        installs += sim.installs;
        reads += sim.reads_ok;
    }
    CHECK(mem_outstanding() == 0, "memory is not freed", NULL);
    printf("1..1\nok 1 - %" PRIu64 " seeds: commits %" PRIu64 ", elections %" PRIu64
           ", changes %" PRIu64 ", crashes %" PRIu64 ", snapshots sent %" PRIu64 ", reads %" PRIu64
           "\n",
           count, commits, elections, changes, crashes, installs, reads);
    return 0;
}
