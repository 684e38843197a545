/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The leader's log becomes everyone's (dissertation 3.5, 10.2.1), and what a
 * majority holds becomes committed (3.6.2).
 *
 *   - The match index of a follower comes from what an answer acknowledges, prev + number of
 *     entries of the message answered, never from the follower's own last index: behind that may
 *     stand a stale tail.
 *   - Only entries of the leader's own term are committed by counting; older ones with them.
 *   - A heartbeat is an append without entries, so that a lost message is found out by the next
 *     heartbeat. Its answer acknowledges only what is durable and need not wait for the disk.
 *   - A refusal tells where the logs may agree, so that a follower is repaired in one round trip a
 *     term (5.3 of the paper; the bound on both sides is etcd's).
 */
#include <stdlib.h>

#include "base/mem.h"
#include "raft/raft_core.h"

/* ---- leader ---- */

void raft_replicate_start(struct raft *r)
{
    raft_member_progress(r);
    for (uint32_t i = 0; i < r->progress_n; i++) {
        struct raft_progress *p = &r->progress[i];
        *p = (struct raft_progress){.id = p->id, .next = r->log.last + 1, .recent = true};
    }
    r->round_confirmed = r->round;
    r->lease = (struct instant){0};
    r->lease_void = false;
    r->transfer_to = 0;
    /* 6.4: only an own entry tells which of the older ones are committed */
    if (!RAFT_MUTATE(NO_NOOP))
        raft_append_local(r, raft_entry_new(RAFT_ENTRY_NOOP, STR_NONE));
    r->term_start = r->log.last;
    r->quorum_check = instant_add(r->now, r->options.election);
    r->deadline = raft_is_sole(r) ? INSTANT_NEVER : r->now;
    if (!raft_is_sole(r)) {
        raft_replicate_heartbeat(r, true);
        r->deadline = instant_add(r->now, r->options.heartbeat);
    }
}

static struct raft_message *append_new(struct raft *r, const struct raft_progress *p, uint64_t prev,
                                       uint64_t prev_term)
{
    struct raft_message *m = raft_message_new(RAFT_APPEND, p->id);

    m->term = r->state.term;
    m->index = prev;
    m->log_term = prev_term;
    m->commit = r->commit;
    m->round = r->round;
    return m;
}

/* Entries after m->index, as many as fit. Returns their bytes. */
static size_t append_fill(const struct raft *r, struct raft_message *m)
{
    uint64_t first = m->index + 1, n = r->log.last - m->index;
    size_t bytes = 0;
    uint32_t i = 0;

    if (n > RAFT_MESSAGE_ENTRIES_MAX)
        n = RAFT_MESSAGE_ENTRIES_MAX;
    for (; i < n; i++) {
        size_t size = raft_log_get(&r->log, first + i)->size + sizeof(struct raft_entry);
        if (i > 0 && bytes + size > r->options.batch_bytes)
            break;
        bytes += size;
    }
    m->entries = mem_alloc(i * sizeof *m->entries);
    m->entry_n = i;
    for (i = 0; i < m->entry_n; i++)
        m->entries[i] = raft_entry_ref(raft_log_get(&r->log, first + i));
    return bytes;
}

static bool window_is_full(const struct raft_progress *p)
{
    return p->window_n == RAFT_WINDOW_MESSAGES || p->window_bytes >= RAFT_WINDOW_BYTES;
}

static void window_push(struct raft_progress *p, uint64_t last, size_t bytes)
{
    uint32_t i = (p->window_first + p->window_n++) % RAFT_WINDOW_MESSAGES;

    p->window[i].last = last;
    p->window[i].bytes = bytes;
    p->window_bytes += bytes;
}

static void window_pop(struct raft_progress *p, uint64_t index)
{
    while (p->window_n && p->window[p->window_first].last <= index) {
        p->window_bytes -= p->window[p->window_first].bytes;
        p->window_first = (p->window_first + 1) % RAFT_WINDOW_MESSAGES;
        p->window_n--;
    }
}

static void become(struct raft_progress *p, enum raft_progress_state state)
{
    p->state = state;
    p->probing = p->chunk_out = false;
    p->window_first = p->window_n = 0;
    p->window_bytes = 0;
}

void raft_replicate_one(struct raft *r, struct raft_progress *p)
{
    uint64_t prev_term;

    if (p->id == r->options.id)
        return;
    if (p->state == RAFT_SNAPSHOTTING) {
        raft_snapshot_step(r, p);
        return;
    }
    /* Also when the window is full: if all of it was lost, nobody will complain, since a heartbeat
     * can name no entry before `next` any more. */
    if (p->next < r->log.first) {
        become(p, RAFT_SNAPSHOTTING);
        raft_snapshot_begin(r, p);
        return;
    }
    while (p->state == RAFT_PROBE
               ? !p->probing
               : (p->next <= r->log.last && !window_is_full(p)) || p->commit_told < r->commit) {
        if (!raft_log_term(&r->log, p->next - 1, &prev_term))
            return;
        struct raft_message *m = append_new(r, p, p->next - 1, prev_term);
        size_t bytes = 0;
        if (p->state == RAFT_PROBE || !window_is_full(p))
            bytes = append_fill(r, m);
        p->commit_told = r->commit;
        if (p->state == RAFT_PROBE) {
            p->probing = true;
        } else if (m->entry_n) {
            p->next += m->entry_n;
            window_push(p, p->next - 1, bytes);
        }
        raft_send(r, m);
    }
}

void raft_replicate_all(struct raft *r)
{
    for (uint32_t i = 0; i < r->progress_n; i++)
        raft_replicate_one(r, &r->progress[i]);
}

/* Also the carrier of read rounds (6.4) and of leases (6.4.1). When it comes by the clock, what was
 * not answered since the last is sent again. */
void raft_replicate_heartbeat(struct raft *r, bool by_clock)
{
    raft_read_round(r);
    for (uint32_t i = 0; i < r->progress_n; i++) {
        struct raft_progress *p = &r->progress[i];
        uint64_t prev = p->next - 1, prev_term;

        if (p->id == r->options.id)
            continue;
        if (by_clock)
            p->probing = p->chunk_out = false;
        /* Index 0 matches everywhere: the beat of one whose log is far away. */
        if (p->state == RAFT_SNAPSHOTTING || !raft_log_term(&r->log, prev, &prev_term))
            prev = prev_term = 0;
        raft_send(r, append_new(r, p, prev, prev_term));
    }
}

/* Of the values of the voters, the highest that a majority has reached. */
static int compare_down(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

uint64_t raft_replicate_majority(const struct raft *r, bool of_rounds)
{
    uint64_t values[RAFT_SERVERS_MAX];
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->progress_n; i++) {
        const struct raft_progress *p = &r->progress[i];
        if (!raft_member_is_voter(r, p->id) && !RAFT_MUTATE(LEARNER_COUNTS))
            continue;
        if (p->id == r->options.id)
            values[n++] = of_rounds                      ? r->round
                          : RAFT_MUTATE(COUNT_OWN_EARLY) ? r->log.last
                                                         : r->stable;
        else
            values[n++] = of_rounds ? p->round : p->match;
    }
    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, compare_down);
    return values[RAFT_MUTATE(HALF_IS_ENOUGH) ? (n - 1) / 2 : n / 2];
}

void raft_replicate_commit(struct raft *r)
{
    uint64_t index = raft_replicate_majority(r, false), term;

    if (index > r->commit && raft_log_term(&r->log, index, &term) &&
        (term == r->state.term || RAFT_MUTATE(COMMIT_OLD_TERMS))) {
        r->commit = index;
        raft_member_committed(r);
    }
}

bool raft_replicate_quorum_is_near(struct raft *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->progress_n; i++) {
        struct raft_progress *p = &r->progress[i];
        if (raft_member_is_voter(r, p->id))
            n += p->recent || p->id == r->options.id;
        p->recent = false;
    }
    return n >= raft_member_quorum(r);
}

static void refused(struct raft *r, struct raft_progress *p, const struct raft_message *m)
{
    uint64_t next, term;

    if (RAFT_MUTATE(MATCH_FROM_HINT) && m->hint > p->match && m->hint <= r->log.last)
        p->match = m->hint;
    if (p->state == RAFT_REPLICATE) {
        /* Of long ago; or of before the last return to here: each refusal of a window that was
         * shuffled on its way would send another window. So once a round; what is lost again is
         * found out by the next heartbeat. */
        if (m->index <= p->match || m->round < p->refused_round)
            return;
        p->refused_round = r->round + 1;
        p->next = p->match + 1;
        become(p, RAFT_PROBE);
        return;
    }
    if (p->state != RAFT_PROBE || m->index != p->next - 1)
        return;
    next = m->hint + 1 < p->next ? m->hint + 1 : p->next - 1;
    if (RAFT_MUTATE(HINT_ONE_BY_ONE))
        next = p->next - 1;
    if (RAFT_MUTATE(HINT_TOO_HIGH))
        next++;
    /* Where the follower's term is lower than ours, its entries there are not ours either. */
    while (!RAFT_MUTATE(HINT_ONE_BY_ONE) && next > p->match + 1 &&
           raft_log_term(&r->log, next - 1, &term) && term > m->hint_term)
        next--;
    p->next = next > p->match ? next : p->match + 1;
    p->probing = false;
}

void raft_replicate_receive_reply(struct raft *r, const struct raft_message *m)
{
    struct raft_progress *p = raft_member_find(r, m->from);

    if (r->role != RAFT_LEADER || m->term != r->state.term || !p || m->round > r->round)
        return;
    p->recent = true;
    if (m->round > p->round) {
        p->round = m->round;
        raft_read_echo(r);
    }
    if (m->reject) {
        refused(r, p, m);
        return;
    }
    if (m->index > r->log.last) /* it cannot have what we have not */
        return;
    if (m->index > p->match)
        p->match = m->index;
    if (p->next <= p->match)
        p->next = p->match + 1;
    window_pop(p, p->match);
    if ((p->state == RAFT_PROBE && m->index + 1 >= p->next) ||
        (p->state == RAFT_SNAPSHOTTING && p->match >= p->snapshot_index)) {
        p->next = p->match + 1;
        become(p, RAFT_REPLICATE);
    }
    raft_replicate_commit(r);
    raft_member_transfer_step(r, p);
}

/* ---- follower ---- */

static void acknowledge(struct raft *r, const struct raft_message *m, uint64_t index, bool at_once)
{
    struct raft_message *reply = raft_message_new(RAFT_APPEND_REPLY, m->from);

    reply->term = r->state.term;
    reply->index = RAFT_MUTATE(ACK_OWN_LAST) ? r->log.last : index;
    reply->round = m->round;
    if (at_once)
        raft_send_in_term(r, reply);
    else
        raft_send_after(r, reply);
}

static void refuse(struct raft *r, const struct raft_message *m)
{
    struct raft_message *reply = raft_message_new(RAFT_APPEND_REPLY, m->from);
    uint64_t hint = m->index < r->log.last ? m->index : r->log.last, term = 0;

    /* The highest of ours that the leader may have: not of a later term than his there. */
    while (hint > r->commit && raft_log_term(&r->log, hint, &term) && term > m->log_term)
        hint--;
    reply->term = r->state.term;
    reply->reject = true;
    reply->index = m->index;
    reply->round = m->round;
    reply->hint = hint;
    (void)raft_log_term(&r->log, hint, &term);
    reply->hint_term = term;
    raft_send(r, reply);
}

/* What was taken and not applied is bounded here, too, whatever the leader says. His own bound
 * and his window let an honest one stay below. What does not fit comes again when more is applied:
 * the commit index is taken even then. */
static void drop_what_does_not_fit(const struct raft *r, struct raft_message *m)
{
    size_t bytes = r->unapplied_bytes + (r->log.last - r->applied) * sizeof(struct raft_entry);

    if (m->entry_n == 0 || bytes <= 2 * r->options.inflight_bytes_max + RAFT_WINDOW_BYTES)
        return;
    for (uint32_t i = 0; i < m->entry_n; i++)
        raft_entry_unref(m->entries[i]);
    m->entry_n = 0;
}

/* False when the message contradicts what is committed. */
static bool append_entries(struct raft *r, const struct raft_message *m)
{
    for (uint32_t i = 0; i < m->entry_n; i++) {
        struct raft_entry *e = m->entries[i];
        uint64_t term;

        if (e->index <= r->log.last) {
            if (!raft_log_term(&r->log, e->index, &term))
                continue;
            if (term == e->term && !(RAFT_MUTATE(TRUNCATE_ALWAYS) && e->index > r->commit))
                continue;
            if (e->index <= r->commit)
                return false;
            raft_truncate_local(r, e->index);
        }
        raft_log_append(&r->log, raft_entry_ref(e));
        r->unapplied_bytes += e->size;
        if (e->kind == RAFT_ENTRY_CONFIGURATION)
            raft_member_refresh(r);
    }
    return true;
}

void raft_replicate_receive(struct raft *r, struct raft_message *m)
{
    uint64_t term, last;

    if (m->term < r->state.term) {
        refuse(r, m); /* tells the new term */
        return;
    }
    if (r->role == RAFT_LEADER || (r->leader != 0 && r->leader != m->from))
        return; /* a term has one leader */
    if (r->role != RAFT_FOLLOWER || r->leader != m->from)
        raft_become_follower(r, m->term, m->from);
    else
        raft_set_election_deadline(r);
    r->contact = r->now;
    if (r->storage_status < 0)
        return;
    if (r->installing) {
        acknowledge(r, m, 0, true);
        return;
    }
    drop_what_does_not_fit(r, m);
    last = m->index + m->entry_n;
    if (last < r->commit || m->index < r->log.first - 1) {
        /* What is committed here is his, too; so far is what can be said at once. */
        acknowledge(r, m, r->commit < r->stable ? r->commit : r->stable, true);
        return;
    }
    if (!raft_log_term(&r->log, m->index, &term) || term != m->log_term) {
        refuse(r, m);
        return;
    }
    if (!append_entries(r, m))
        return;
    uint64_t commit = m->commit < last ? m->commit : last;
    if (RAFT_MUTATE(COMMIT_PAST_MESSAGE))
        commit = m->commit < r->log.last ? m->commit : r->log.last;
    if (commit > r->commit) {
        r->commit = commit;
        raft_member_committed(r);
    }
    if (m->entry_n == 0)
        acknowledge(r, m,
                    m->index < r->stable && !RAFT_MUTATE(BEAT_ACKS_TAIL) ? m->index : r->stable,
                    true);
    else
        acknowledge(r, m, last, RAFT_MUTATE(ACK_EARLY));
}
