/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world: time is a heap of events; a server is a machine, a disk and a
 * clock; the network carries bytes. Nothing here decides to hurt anybody.
 */
#include "tests/sim/sim_cluster.h"

/* A server that hands out more than this at once does so for ever. */
#define EFFECTS_MAX 20000

struct sim sim;

void cluster_fail(const char *what, const struct server *s)
{
    sim.failed(what, s ? cluster_number(s) : -1);
    abort();
}

bool cluster_chance(uint64_t per_mille)
{
    return rng_u64(&sim.rng) % 1000 < per_mille;
}

uint64_t cluster_below(uint64_t n)
{
    return rng_u64(&sim.rng) % n;
}

int64_t cluster_random(int64_t mean)
{
    double u = rng_unit(&sim.rng), x = -__builtin_log(1.0 - u);

    return 1 + (int64_t)((double)mean * (x > 8 ? 8 : x));
}

int cluster_number(const struct server *s)
{
    return (int)(s - sim.servers);
}

struct server *cluster_find(uint64_t id)
{
    for (int i = 0; i < sim.n; i++)
        if (sim.servers[i].id == id)
            return &sim.servers[i];
    return NULL;
}

bool cluster_is_awake(const struct server *s)
{
    return s->up && s->paused_until <= sim.now;
}

/* ---- time ---- */

struct instant cluster_clock(const struct server *s)
{
    return (struct instant){s->anchor_local +
                            (int64_t)((double)(sim.now - s->anchor_real) * s->rate)};
}

static int64_t real_of(const struct server *s, struct instant local)
{
    return s->anchor_real + (int64_t)((double)(local.ns - s->anchor_local) / s->rate) + 2;
}

void cluster_set_rate(struct server *s, double rate)
{
    s->anchor_local = cluster_clock(s).ns;
    s->anchor_real = sim.now;
    s->rate = rate;
}

static bool is_earlier(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void cluster_push(struct event e)
{
    size_t i = sim.heap_n++;

    if (i == sim.heap_cap) {
        sim.heap_cap = sim.heap_cap ? sim.heap_cap * 2 : 256;
        sim.heap = mem_realloc(sim.heap, sim.heap_cap * sizeof *sim.heap);
    }
    e.order = sim.order++;
    while (i > 0 && is_earlier(&e, &sim.heap[(i - 1) / 2])) {
        sim.heap[i] = sim.heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    sim.heap[i] = e;
}

void cluster_event(int64_t after, enum event_kind kind, const struct server *s, uint64_t a)
{
    cluster_push((struct event){.at = sim.now + after,
                                .kind = kind,
                                .server = s ? cluster_number(s) : -1,
                                .life = s ? s->life : 0,
                                .a = a});
}

bool cluster_next(int64_t until, struct event *ret)
{
    if (sim.heap_n == 0 || sim.heap[0].at > until) {
        sim.now = until;
        return false;
    }
    *ret = sim.heap[0];
    struct event e = sim.heap[--sim.heap_n];
    for (size_t i = 0, k;; i = k) {
        k = 2 * i + 1;
        if (k + 1 < sim.heap_n && is_earlier(&sim.heap[k + 1], &sim.heap[k]))
            k++;
        if (k >= sim.heap_n || !is_earlier(&sim.heap[k], &e)) {
            sim.heap[i] = e;
            break;
        }
        sim.heap[i] = sim.heap[k];
    }
    sim.now = ret->at;
    return true;
}

/* One pending alarm is enough: it is set again when it comes too early. */
static void arm(struct server *s)
{
    struct instant deadline = raft_deadline(s->r);

    if (deadline.ns == INSTANT_NEVER.ns)
        return;
    int64_t at = real_of(s, deadline);
    if (at <= sim.now)
        at = sim.now + 1;
    if (s->timer_at > sim.now && s->timer_at <= at)
        return;
    s->timer_at = at;
    cluster_event(at - sim.now, TIMER, s, 0);
}

/* ---- a server's life ---- */

static void tell(void *data, enum raft_trace_kind kind, uint64_t a, uint64_t b)
{
    static const char *const names[] = {"follower",  "timeout",      "pre-vote", "candidate",
                                        "vote",      "won",          "leader",   "no quorum",
                                        "not voter", "configuration"};

    if (sim.trace)
        printf("# %9.3f s%d %s %" PRIx64 " %" PRIu64 "\n", (double)sim.now / (double)MS,
               cluster_number(data), names[kind], a, b);
}

struct server *cluster_add(bool founder)
{
    ASSERT(sim.n < SERVERS_MAX);
    struct server *s = &sim.servers[sim.n];

    *s = (struct server){.founder = founder, .rate = 1, .anchor_local = 1000 * MS};
    snprintf(s->name, sizeof s->name, "server-%d", sim.n);
    s->id = raft_server_id(str_z(s->name));
    rng_init(&s->rng, sim.seed * 100 + (uint64_t)sim.n);
    s->anchor_real = sim.now;
    sim.n++;
    return s;
}

void cluster_log_truncate(struct server *s, uint64_t from)
{
    while (s->log_n && s->base + s->log_n >= from)
        raft_entry_unref(s->log[--s->log_n]);
}

void cluster_start(struct server *s)
{
    struct raft_options o = {.id = s->id,
                             .election = sim.election,
                             .heartbeat = {sim.election.ns / 5},
                             .first = {sim.seed % 2 ? sim.election.ns / 4 : 0},
                             .sole = DURATION_MS(20),
                             .drift = {sim.election.ns / 10},
                             .inflight_max = 200,
                             .inflight_bytes_max = 32768,
                             .batch_bytes = sim.batch_bytes};
    struct raft_configuration conf;

    ASSERT(!s->up && !s->dead);
    s->r = raft_new(&o, &s->rng, tell, s);
    s->up = true;
    s->failed = false;
    s->timer_at = 0;
    s->lead_term = s->commit_seen = s->read_last = s->read_done = 0;
    s->applied = s->snap.index;
    s->hash = 0;
    s->snap_gone = false;
    if (s->founder && s->state.term == 0 && s->log_n == 0 && s->snap.index == 0) {
        raft_bootstrap(s->r, &sim.founders);
    } else {
        raft_restore_state(s->r, s->state);
        if (s->snap.index) {
            snapshot_read(&s->snap, s, &s->hash, &conf);
            raft_restore_snapshot(s->r, s->snap.index, s->snap.term, &conf);
        }
        raft_restore_base(s->r, s->base, s->base_term);
        for (size_t i = 0; i < s->log_n; i++)
            CHECK(raft_restore_entry(s->r, raft_entry_ref(s->log[i])) == 0, "restore", s);
    }
    raft_start(s->r, cluster_clock(s));
    cluster_drain(s);
}

/* ---- the disk ---- */

static struct persist *persist_at(struct server *s, size_t i)
{
    return &s->persists[(s->persist_first + i) % PERSISTS];
}

/* Its first n entries, with all that goes before entries. */
static void write_persist(struct server *s, const struct persist *p, size_t n)
{
    if (p->p.has_reset) {
        cluster_log_truncate(s, 0);
        s->base = p->p.reset_index;
        s->base_term = p->p.reset_term;
    }
    if (p->p.truncate_from)
        cluster_log_truncate(s, p->p.truncate_from);
    if (p->p.has_state)
        s->state = p->p.state;
    for (size_t i = 0; i < n; i++) {
        CHECK(p->entries[i]->index == s->base + s->log_n + 1, "a gap in what is written", s);
        if (s->log_n == s->log_cap) {
            s->log_cap = s->log_cap ? s->log_cap * 2 : 64;
            s->log = mem_realloc(s->log, s->log_cap * sizeof *s->log);
        }
        s->log[s->log_n++] = raft_entry_ref(p->entries[i]);
    }
}

static void drop_persist(struct server *s)
{
    struct persist *p = persist_at(s, 0);

    for (size_t i = 0; i < p->n; i++)
        raft_entry_unref(p->entries[i]);
    mem_free(p->entries);
    s->persist_first = (s->persist_first + 1) % PERSISTS;
    s->persist_n--;
}

/* A disk that stalls does nothing for a while, and then all of it. */
static int64_t disk_time(const struct server *s)
{
    return 10 * US + (int64_t)cluster_below((uint64_t)sim.disk_range) +
           (s->stall_until > sim.now ? s->stall_until - sim.now : 0);
}

static void show_batch(const char *what, const struct server *s, const struct persist *p)
{
    if (sim.trace)
        printf("# %9.3f s%d %s %" PRIu64 ": reset %" PRIu64 " truncate %" PRIu64 " term %" PRIu64
               " entries %" PRIu64 " to %" PRIu64 "\n",
               (double)sim.now / (double)MS, cluster_number(s), what, p->p.seq,
               p->p.has_reset ? p->p.reset_index : 0, p->p.truncate_from,
               p->p.has_state ? p->p.state.term : 0, p->p.first, p->p.last);
}

static void on_persist(struct server *s, const struct raft_persist *p)
{
    CHECK(s->persist_n < PERSISTS, "too many batches in flight", s);
    struct persist *x = persist_at(s, s->persist_n++);
    int64_t at = sim.now + disk_time(s);

    *x = (struct persist){.p = *p};
    if (p->last >= p->first)
        x->n = p->last - p->first + 1;
    x->entries = mem_alloc(x->n * sizeof *x->entries);
    for (size_t i = 0; i < x->n; i++)
        x->entries[i] = raft_entry_ref(raft_entry_at(s->r, p->first + i));
    check_written(s, x);
    show_batch("writes", s, x);
    if (at < s->last_write)
        at = s->last_write;
    s->last_write = at;
    cluster_event(at - sim.now, WRITTEN, s, s->disk_life);
}

static void on_written(struct server *s)
{
    uint64_t seq = persist_at(s, 0)->p.seq;

    show_batch("wrote", s, persist_at(s, 0));
    write_persist(s, persist_at(s, 0), persist_at(s, 0)->n);
    drop_persist(s);
    raft_persisted(s->r, cluster_clock(s), seq);
}

/* Of what was under way, or had failed and was not yet taken back, a prefix is on the disk: whole
 * batches, and of one more a part of its entries. */
void cluster_crash(struct server *s)
{
    uint64_t n = cluster_below(s->persist_n + 1);

    for (uint64_t i = 0; s->persist_n; i++) {
        struct persist *p = persist_at(s, 0);
        if (i < n)
            write_persist(s, p, p->n);
        else if (i == n && p->n > 1 && cluster_chance(500))
            write_persist(s, p, 1 + cluster_below(p->n - 1));
        drop_persist(s);
    }
    raft_free(s->r);
    s->r = NULL;
    s->up = false;
    s->life++;
    s->disk_life++;
    s->last_write = 0;
    if (s->partial.bytes.n) /* the file of a transfer that was under way */
        s->partial.bytes.n = cluster_below(s->partial.bytes.n + 1);
    for (int i = 0; i < sim.n; i++)
        sim.servers[i].repairs[cluster_number(s)] = 0;
    sim.totals.restarts++;
}

void cluster_disk_fails(struct server *s)
{
    s->failed = true;
    s->disk_life++;
    s->last_write = 0;
    for (int i = 0; i < sim.n; i++)
        sim.servers[i].repairs[cluster_number(s)] = 0;
    raft_storage_failed(s->r, cluster_clock(s), ERR_STORAGE);
    sim.totals.disk_failures++;
}

static void on_disk_back(struct server *s)
{
    if (!s->failed)
        return;
    s->failed = false;
    while (s->persist_n)
        drop_persist(s);
    raft_storage_back(s->r, cluster_clock(s));
}

/* A snapshot of what is applied; log and disk keep `keep` entries behind it. */
void cluster_compact(struct server *s, uint64_t keep)
{
    uint64_t index = s->applied, to = index > keep ? index - keep : 0;

    if (index == 0 || index < s->snap.index || (index == s->snap.index && !s->snap_gone) ||
        index > s->base + s->log_n || s->failed || s->r->installing)
        return;
    /* The log's thread removes old entries after what it was given before; here, where it takes no
     * time, only when nothing before it goes back. */
    for (size_t i = 0; i < s->persist_n; i++)
        if (persist_at(s, i)->p.truncate_from || persist_at(s, i)->p.has_reset)
            return;
    snapshot_write(s, index);
    raft_compact(s->r, index, to);
    size_t n = to > s->base ? (size_t)(to - s->base) : 0;
    if (n == 0)
        return;
    s->base_term = s->log[n - 1]->term;
    s->base = to;
    for (size_t i = 0; i < n; i++)
        raft_entry_unref(s->log[i]);
    memmove(s->log, s->log + n, (s->log_n - n) * sizeof *s->log);
    s->log_n -= n;
}

/* ---- effects ---- */

static void post(const struct server *from, const struct raft_message *m)
{
    const struct server *to = cluster_find(m->to);
    struct buf bytes;

    if (!to || !to->up || sim.cut_until[cluster_number(from)][cluster_number(to)] > sim.now)
        return;
    for (int copies = cluster_chance(sim.dup) ? 2 : 1; copies; copies--) {
        if (cluster_chance(sim.loss))
            continue;
        int64_t delay = sim.delay_min + (int64_t)cluster_below((uint64_t)sim.delay_range);
        if (cluster_chance(sim.late))
            delay += cluster_random(20 * sim.delay_range);
        int64_t at = sim.now + delay;
        int64_t *before = &sim.order_of[cluster_number(from)][cluster_number(to)];
        if (sim.in_order && at <= *before)
            at = *before + 1;
        *before = at;
        buf_init(&bytes, 0);
        raft_message_encode(m, &bytes);
        cluster_push((struct event){.at = at,
                                    .kind = LETTER,
                                    .server = cluster_number(to),
                                    .life = to->life,
                                    .a = (uint64_t)sim.now,
                                    .bytes = buf_take(&bytes)});
    }
}

static void show(const char *what, const struct server *s, const struct raft_message *m)
{
    static const char *const names[] = {"?",     "vote",     "vote reply",     "append",
                                        "reply", "snapshot", "snapshot reply", "timeout now"};
    const struct server *from = cluster_find(m->from), *to = cluster_find(m->to);

    if (sim.trace)
        printf("# %9.3f s%d %s %d>%d %s term %" PRIu64 "%s%s at %" PRIu64 "/%" PRIu64 " n %u"
               " commit %" PRIu64 " round %" PRIu64 " hint %" PRIu64 "/%" PRIu64 " offset %" PRIu64
               "\n",
               (double)sim.now / (double)MS, cluster_number(s), what,
               from ? cluster_number(from) : -1, to ? cluster_number(to) : -1, names[m->kind],
               m->term, m->pre ? " pre" : "", m->reject ? " REFUSED" : "", m->index, m->log_term,
               m->entry_n, m->commit, m->round, m->hint, m->hint_term, m->offset);
}

/* The shell's part: when it was the newest, another one, as soon as there can be. */
static void on_gone(struct server *s, uint64_t index, uint64_t term)
{
    raft_snapshot_gone(s->r, index, term);
    if (index == s->snap.index)
        cluster_event(cluster_random(10 * MS), SNAPSHOT, s, 0);
}

static void on_snapshot(struct server *s)
{
    if (s->snap_gone)
        cluster_compact(s, 0);
    if (s->snap_gone)
        cluster_event(cluster_random(10 * MS), SNAPSHOT, s, 0);
}

static void on_send(struct server *s, struct raft_message *m)
{
    check_promise(s, m);
    show("sends", s, m);
    if (m->kind != RAFT_SNAPSHOT || snapshot_fill(s, m))
        post(s, m);
    else
        on_gone(s, m->index, m->log_term);
    raft_message_free(m);
}

static void on_read(struct server *s, uint64_t id, uint64_t index, int status)
{
    CHECK(id > s->read_done && id <= s->read_last, "an answer to a read that was not asked", s);
    s->read_done = id;
    if (status < 0)
        return;
    CHECK(index >= s->reads[id % READS], "a stale read", s);
    sim.totals.reads++;
}

void cluster_drain(struct server *s)
{
    struct raft_effect e;

    for (unsigned n = 0; raft_next_effect(s->r, cluster_clock(s), &e); n++) {
        CHECK(n < EFFECTS_MAX, "effects without end", s);
        switch (e.kind) {
        case RAFT_EFFECT_PERSIST:
            on_persist(s, &e.u.persist);
            break;
        case RAFT_EFFECT_SEND:
            on_send(s, e.u.message);
            break;
        case RAFT_EFFECT_CHUNK:
            snapshot_chunk(s, e.u.message);
            break;
        case RAFT_EFFECT_READ:
            on_read(s, e.u.read.id, e.u.read.index, e.u.read.status);
            break;
        case RAFT_EFFECT_APPLY:
            check_applied(s, e.u.apply.first, e.u.apply.last);
            break;
        case RAFT_EFFECT_ROLE:
            break;
        }
    }
    check_server(s);
    arm(s);
}

/* ---- events ---- */

static void bytes_free(struct str bytes)
{
    union {
        const char *in;
        void *out;
    } p = {bytes.p};

    mem_free(p.out);
}

static void on_letter(struct server *s, struct str bytes)
{
    struct raft_message *m;

    CHECK(raft_message_decode(bytes, &m) == 0, "a message does not decode", s);
    show("gets", s, m);
    if (m->kind == RAFT_APPEND_REPLY && m->reject)
        check_refusal(s, m);
    raft_receive(s->r, cluster_clock(s), m);
}

static void obey(struct server *s, const struct event *e)
{
    switch (e->kind) {
    case LETTER:
        on_letter(s, e->bytes);
        break;
    case TIMER:
        raft_expire(s->r, cluster_clock(s));
        break;
    case WRITTEN:
        if (e->a == s->disk_life)
            on_written(s);
        break;
    case CHUNK_STORED:
        raft_chunk_stored(s->r, e->a, e->b, e->c);
        break;
    case SNAPSHOT:
        on_snapshot(s);
        break;
    case INSTALLED:
        snapshot_installed(s);
        break;
    case ABANDONED:
        raft_snapshot_abandoned(s->r);
        break;
    case BOUNCE:
        cluster_crash(s);
        cluster_start(s);
        break;
    case DISK_BACK:
        if (e->a == s->disk_life)
            on_disk_back(s);
        break;
    default:
        break;
    }
}

/* A server that sleeps finds everything when it wakes. */
void cluster_obey(const struct event *e)
{
    struct server *s = &sim.servers[e->server];

    sim.totals.steps++;
    CHECK(sim.totals.steps < 3000000 && sim.heap_n < 200000, "talk without end", s);
    if (e->kind == RESTART) {
        if (!s->up && !s->dead)
            cluster_start(s);
        return;
    }
    if (!s->up || e->life != s->life ||
        (e->kind == LETTER && sim.calm && (int64_t)e->a < sim.calm_since)) {
        bytes_free(e->bytes);
        return;
    }
    if (s->paused_until > sim.now) {
        struct event later = *e;
        later.at = s->paused_until;
        if (e->kind == TIMER)
            s->timer_at = later.at;
        cluster_push(later);
        return;
    }
    obey(s, e);
    bytes_free(e->bytes);
    cluster_drain(s);
}

void cluster_tear_down(void)
{
    for (int i = 0; i < sim.n; i++) {
        struct server *s = &sim.servers[i];
        if (s->up)
            cluster_crash(s);
        cluster_log_truncate(s, 0);
        mem_free(s->log);
        snapshot_free(&s->snap);
        snapshot_free(&s->old);
        snapshot_free(&s->partial);
    }
    while (sim.heap_n)
        bytes_free(sim.heap[--sim.heap_n].bytes);
    mem_free(sim.heap);
    sim.heap = NULL;
    sim.heap_cap = 0;
}
