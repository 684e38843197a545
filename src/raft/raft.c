/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Life, time, proposals, storage and effects of the machine.
 *
 *                 timeout            majority of pre-votes        majority of votes
 *     FOLLOWER ------------> PRE_CANDIDATE ------------> CANDIDATE ------------> LEADER
 *        ^                        |                          |                     |
 *        +------------------------+--------------------------+---------------------+
 *           a higher term, a leader of this term, the disk fails, no majority heard
 *
 * What must be durable before what (the order of the effects comes from here):
 *   - a vote, a candidacy: the term and the vote, before the message (figure 3.1);
 *   - an acknowledgement of entries: those entries, and a truncation before them;
 *   - the leader's own copy counts for the commit when it is durable, not before; its appends may
 *     leave earlier (10.2.1);
 *   - an entry is applied when it is committed and durable here. So a server never has applied
 *     what it might lose, and forgetting the tail that could not be written is no worse than a
 *     crash.
 *
 * Ours: a disk that fails is a state. All that was not acknowledged by it is forgotten. A leader
 * with peers steps down; a sole voter, whom nobody can replace, goes on serving reads, and takes
 * a new term when the disk is back: entries of the old term may have been seen by others, and two
 * different entries must never share index and term. For the same reason a sole voter takes a new
 * term at every start.
 */
#include "base/mem.h"
#include "raft/raft_core.h"

_Static_assert(sizeof(struct raft_progress) <= RAFT_FOLLOWER_BYTES, "what raft.h promises");
_Static_assert(sizeof(struct raft) <= RAFT_BYTES, "what raft.h promises");
_Static_assert(sizeof(struct raft_entry) + sizeof(struct raft_entry *) <= 40,
               "what raft.h promises");

struct raft *raft_new(const struct raft_options *options, struct rng *rng, raft_trace_fn trace,
                      void *trace_data)
{
    struct raft *r = mem_new(struct raft);

    ASSERT(options->id != 0 && options->heartbeat.ns * 3 <= options->election.ns);
    ASSERT(options->sole.ns > 0 && options->inflight_max > 0 && options->inflight_bytes_max > 0);
    r->options = *options;
    if (r->options.batch_bytes == 0 || r->options.batch_bytes > RAFT_MESSAGE_BYTES_MAX)
        r->options.batch_bytes = RAFT_MESSAGE_BYTES_MAX;
    r->rng = rng;
    r->trace = trace;
    r->trace_data = trace_data;
    r->deadline = INSTANT_NEVER;
    raft_log_init(&r->log);
    return r;
}

void raft_free(struct raft *r)
{
    if (!r)
        return;
    raft_queue_clear(&r->now_queue);
    raft_queue_clear(&r->after_queue);
    mem_free(r->now_queue.items);
    mem_free(r->after_queue.items);
    raft_message_free(r->chunk);
    raft_log_fini(&r->log);
    mem_free(r->progress);
    mem_free(r);
}

void raft_trace(struct raft *r, enum raft_trace_kind kind, uint64_t a, uint64_t b)
{
    if (r->trace)
        r->trace(r->trace_data, kind, a, b);
}

/* ---- start ---- */

void raft_restore_state(struct raft *r, struct raft_state state)
{
    ASSERT(!r->started);
    r->state = state;
}

void raft_restore_snapshot(struct raft *r, uint64_t index, uint64_t term,
                           const struct raft_configuration *c)
{
    ASSERT(!r->started);
    r->snapshot_index = index;
    r->snapshot_term = term;
    r->snapshot_conf = *c;
    raft_log_reset(&r->log, index, term);
}

void raft_restore_base(struct raft *r, uint64_t index, uint64_t term)
{
    ASSERT(!r->started);
    raft_log_reset(&r->log, index, term);
}

int raft_restore_entry(struct raft *r, struct raft_entry *e)
{
    struct raft_configuration c;

    ASSERT(!r->started);
    if (e->kind == RAFT_ENTRY_CONFIGURATION &&
        raft_configuration_decode(raft_entry_str(e), &c) < 0) {
        raft_entry_unref(e);
        return ERR_CORRUPT;
    }
    raft_log_append(&r->log, e);
    return 0;
}

/* The first entry, the same on all servers that are given the same configuration. */
static void append_bootstrap(struct raft *r)
{
    struct buf bytes;

    buf_init(&bytes, 0);
    raft_configuration_encode(&r->bootstrap, &bytes);
    struct raft_entry *e = raft_entry_new(RAFT_ENTRY_CONFIGURATION, buf_str(&bytes));
    buf_fini(&bytes);
    e->index = 1;
    e->term = 1;
    raft_log_append(&r->log, e);
    r->unapplied_bytes += e->size;
    raft_member_refresh(r);
}

void raft_bootstrap(struct raft *r, const struct raft_configuration *c)
{
    ASSERT(!r->started && r->log.last == 0 && r->state.term == 0);
    r->state = (struct raft_state){.term = 1};
    r->state_dirty = true;
    r->bootstrap = *c;
    append_bootstrap(r);
}

/* Nobody else can hold a lease: if there were others in the configuration before this one, this
 * one is committed (its leader has stepped down then). */
static bool is_sole_since_long(const struct raft *r)
{
    struct raft_configuration before;

    if (!raft_is_sole(r))
        return false;
    if (r->conf.index <= r->snapshot_index || RAFT_MUTATE(SOLE_TOO_SOON))
        return true;
    raft_configuration_at(r, r->conf.index - 1, &before);
    return before.n == 0 || (before.n == 1 && before.servers[0].id == r->options.id);
}

void raft_start(struct raft *r, struct instant now)
{
    bool is_first = r->state_dirty && r->options.first.ns > 0;
    uint64_t term;
    ASSERT(!r->started);
    if (!r->state_dirty) /* not bootstrapped just now: all that is here came from the disk */
        r->stable = r->emitted = r->log.last;
    /* A snapshot that the log does not lead to came from a leader: it replaces the log (figure
     * 5.3); the crash was between its file and the log's record of it. */
    if (r->snapshot_index > 0 && (!raft_log_term(&r->log, r->snapshot_index, &term) ||
                                  term != r->snapshot_term || RAFT_MUTATE(SNAPSHOT_CUTS_TAIL))) {
        raft_log_reset(&r->log, r->snapshot_index, r->snapshot_term);
        r->stable = r->emitted = r->snapshot_index;
        r->reset_dirty = true;
    }
    r->commit = r->applied = r->snapshot_index;
    r->unapplied_bytes = 0;
    for (uint64_t i = r->applied + 1; i <= r->log.last; i++)
        r->unapplied_bytes += raft_log_get(&r->log, i)->size;
    if (r->state.term < raft_log_last_term(&r->log)) {
        r->state = (struct raft_state){.term = raft_log_last_term(&r->log)};
        r->state_dirty = true;
    }
    raft_member_refresh(r);
    r->started = true;
    r->now = r->contact = now;
    if (r->options.first.ns > 0 && (is_first || (r->log.last == 0 && r->state.term == 0)))
        r->contact.ns -= 2 * r->options.election.ns; /* no leader was heard: none is deposed */
    r->role_news = true;
    raft_trace(r, RAFT_TRACE_FOLLOWER, 0, 0);
    raft_set_election_deadline(r);
    if (is_first || is_sole_since_long(r)) {
        int64_t wait = is_first ? r->options.first.ns : r->options.sole.ns;
        wait += (int64_t)rng_below(r->rng, (uint64_t)wait);
        r->deadline = instant_add(now, (struct duration){wait});
    }
}

/* ---- time ---- */

void raft_set_election_deadline(struct raft *r)
{
    int64_t t = r->options.election.ns;

    r->deadline =
        instant_add(r->now, (struct duration){t + (int64_t)rng_below(r->rng, (uint64_t)t)});
}

struct instant raft_deadline(const struct raft *r)
{
    return r->deadline;
}

static void expire_leader(struct raft *r)
{
    if (!instant_before(r->now, r->quorum_check)) {
        /* 6.2: a leader that no majority answers is none */
        if (!raft_replicate_quorum_is_near(r) && !RAFT_MUTATE(NO_CHECK_QUORUM)) {
            raft_trace(r, RAFT_TRACE_NO_QUORUM, 0, 0);
            raft_become_follower(r, r->state.term, 0);
            return;
        }
        r->quorum_check = instant_add(r->now, r->options.election);
    }
    if (r->transfer_to && !instant_before(r->now, r->transfer_until))
        r->transfer_to = 0;
    raft_replicate_heartbeat(r, true);
    r->deadline = instant_add(r->now, r->options.heartbeat);
}

void raft_expire(struct raft *r, struct instant now)
{
    r->now = now;
    if (!r->started || instant_before(now, r->deadline))
        return;
    if (r->role == RAFT_LEADER && raft_is_sole(r))
        r->deadline = INSTANT_NEVER; /* nobody to talk to */
    else if (r->role == RAFT_LEADER)
        expire_leader(r);
    else
        raft_vote_timeout(r);
}

/* ---- roles and log ---- */

bool raft_is_sole(const struct raft *r)
{
    return r->conf.n == 1 && raft_member_is_voter(r, r->options.id);
}

void raft_become_follower(struct raft *r, uint64_t term, uint64_t leader)
{
    bool was = r->role == RAFT_FOLLOWER && r->leader == leader && r->state.term == term;

    ASSERT(term >= r->state.term);
    if (term > r->state.term) {
        r->state = (struct raft_state){.term = term};
        r->state_dirty = !RAFT_MUTATE(TERM_NOT_WRITTEN);
    }
    if (r->role == RAFT_LEADER || r->role == RAFT_CANDIDATE)
        raft_queue_clear(&r->now_queue);
    r->role = RAFT_FOLLOWER;
    r->leader = leader;
    r->called = r->called && leader == 0;
    r->term_start = r->transfer_to = r->self_vote_after = 0;
    raft_read_refuse(r);
    raft_set_election_deadline(r);
    if (was)
        return;
    r->role_news = true;
    raft_trace(r, RAFT_TRACE_FOLLOWER, leader, 0);
}

void raft_append_local(struct raft *r, struct raft_entry *e)
{
    e->index = r->log.last + 1;
    e->term = r->state.term;
    raft_log_append(&r->log, e);
    r->unapplied_bytes += e->size;
    if (e->kind == RAFT_ENTRY_CONFIGURATION)
        raft_member_refresh(r); /* in effect as soon as it is in the log (4.1) */
}

/* Batches in flight that wrote entries >= from: what they wrote will be gone when those after them
 * are done, even if the same entries, of the same terms, come again. So they stand for no more than
 * what is before `from`. */
void raft_clip_persists(struct raft *r, uint64_t from)
{
    for (uint64_t seq = r->seq_done + 1; seq <= r->seq; seq++) {
        uint64_t i = seq % RAFT_PERSISTS_MAX, term = 0;

        if (r->persists[i].last < from)
            continue;
        r->persists[i].last = from > 0 && raft_log_term(&r->log, from - 1, &term) ? from - 1 : 0;
        r->persists[i].last_term = term;
    }
}

void raft_truncate_local(struct raft *r, uint64_t from)
{
    ASSERT(from > r->commit && from > r->applied);
    if (from > r->log.last)
        return;
    for (uint64_t i = from; i <= r->log.last; i++)
        r->unapplied_bytes -= raft_log_get(&r->log, i)->size;
    raft_log_truncate(&r->log, from);
    if (r->emitted >= from) {
        r->emitted = from - 1;
        if ((!r->truncate_dirty || from < r->truncate_dirty) && !RAFT_MUTATE(TRUNCATE_NOT_WRITTEN))
            r->truncate_dirty = from;
    }
    if (r->stable >= from)
        r->stable = from - 1;
    raft_clip_persists(r, from);
    if (r->conf.index >= from && !RAFT_MUTATE(CONFIGURATION_STAYS))
        raft_member_refresh(r);
}

int raft_propose(struct raft *r, struct raft_entry *e, uint64_t *ret_index)
{
    if (r->storage_status < 0)
        return r->storage_status;
    if (r->role != RAFT_LEADER)
        return ERR_NOT_LEADER;
    if (r->transfer_to || ((r->log.last - r->applied >= r->options.inflight_max ||
                            r->unapplied_bytes + e->size > r->options.inflight_bytes_max) &&
                           !RAFT_MUTATE(NO_BACK_PRESSURE)))
        return ERR_BUSY;
    raft_append_local(r, e);
    *ret_index = e->index;
    return 0;
}

/* ---- storage ---- */

void raft_persisted(struct raft *r, struct instant now, uint64_t seq)
{
    uint64_t term;

    r->now = now;
    if (seq <= r->seq_done) /* of before a failure */
        return;
    ASSERT(seq <= r->seq);
    while (r->seq_done < seq) {
        uint64_t i = ++r->seq_done % RAFT_PERSISTS_MAX, last = r->persists[i].last;

        if (last > r->stable && raft_log_term(&r->log, last, &term) &&
            term == r->persists[i].last_term)
            r->stable = last;
    }
    raft_vote_persisted(r);
    if (r->role == RAFT_LEADER)
        raft_replicate_commit(r);
}

void raft_storage_failed(struct raft *r, struct instant now, int status)
{
    ASSERT(status < 0);
    r->now = now;
    r->storage_status = status;
    r->seq_done = r->seq;
    raft_queue_clear(&r->after_queue);
    r->state_dirty = true;
    if (r->commit > r->stable)
        r->commit =
            r->stable; /* counted from others' copies; to be learnt again, as after a crash */
    if (RAFT_MUTATE(FAILED_WRITE_COUNTS))
        r->stable = r->emitted;
    raft_truncate_local(r, r->stable + 1);
    if (!r->truncate_dirty)
        r->truncate_dirty = r->stable + 1;
    if (r->log.first == r->log.last + 1)
        r->reset_dirty = true; /* a reset may have been on its way */
    r->emitted = r->stable;
    if (r->role != RAFT_LEADER || !raft_is_sole(r) || r->term_start > r->stable)
        raft_become_follower(r, r->state.term, r->role == RAFT_FOLLOWER ? r->leader : 0);
}

void raft_storage_back(struct raft *r, struct instant now)
{
    r->now = now;
    if (r->storage_status == 0)
        return;
    r->storage_status = 0;
    if (r->log.last == 0 && r->bootstrap.n > 0)
        append_bootstrap(r); /* it was lost before it was durable */
    if (r->role == RAFT_LEADER && !RAFT_MUTATE(SAME_TERM_AFTER_FAILURE))
        raft_vote_stand(r, false);
}

void raft_compact(struct raft *r, uint64_t index, uint64_t keep_from)
{
    uint64_t term;

    ASSERT(index <= r->applied);
    if (index < r->snapshot_index || (index == r->snapshot_index && !r->snapshot_lost) ||
        !raft_log_term(&r->log, index, &term))
        return;
    r->snapshot_lost = false;
    raft_configuration_at(r, index, &r->snapshot_conf);
    r->snapshot_index = index;
    r->snapshot_term = term;
    raft_log_compact(&r->log, keep_from < index ? keep_from : index);
}

/* ---- messages and facts ---- */

/* A term above ours makes us a follower of it, but for pre-votes, which are only about a term
 * that may be, and for requests that the protection of a living leader turns away (6.2, 4.2.3). */
static bool raises_term(struct raft *r, const struct raft_message *m)
{
    if (m->term <= r->state.term)
        return false;
    switch (m->kind) {
    case RAFT_VOTE:
        return false; /* raft_vote_receive decides */
    case RAFT_VOTE_REPLY:
        if (m->pre && !m->reject)
            return false;
        /* fall through */
    case RAFT_APPEND_REPLY:
    case RAFT_SNAPSHOT_REPLY:
        return raft_member_find(r, m->from) != NULL; /* else nobody asked */
    default:
        return true;
    }
}

/* Terms grow by one with each election. A peer that skips so many lies, and could wear out the
 * numbers if it were believed. A server that knows no term yet believes any. */
#define TERM_JUMP_MAX ((uint64_t)1 << 24)

static bool is_credible(const struct raft *r, const struct raft_message *m)
{
    return m->to == r->options.id && raft_message_is_sane(m) &&
           (r->state.term == 0 || m->term <= r->state.term ||
            m->term - r->state.term <= TERM_JUMP_MAX);
}

void raft_receive(struct raft *r, struct instant now, struct raft_message *m)
{
    r->now = now;
    if (!r->started || !is_credible(r, m))
        goto out;
    if (raises_term(r, m))
        raft_become_follower(r, m->term, 0);
    switch (m->kind) {
    case RAFT_VOTE:
        raft_vote_receive(r, m);
        break;
    case RAFT_VOTE_REPLY:
        raft_vote_receive_reply(r, m);
        break;
    case RAFT_APPEND:
        raft_replicate_receive(r, m);
        break;
    case RAFT_APPEND_REPLY:
        raft_replicate_receive_reply(r, m);
        break;
    case RAFT_SNAPSHOT:
        raft_snapshot_receive(r, m);
        break;
    case RAFT_SNAPSHOT_REPLY:
        raft_snapshot_receive_reply(r, m);
        break;
    case RAFT_TIMEOUT_NOW:
        if (m->term == r->state.term && r->role == RAFT_FOLLOWER && m->from == r->leader &&
            r->storage_status == 0 && !r->installing && raft_member_may_stand(r))
            raft_vote_stand(r, true);
        break;
    case RAFT_MESSAGE_KINDS:
        break;
    }
out:
    raft_message_free(m);
}

void raft_get_facts(const struct raft *r, struct raft_facts *ret)
{
    uint64_t applied_term = 0;

    (void)raft_log_term(&r->log, r->applied, &applied_term);
    *ret = (struct raft_facts){
        .applied_term = applied_term,
        .role = r->role,
        .term = r->state.term,
        .vote = r->state.vote,
        .leader = r->leader,
        .first = r->log.first,
        .last = r->log.last,
        .last_term = raft_log_last_term(&r->log),
        .stable = r->stable,
        .commit = r->commit,
        .applied = r->applied,
        .snapshot_index = r->snapshot_index,
        .snapshot_term = r->snapshot_term,
        .term_start = r->term_start,
        .contact = r->contact,
        .lease = raft_read_lease(r),
        .log_bytes = r->log.bytes,
        .storage_status = r->storage_status,
    };
}

uint64_t raft_trail(const struct raft *r, uint64_t to, uint64_t n, size_t bytes)
{
    return raft_log_trail(&r->log, to, n, bytes);
}
