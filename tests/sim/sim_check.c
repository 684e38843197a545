/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must always hold. The first five are Raft's own (figure 3.2 of the
 * dissertation), the others are what they rest on, or what clients see.
 */
#include "tests/sim/sim_cluster.h"

uint64_t check_hash(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b + UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xff51afd7ed558ccd);

    return x ^ (x >> 29);
}

static uint64_t value_of(const struct raft_entry *e)
{
    uint64_t h = e->kind, word = 0;

    for (uint32_t i = 0; i < e->size; i += 8) {
        memcpy(&word, e->bytes + i, e->size - i < 8 ? e->size - i : 8);
        h = check_hash(h, word);
    }
    return h;
}

bool check_disk_has(const struct server *s, uint64_t index, uint64_t term)
{
    if (index <= s->snap.index)
        return true;
    return index > s->base && index <= s->base + s->log_n &&
           s->log[index - s->base - 1]->term == term;
}

/* ---- log matching: an index and a term name one entry, and all before it ---- */

static void match(const struct server *s, const struct raft_entry *e, uint64_t before)
{
    uint64_t value = value_of(e);
    uint64_t i = check_hash(e->index, e->term) % PLACES;

    while (sim.places[i].seed == sim.seed &&
           (sim.places[i].index != e->index || sim.places[i].term != e->term))
        i = (i + 1) % PLACES;
    struct place *p = &sim.places[i];
    if (p->seed != sim.seed)
        *p = (struct place){e->index, e->term, before, value, sim.seed};
    CHECK(p->before == before && p->value == value, "two entries of one index and term", s);
}

void check_written(const struct server *s, const struct persist *p)
{
    for (size_t i = 0; i < p->n; i++) {
        uint64_t before = 0;
        CHECK(raft_log_term(&s->r->log, p->entries[i]->index - 1, &before), "a gap in the log", s);
        match(s, p->entries[i], before);
    }
}

/* ---- promises: what is said to others is durable ---- */

/* What is acknowledged to a leader stands in its log: else it counts copies of something else. */
static void check_acknowledged(const struct server *s, const struct raft_message *m, uint64_t term)
{
    const struct server *leader = cluster_find(m->to);
    uint64_t its = 0;

    /* A sole voter whose disk failed has forgotten entries, but begins a new term with the next. */
    if (!leader || !leader->up || leader->failed || leader->r->role != RAFT_LEADER ||
        leader->r->state.term != m->term || s->r->state.term != m->term)
        return;
    CHECK(m->index <= leader->r->log.last, "an acknowledgement of what the leader has not", s);
    if (term != 0 && raft_log_term(&leader->r->log, m->index, &its))
        CHECK(its == term, "an acknowledgement of what the leader has not", s);
}

void check_promise(const struct server *s, const struct raft_message *m)
{
    bool voted = s->state.term > m->term || (s->state.term == m->term && m->term > 0);
    uint64_t term = 0;

    switch (m->kind) {
    case RAFT_VOTE_REPLY:
        if (!m->reject && !m->pre)
            CHECK(voted && (s->state.term > m->term || s->state.vote == m->to),
                  "a vote that is not durable", s);
        break;
    case RAFT_VOTE:
        if (!m->pre)
            CHECK(voted && (s->state.term > m->term || s->state.vote == s->id),
                  "a candidacy that is not durable", s);
        break;
    case RAFT_APPEND_REPLY:
        if (m->reject || m->index == 0)
            break;
        CHECK(s->state.term >= m->term, "an answer in a term that is not durable", s);
        if (m->term != s->r->state.term) /* memory may hold another entry there by now */
            break;
        CHECK(m->index <= s->r->log.last, "an acknowledgement of what is forgotten already", s);
        if (m->index >= s->r->log.first && raft_log_term(&s->r->log, m->index, &term))
            CHECK(check_disk_has(s, m->index, term), "an acknowledgement of what is not durable",
                  s);
        check_acknowledged(s, m, term);
        break;
    default:
        break;
    }
}

/* ---- state machine safety, and what clients were told ---- */

void check_applied(struct server *s, uint64_t first, uint64_t last)
{
    CHECK(first == s->applied + 1, "applied out of order", s);
    for (uint64_t i = first; i <= last; i++) {
        const struct raft_entry *e = raft_entry_at(s->r, i);
        struct truth t = {.term = e->term, .kind = e->kind, .value = value_of(e)};

        CHECK(i < ENTRIES_MAX, "the run is too long", s);
        CHECK(check_disk_has(s, i, e->term), "applied what is not durable here", s);
        if (i > sim.truth_n) {
            CHECK(i == sim.truth_n + 1, "a hole in what is applied", s);
            t.hash = check_hash(check_hash(sim.truth[i - 1].hash, t.term), t.value);
            t.in_term = s->r->state.term;
            sim.truth[i] = t;
            sim.truth_n = i;
            sim.totals.commits++;
        }
        CHECK(sim.truth[i].term == t.term && sim.truth[i].value == t.value,
              "another entry was applied at this index", s);
        s->hash = check_hash(check_hash(s->hash, t.term), t.value);
    }
    CHECK(s->hash == sim.truth[last].hash, "the states differ", s);
    s->applied = last;
    if (s->r->role == RAFT_LEADER && last > sim.acked) {
        sim.acked = last; /* it answers its clients; nobody may read older state from here on */
        for (int i = 0; i < sim.n; i++)
            if (cluster_is_awake(&sim.servers[i]))
                check_lease(&sim.servers[i]);
    }
}

void check_lease(const struct server *s)
{
    struct raft_facts f;

    if (s->r->role != RAFT_LEADER)
        return;
    raft_get_facts(s->r, &f);
    if (!instant_before(cluster_clock(s), f.lease) || s->applied < f.term_start)
        return;
    CHECK(s->applied >= sim.acked, "a lease that lies", s);
    sim.totals.leases++;
}

/* ---- who leads ---- */

/* A majority of the voters holds it durably. */
static bool majority(const struct raft_configuration *c,
                     bool (*holds)(const struct server *voter, const void *what), const void *what)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->n; i++)
        if (c->servers[i].suffrage == RAFT_VOTER)
            n += holds(cluster_find(c->servers[i].id), what);
    return n > raft_configuration_voters(c) / 2;
}

static bool has_voted(const struct server *voter, const void *what)
{
    const struct raft_state *v = what;

    return voter->state.term > v->term ||
           (voter->state.term == v->term && voter->state.vote == v->vote);
}

static bool has_entry(const struct server *voter, const void *what)
{
    const struct raft_entry *e = what;

    return check_disk_has(voter, e->index, e->term);
}

static void check_new_leader(struct server *s)
{
    const struct raft_state won = {.term = s->r->state.term, .vote = s->id};
    uint64_t term = won.term, i = sim.truth_n;

    s->lead_term = term;
    s->commit_seen = s->r->commit;
    memset(s->repairs, 0, sizeof s->repairs);
    sim.totals.leaders++;
    CHECK(term < TERMS_MAX, "too many terms", s);
    CHECK(sim.leaders[term] == 0, "two leaders in a term", s);
    sim.leaders[term] = s->id;
    CHECK(majority(&s->r->conf, has_voted, &won), "elected without a majority of durable votes", s);
    /* A leader of an old term need not have what came after it. */
    while (i > 0 && sim.truth[i].in_term >= term)
        i--;
    CHECK(s->r->log.last >= i, "a leader without an applied entry", s);
    if (i >= s->r->log.first)
        CHECK(raft_entry_at(s->r, i)->term == sim.truth[i].term,
              "a leader with another entry than was applied", s);
}

static void check_commit(struct server *s)
{
    uint64_t commit = s->r->commit;

    if (commit <= s->commit_seen)
        return;
    s->commit_seen = commit;
    if (commit < s->r->log.first)
        return;
    CHECK(raft_entry_at(s->r, commit)->term == s->r->state.term, "committed by counting old terms",
          s);
    CHECK(majority(&s->r->conf, has_entry, raft_entry_at(s->r, commit)),
          "committed without a majority of durable copies", s);
}

/* The configuration in effect is the last in the log. */
static void check_configuration(struct server *s)
{
    const struct raft_configuration *c = raft_get_configuration(s->r);

    CHECK(c->index <= s->r->log.last, "a configuration that is no longer in the log", s);
    if (++s->looked % 32)
        return;
    for (uint64_t i = s->r->log.last; i >= s->r->log.first && i > c->index; i--)
        CHECK(raft_entry_at(s->r, i)->kind != RAFT_ENTRY_CONFIGURATION,
              "a configuration in the log that is not in effect", s);
}

void check_server(struct server *s)
{
    const struct raft *r = s->r;

    if (r->role == RAFT_LEADER) {
        if (s->lead_term != r->state.term)
            check_new_leader(s);
        check_commit(s);
        check_lease(s);
    }
    check_configuration(s);
    CHECK(r->applied <= r->commit && r->commit <= r->log.last, "indexes out of order", s);
    CHECK(r->now_queue.n < RAFT_QUEUE_MAX && r->after_queue.n < RAFT_QUEUE_MAX, "a full queue", s);
}

/* ---- repair: O(terms) refusals until the logs meet ---- */

static unsigned terms_in(const struct server *s)
{
    uint64_t last = 0;
    unsigned n = 0;

    for (uint64_t i = s->r->log.first; i <= s->r->log.last; i++)
        if (raft_entry_at(s->r, i)->term != last) {
            last = raft_entry_at(s->r, i)->term;
            n++;
        }
    return n;
}

void check_refusal(struct server *s, const struct raft_message *m)
{
    struct server *follower = cluster_find(m->from);
    const struct raft_progress *p = raft_member_find(s->r, m->from);

    if (s->r->role != RAFT_LEADER || m->term != s->r->state.term || !p || p->state != RAFT_PROBE ||
        m->index != p->next - 1 || !follower->up ||
        m->round > s->r->round) /* to a life whose term the disk has forgotten: not heard */
        return;
    sim.totals.refusals++;
    if (s->repair_match[cluster_number(follower)] != p->match) {
        s->repair_match[cluster_number(follower)] = p->match;
        s->repairs[cluster_number(follower)] = 0;
    }
    if (++s->repairs[cluster_number(follower)] > 8)
        CHECK(s->repairs[cluster_number(follower)] <= 8 + 2 * (terms_in(s) + terms_in(follower)),
              "repair of a log goes entry by entry", s);
}

/* ---- rest ---- */

struct server *check_leader(void)
{
    struct server *leader = NULL;

    for (int i = 0; i < sim.n; i++) {
        struct server *s = &sim.servers[i];
        if (s->up && s->r->role == RAFT_LEADER &&
            (!leader || s->r->state.term > leader->r->state.term))
            leader = s;
    }
    return leader;
}

static bool same_configuration(const struct raft_configuration *a,
                               const struct raft_configuration *b)
{
    if (a->n != b->n || a->index != b->index)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->servers[i].id != b->servers[i].id ||
            a->servers[i].suffrage != b->servers[i].suffrage ||
            strcmp(a->servers[i].address, b->servers[i].address) != 0)
            return false;
    return true;
}

const char *check_settled(void)
{
    const struct server *l = check_leader();

    if (!l)
        return "there is no leader";
    const struct raft_configuration *c = raft_get_configuration(l->r);
    if (!raft_configuration_is_voter(c, l->id))
        return "the leader was removed";
    if (l->r->transfer_to)
        return "a transfer does not end";
    if (l->applied != l->r->log.last)
        return "a proposal is not decided";
    for (int i = 0; i < sim.n; i++) {
        const struct server *s = &sim.servers[i];
        if (!s->up)
            continue;
        if (s->failed)
            return "a disk is not back";
        if (s->persist_n > 0) /* it may have stalled before the faults ended */
            return "a disk is behind";
        if (s->read_done != s->read_last)
            return "a read is not answered";
        if (!raft_configuration_find(c, s->id))
            continue;
        if (s->applied != l->applied)
            return "a member has not applied everything";
        if (s != l && (s->r->role != RAFT_FOLLOWER || s->r->leader != l->id))
            return "a member does not follow";
        if (!same_configuration(c, raft_get_configuration(s->r)))
            return "members disagree about the configuration";
    }
    return NULL;
}
