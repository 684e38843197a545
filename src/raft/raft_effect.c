/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the machine hands out, and in which order: see the top of raft.h.
 */
#include "base/mem.h"
#include "raft/raft_core.h"

/* ---- what must be durable ---- */

static bool is_dirty(const struct raft *r)
{
    return r->state_dirty || r->reset_dirty || r->truncate_dirty || r->emitted < r->log.last;
}

uint64_t raft_needs(const struct raft *r)
{
    return is_dirty(r) ? r->seq + 1 : r->seq;
}

static bool next_persist(struct raft *r, struct raft_persist *ret)
{
    if (!is_dirty(r) || r->storage_status < 0 || r->seq - r->seq_done >= RAFT_PERSISTS_MAX)
        return false;
    *ret = (struct raft_persist){
        .seq = ++r->seq,
        .has_reset = r->reset_dirty,
        .reset_index = r->log.first - 1,
        .reset_term = r->log.base_term,
        .truncate_from = r->truncate_dirty,
        .has_state = r->state_dirty,
        .state = r->state,
        .first = r->emitted + 1,
        .last = r->log.last,
    };
    r->persists[r->seq % RAFT_PERSISTS_MAX].last = r->log.last;
    r->persists[r->seq % RAFT_PERSISTS_MAX].last_term = raft_log_last_term(&r->log);
    r->emitted = r->log.last;
    if (r->state_dirty)
        r->state_seq = r->seq;
    r->state_dirty = r->reset_dirty = false;
    r->truncate_dirty = 0;
    return true;
}

void raft_queue_clear(struct raft_queue *q)
{
    for (; q->n; q->n--) {
        raft_message_free(q->items[q->first].m);
        q->first = (q->first + 1) & (q->cap - 1);
    }
}

/* ---- messages ---- */

static void queue_put(struct raft_queue *q, struct raft_message *m, uint64_t after)
{
    if (q->n == RAFT_QUEUE_MAX) { /* messages may be lost; memory may not */
        raft_message_free(m);
        return;
    }
    if (q->n == q->cap) {
        uint32_t cap = q->cap ? q->cap * 2 : 16;
        struct raft_queue grown = {.cap = cap, .items = mem_alloc(cap * sizeof *grown.items)};

        for (; grown.n < q->n; grown.n++)
            grown.items[grown.n] = q->items[(q->first + grown.n) & (q->cap - 1)];
        mem_free(q->items);
        *q = grown;
    }
    uint32_t i = (q->first + q->n++) & (q->cap - 1);
    q->items[i].m = m;
    q->items[i].after = after;
}

void raft_send(struct raft *r, struct raft_message *m)
{
    m->from = r->options.id;
    queue_put(&r->now_queue, m, 0);
}

void raft_send_after(struct raft *r, struct raft_message *m)
{
    m->from = r->options.id;
    queue_put(&r->after_queue, m, raft_needs(r));
}

/* Who forgot the term could let an older leader truncate what it told this one to match. */
void raft_send_in_term(struct raft *r, struct raft_message *m)
{
    if (r->state_dirty || r->state_seq > r->seq_done)
        raft_send_after(r, m);
    else
        raft_send(r, m);
}

static bool next_message(struct raft *r, struct raft_queue *q, struct raft_message **ret)
{
    if (q->n == 0 || q->items[q->first].after > r->seq_done)
        return false;
    *ret = q->items[q->first].m;
    q->first = (q->first + 1) & (q->cap - 1);
    q->n--;
    return true;
}

/* ---- all of it ---- */

static bool next_apply(struct raft *r, struct raft_effect *ret)
{
    uint64_t end = r->commit < r->stable || RAFT_MUTATE(APPLY_EARLY) ? r->commit : r->stable;

    if (r->applied >= end || r->installing)
        return false;
    if (end - r->applied > RAFT_APPLY_MAX)
        end = r->applied + RAFT_APPLY_MAX;
    *ret = (struct raft_effect){.kind = RAFT_EFFECT_APPLY,
                                .u.apply = {.first = r->applied + 1, .last = end}};
    for (uint64_t i = r->applied + 1; i <= end; i++)
        r->unapplied_bytes -= raft_log_get(&r->log, i)->size;
    r->applied = end;
    raft_member_committed(r);
    return true;
}

bool raft_next_effect(struct raft *r, struct instant now, struct raft_effect *ret)
{
    struct raft_message *m;

    r->now = now;
    if (!r->started)
        return false;
    if (r->role == RAFT_LEADER) {
        raft_read_step(r);
        raft_replicate_all(r);
    }
    if (next_persist(r, &ret->u.persist)) {
        ret->kind = RAFT_EFFECT_PERSIST;
        return true;
    }
    if (next_message(r, &r->now_queue, &m) || next_message(r, &r->after_queue, &m)) {
        *ret = (struct raft_effect){.kind = RAFT_EFFECT_SEND, .u.message = m};
        return true;
    }
    if (raft_read_next(r, ret))
        return true;
    if (r->chunk) {
        *ret = (struct raft_effect){.kind = RAFT_EFFECT_CHUNK, .u.message = r->chunk};
        r->chunk = NULL;
        return true;
    }
    if (next_apply(r, ret))
        return true;
    if (r->role_news) {
        *ret = (struct raft_effect){
            .kind = RAFT_EFFECT_ROLE,
            .u.role = {.role = r->role, .term = r->state.term, .leader = r->leader}};
        r->role_news = false;
        return true;
    }
    return false;
}

struct raft_entry *raft_entry_at(const struct raft *r, uint64_t index)
{
    return raft_log_get(&r->log, index);
}
