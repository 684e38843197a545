/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who leads: elections (dissertation 3.4, 3.6.1), pre-vote (9.6), and the
 * protection of a living leader from disturbers (4.2.3, 6.2).
 *
 * Ours: a vote is given whatever the voter's own configuration says, to whoever asks (4.2.2): the
 * configuration that counts is the candidate's. Standing needs membership, or a candidate who
 * counts on this server's vote and must be refused it for an older log: there may be a promotion
 * that only that candidate has, and a leader that was lost when only learners had its last
 * entries. Then nobody else can win. That an outsider leads is no danger (4.2.2): the majority is
 * counted among the voters of its configuration, and it steps down when it has committed an entry
 * of its term.
 */
#include "raft/raft_core.h"

static void won(struct raft *r)
{
    r->role = RAFT_LEADER;
    r->leader = r->options.id;
    r->called = false;
    r->role_news = true;
    raft_trace(r, RAFT_TRACE_LEADER, 0, 0);
    raft_replicate_start(r);
}

/* A majority for, and the next stage begins; a majority against, and it is over for now. */
static void tally(struct raft *r)
{
    uint32_t granted = 0, refused = 0, quorum = raft_member_quorum(r);

    for (uint32_t i = 0; i < r->progress_n; i++)
        if (raft_member_is_voter(r, r->progress[i].id)) {
            granted += r->progress[i].granted;
            refused += r->progress[i].refused;
        }
    if (granted >= quorum) {
        if (r->role == RAFT_PRE_CANDIDATE) {
            raft_vote_stand(r, false);
        } else {
            raft_trace(r, RAFT_TRACE_WON, granted, 0);
            won(r);
        }
    } else if (refused >= quorum) {
        raft_become_follower(r, r->state.term, 0);
    }
}

static void canvass(struct raft *r, bool pre, bool transfer)
{
    for (uint32_t i = 0; i < r->progress_n; i++) {
        struct raft_progress *p = &r->progress[i];

        p->granted = p->refused = false;
        if (p->id == r->options.id || !raft_member_is_voter(r, p->id))
            continue;
        struct raft_message *m = raft_message_new(RAFT_VOTE, p->id);
        m->pre = pre;
        m->transfer = transfer;
        m->term = r->state.term + pre;
        m->index = r->log.last;
        m->log_term = raft_log_last_term(&r->log);
        raft_send_after(r, m); /* what it says of this log must be true after a crash, too */
    }
}

void raft_vote_timeout(struct raft *r)
{
    uint64_t lost = r->leader;

    if (lost != 0) {
        r->leader = 0;
        r->role_news = true;
    }
    raft_set_election_deadline(r);
    if (r->storage_status < 0 || r->installing)
        return;
    if (!raft_member_may_stand(r) && !r->called) {
        raft_trace(r, RAFT_TRACE_NOT_VOTER, 0, 0);
        return;
    }
    raft_trace(r, RAFT_TRACE_TIMEOUT, lost, 0);
    if (RAFT_MUTATE(NO_PRE_VOTE)) {
        raft_vote_stand(r, false);
        return;
    }
    r->role = RAFT_PRE_CANDIDATE;
    r->role_news = true;
    raft_trace(r, RAFT_TRACE_PRE_VOTE, r->state.term + 1, 0);
    raft_member_progress(r);
    canvass(r, true, false);
    struct raft_progress *self = raft_member_find(r, r->options.id);
    if (self)
        self->granted = true;
    tally(r);
}

void raft_vote_stand(struct raft *r, bool transfer)
{
    r->state.term++;
    r->state.vote = r->options.id;
    r->state_dirty = true;
    r->role = RAFT_CANDIDATE;
    r->leader = 0;
    r->term_start = 0;
    r->role_news = true;
    raft_trace(r, RAFT_TRACE_CANDIDATE, r->state.term, raft_member_quorum(r));
    raft_read_refuse(r);
    raft_member_progress(r);
    raft_set_election_deadline(r);
    canvass(r, false, transfer);
    r->self_vote_after = raft_needs(r);
    tally(r); /* a server being removed may need nobody's vote but others' */
}

void raft_vote_persisted(struct raft *r)
{
    if (r->role != RAFT_CANDIDATE || r->self_vote_after == 0 || r->seq_done < r->self_vote_after)
        return;
    r->self_vote_after = 0;
    struct raft_progress *self = raft_member_find(r, r->options.id);
    if (self) {
        self->granted = true;
        raft_trace(r, RAFT_TRACE_VOTE, r->options.id, 1);
    }
    tally(r);
}

/* 3.6.1: the log that ends in the later term, or is longer in the same, is more up-to-date. */
static bool is_up_to_date(const struct raft *r, const struct raft_message *m)
{
    uint64_t term = raft_log_last_term(&r->log);
    return m->log_term > term || RAFT_MUTATE(VOTE_FOR_ANY_LOG) ||
           (m->log_term == term && m->index >= r->log.last);
}

/* Leases rest on this (6.4.1): whoever answered a leader's round helps nobody else to lead before
 * an election's time has passed, not even when it has learnt of a later term meanwhile, or was
 * restarted and has forgotten the leader. So a start counts as contact. */
static bool hears_leader(const struct raft *r)
{
    if (RAFT_MUTATE(LEASE_FORGOTTEN) && r->leader == 0)
        return false;
    return r->role == RAFT_LEADER || instant_since(r->now, r->contact).ns < r->options.election.ns;
}

void raft_vote_receive(struct raft *r, const struct raft_message *m)
{
    bool grant;

    if (!m->transfer && m->term > r->state.term && hears_leader(r) && !RAFT_MUTATE(NO_PROTECTION))
        return;
    if (!m->pre && m->term > r->state.term)
        raft_become_follower(r, m->term, 0);
    if (r->storage_status < 0)
        return; /* cannot promise anything */
    if (m->pre)
        grant = m->term > r->state.term && is_up_to_date(r, m);
    else
        grant = m->term == r->state.term && r->role == RAFT_FOLLOWER && is_up_to_date(r, m) &&
                (r->state.vote == m->from || (r->state.vote == 0 && r->leader == 0) ||
                 RAFT_MUTATE(VOTE_TWICE));
    if (grant && !m->pre) {
        if (!RAFT_MUTATE(VOTE_NOT_WRITTEN))
            r->state_dirty = r->state_dirty || r->state.vote != m->from;
        r->state.vote = m->from;
        raft_set_election_deadline(r);
    }
    r->called = r->called || !is_up_to_date(r, m);
    struct raft_message *reply = raft_message_new(RAFT_VOTE_REPLY, m->from);
    reply->pre = m->pre;
    reply->reject = !grant;
    reply->term = grant ? m->term : r->state.term;
    if (RAFT_MUTATE(VOTE_EARLY))
        raft_send(r, reply);
    else
        raft_send_after(r, reply);
}

void raft_vote_receive_reply(struct raft *r, const struct raft_message *m)
{
    struct raft_progress *p;
    uint32_t granted = 0;

    if (m->pre ? r->role != RAFT_PRE_CANDIDATE : r->role != RAFT_CANDIDATE)
        return;
    if (m->term != r->state.term + (m->pre && !m->reject))
        return;
    p = raft_member_find(r, m->from);
    if (!p || p->granted || p->refused)
        return;
    p->granted = !m->reject;
    p->refused = m->reject;
    for (uint32_t i = 0; i < r->progress_n; i++)
        granted += r->progress[i].granted;
    if (p->granted)
        raft_trace(r, RAFT_TRACE_VOTE, m->from, granted);
    tally(r);
}
