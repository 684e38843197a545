/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * State instead of log (dissertation 5): for a follower that needs entries
 * which are no longer there.
 *
 * Ours: in chunks, one at a time, each answered by the offset wanted next, so a transfer goes on
 * where it stopped. The bytes never pass through the machine: the sender's shell fills them in
 * from its file, the receiver's shell stores them and reports. A transfer that has begun stays with
 * its snapshot when a newer one is taken, or a busy cluster would never finish one; the shell keeps
 * the file, or tells that it is gone.
 */
#include "raft/raft_core.h"

/* ---- leader ---- */

void raft_snapshot_begin(struct raft *r, struct raft_progress *p)
{
    p->snapshot_index = 0;
    raft_snapshot_step(r, p);
}

void raft_snapshot_step(struct raft *r, struct raft_progress *p)
{
    if (p->chunk_out)
        return;
    if (p->offset == 0 || p->snapshot_index == 0) {
        if (r->snapshot_lost || r->snapshot_index == 0)
            return; /* until raft_compact */
        p->snapshot_index = r->snapshot_index;
        p->snapshot_term = r->snapshot_term;
        p->offset = 0;
    }
    struct raft_message *m = raft_message_new(RAFT_SNAPSHOT, p->id);
    m->term = r->state.term;
    m->index = p->snapshot_index;
    m->log_term = p->snapshot_term;
    m->offset = p->offset;
    p->chunk_out = true;
    raft_send(r, m);
}

void raft_snapshot_gone(struct raft *r, uint64_t index, uint64_t term)
{
    if (index == r->snapshot_index && term == r->snapshot_term)
        r->snapshot_lost = true;
    for (uint32_t i = 0; i < r->progress_n; i++) {
        struct raft_progress *p = &r->progress[i];

        if (p->state != RAFT_SNAPSHOTTING || p->snapshot_index != index)
            continue;
        p->snapshot_index = p->offset = 0;
        p->chunk_out = false;
    }
}

void raft_snapshot_receive_reply(struct raft *r, const struct raft_message *m)
{
    struct raft_progress *p = raft_member_find(r, m->from);

    if (r->role != RAFT_LEADER || m->term != r->state.term || !p)
        return;
    p->recent = true;
    if (p->state != RAFT_SNAPSHOTTING || m->index != p->snapshot_index ||
        m->log_term != p->snapshot_term)
        return;
    p->offset = RAFT_MUTATE(SNAPSHOT_SKIPS) && m->offset < p->offset ? p->offset : m->offset;
    p->chunk_out = false;
}

/* ---- follower ---- */

void raft_snapshot_receive(struct raft *r, struct raft_message *m)
{
    struct raft_message *reply;

    if (m->term < r->state.term) {
        reply = raft_message_new(RAFT_APPEND_REPLY, m->from);
        reply->term = r->state.term;
        reply->reject = true;
        raft_send(r, reply);
        return;
    }
    if (r->role == RAFT_LEADER || (r->leader != 0 && r->leader != m->from))
        return;
    if (r->role != RAFT_FOLLOWER || r->leader != m->from)
        raft_become_follower(r, m->term, m->from);
    else
        raft_set_election_deadline(r);
    r->contact = r->now;
    if (r->storage_status < 0)
        return;
    if (m->index <= r->commit) {
        reply = raft_message_new(RAFT_APPEND_REPLY, m->from);
        reply->term = r->state.term;
        reply->index = r->commit < r->stable ? r->commit : r->stable;
        raft_send_in_term(r, reply);
        return;
    }
    if (r->chunk || r->installing)
        return;
    r->chunk = raft_message_new(RAFT_SNAPSHOT, m->to);
    struct raft_message *empty = r->chunk, moved = *m;
    *m = *empty;
    *r->chunk = moved;
}

bool raft_snapshot_install(struct raft *r, uint64_t index)
{
    if (r->role == RAFT_LEADER || r->installing || index <= r->commit)
        return false;
    if (r->role != RAFT_FOLLOWER)
        raft_become_follower(r, r->state.term, 0);
    r->installing = true;
    return true;
}

void raft_snapshot_abandoned(struct raft *r)
{
    r->installing = false;
}

void raft_chunk_stored(struct raft *r, uint64_t index, uint64_t term, uint64_t offset)
{
    if (r->role != RAFT_FOLLOWER || r->leader == 0)
        return;
    struct raft_message *m = raft_message_new(RAFT_SNAPSHOT_REPLY, r->leader);
    m->term = r->state.term;
    m->index = index;
    m->log_term = term;
    m->offset = offset;
    raft_send(r, m);
}

/* Figure 5.3: what follows a matching entry is kept (it may have been acknowledged), all else
 * goes. */
void raft_snapshot_installed(struct raft *r, uint64_t index, uint64_t term,
                             const struct raft_configuration *c)
{
    uint64_t known;

    ASSERT(r->installing && index > r->commit);
    r->installing = false;
    if (raft_log_term(&r->log, index, &known) && known == term && index <= r->stable &&
        !RAFT_MUTATE(SNAPSHOT_CUTS_TAIL)) {
        for (uint64_t i = r->applied + 1; i <= index; i++)
            r->unapplied_bytes -= raft_log_get(&r->log, i)->size;
        raft_log_compact(&r->log, index);
    } else {
        /* Acknowledgements that wait for the disk are of entries that will not stay. */
        if (!RAFT_MUTATE(SNAPSHOT_KEEPS_WORD))
            raft_queue_clear(&r->after_queue);
        raft_log_reset(&r->log, index, term);
        r->unapplied_bytes = 0;
        r->stable = r->emitted = index;
        raft_clip_persists(r, 0); /* what is on its way to the disk goes with the log */
        r->truncate_dirty = 0;
        r->reset_dirty = !RAFT_MUTATE(SNAPSHOT_NO_RESET);
    }
    r->snapshot_lost = false;
    r->commit = r->applied = r->snapshot_index = index;
    r->snapshot_term = term;
    r->snapshot_conf = *c;
    r->snapshot_conf.index = c->index;
    raft_member_refresh(r);
    if (r->role == RAFT_FOLLOWER && r->leader != 0) {
        struct raft_message *m = raft_message_new(RAFT_APPEND_REPLY, r->leader);
        m->term = r->state.term;
        m->index = index;
        raft_send_after(r, m);
    }
}
