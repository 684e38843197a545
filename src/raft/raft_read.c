/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads without the log (dissertation 6.4) and leases (6.4.1).
 *
 * Every heartbeat carries the number of a round; answers echo it. A round that a majority echoed
 * proves that the leader led when the round began, so all reads that came before see everything
 * acknowledged before them, once the commit index of that moment is applied. All reads of a turn
 * share a round. Reads wait until an entry of the leader's own term is committed: before that the
 * leader does not know what is.
 *
 * The lease: followers that echoed a round do not vote for others before `election` has passed
 * since, so nobody else leads until then. Ours: measured from the round's beginning, less `drift`;
 * void for the rest of the term once a transfer was begun. It rests on clocks that run alike
 * within the drift; ReadIndex does not.
 */
#include "raft/raft_core.h"

int raft_read(struct raft *r, uint64_t *ret_id)
{
    if (r->role != RAFT_LEADER)
        return ERR_NOT_LEADER;
    *ret_id = ++r->read_last;
    if (RAFT_MUTATE(READ_OLD_ROUND) && r->round > r->round_confirmed)
        r->rounds[r->round % RAFT_ROUNDS].read_id = r->read_asked = r->read_last;
    return 0;
}

static bool may_confirm(const struct raft *r)
{
    return r->role == RAFT_LEADER && r->term_start > 0 &&
           (r->commit >= r->term_start || RAFT_MUTATE(READ_BEFORE_OWN));
}

static bool is_alone(const struct raft *r)
{
    return raft_configuration_voters(&r->conf) == 1 && raft_member_is_voter(r, r->options.id);
}

void raft_read_step(struct raft *r)
{
    if (is_alone(r)) /* perhaps only now: the others, who were asked, were removed since */
        r->round_confirmed = r->round;
    if (r->read_asked == r->read_last || !may_confirm(r))
        return;
    if (is_alone(r) || r->round - r->round_confirmed < RAFT_ROUNDS - 1)
        raft_replicate_heartbeat(r, false);
}

void raft_read_round(struct raft *r)
{
    if (!is_alone(r) && r->round - r->round_confirmed >= RAFT_ROUNDS - 1)
        return; /* the last one goes out again */
    r->round++;
    if (may_confirm(r))
        r->read_asked = r->read_last;
    r->rounds[r->round % RAFT_ROUNDS].read_id = r->read_asked;
    r->rounds[r->round % RAFT_ROUNDS].index = r->commit;
    r->rounds[r->round % RAFT_ROUNDS].sent = r->now;
    if (is_alone(r) || RAFT_MUTATE(READ_UNCONFIRMED))
        r->round_confirmed = r->round;
}

void raft_read_echo(struct raft *r)
{
    uint64_t round = raft_replicate_majority(r, true);

    if (round <= r->round_confirmed)
        return;
    r->round_confirmed = round;
    struct instant sent = r->rounds[round % RAFT_ROUNDS].sent;
    struct duration drift = RAFT_MUTATE(LEASE_NO_DRIFT) ? DURATION_MS(0) : r->options.drift;
    if (RAFT_MUTATE(LEASE_FROM_ANSWER))
        sent = r->now;
    r->lease = instant_add(sent, (struct duration){r->options.election.ns - drift.ns});
}

void raft_read_refuse(struct raft *r)
{
    r->reads_refused = r->read_asked = r->read_last;
}

bool raft_read_next(struct raft *r, struct raft_effect *ret)
{
    uint64_t id = r->rounds[r->round_confirmed % RAFT_ROUNDS].read_id;

    ret->kind = RAFT_EFFECT_READ;
    if (r->reads_refused > r->read_done) {
        ret->u.read.id = r->read_done = r->reads_refused;
        ret->u.read.index = 0;
        ret->u.read.status = ERR_NOT_LEADER;
        return true;
    }
    if (r->role != RAFT_LEADER || id <= r->read_done)
        return false;
    ret->u.read.id = r->read_done = id;
    ret->u.read.index = r->rounds[r->round_confirmed % RAFT_ROUNDS].index;
    ret->u.read.status = 0;
    return true;
}

struct instant raft_read_lease(const struct raft *r)
{
    if (!may_confirm(r) || r->lease_void)
        return (struct instant){0};
    return is_alone(r) ? INSTANT_NEVER : r->lease;
}
