/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Batches to the log thread, what happens when the disk fails or is slow, snapshots.
 *
 * A failure is told by the order that met it. All orders behind it fail, too (the log refuses
 * until it is recovered), the machine forgets what was not durable, wishes not yet durable are
 * answered with the error, and every RETRY the log is asked to recover. When it can, the machine
 * goes on; a sole voter with a new term.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "consensus/consensus_core.h"

#define RETRY DURATION_MS(500)
/* So long without a write, and the log is sealed. */
#define QUIET DURATION_MS(100)
/* A batch that takes so long makes the disk a slow one, until nothing waits or one was quicker. */
#define SLOW DURATION_S(1)
/* A snapshot is due after so many bytes of entries, or twice the last snapshot's. */
#define SNAPSHOT_BYTES ((uint64_t)64 << 20)
/* Entries kept in memory and on disk behind a snapshot take no more than this. */
#define TRAIL_BYTES ((size_t)16 << 20)

/* ---- batches ---- */

static void storage_failed(struct consensus *c, int status)
{
    struct raft_facts f;

    if (c->storage_status < 0)
        return;
    c->storage_status = status;
    log_error(CONSENSUS_SUBSYSTEM, "the log cannot be written, writes are refused: error=\"%s\"",
              error_text(status));
    raft_storage_failed(c->raft, engine_now(c->engine), status);
    raft_get_facts(c->raft, &f);
    consensus_refuse_pending(c, f.last + 1, status);
    published_set(c->published, PUBLISHED_STORAGE_ERROR, (uint64_t)-status);
    if (c->hooks.storage)
        c->hooks.storage(c->hooks.data, status);
    timers_set(c->timers, &c->retry, instant_add(engine_now(c->engine), RETRY));
}

static void set_slow(struct consensus *c, bool is_slow, struct duration took)
{
    if (is_slow == c->is_slow)
        return;
    c->is_slow = is_slow;
    published_set(c->published, PUBLISHED_STORAGE_SLOW, is_slow);
    if (is_slow)
        log_warn(CONSENSUS_SUBSYSTEM,
                 "the disk is slow: a write of the log has waited for %" PRId64 " ms",
                 duration_ms(took));
    else
        log_info(CONSENSUS_SUBSYSTEM,
                 "the disk is no longer slow: the last write took %" PRId64 " ms",
                 duration_ms(took));
}

/* Looks once in SLOW, as long as something waits. */
static void on_slow(struct timer *t, struct instant now)
{
    struct consensus *c = LIST_ITEM(t, struct consensus, slow);

    if (!c->out)
        return;
    struct duration waited = instant_since(now, c->out->since);
    if (waited.ns >= SLOW.ns)
        set_slow(c, true, waited);
    else
        timers_set(c->timers, t, instant_add(c->out->since, SLOW));
}

/* Batches come back in the order in which they went. */
static void took_back(struct consensus *c, struct consensus_batch *b)
{
    struct duration took = instant_since(engine_now(c->engine), b->since);

    ASSERT(c->out == b);
    c->out = b->next;
    if (!c->out)
        c->out_last = &c->out;
    set_slow(c, took.ns >= SLOW.ns, took);
    if (!c->out)
        set_slow(c, false, took);
    else if (!timers_is_set(&c->slow) && !c->is_slow)
        timers_set(c->timers, &c->slow, instant_add(c->out->since, SLOW));
}

/* Log thread. The order is the one of struct raft_persist. */
static void batch_run(struct wal_order *o, struct wal *w)
{
    const struct consensus_batch *b = LIST_ITEM(o, struct consensus_batch, order);
    const struct raft_persist *p = &b->persist;

    if (p->has_reset)
        wal_put_reset(w, p->reset_index, p->reset_term);
    if (p->truncate_from)
        wal_put_truncate(w, p->truncate_from);
    if (p->has_state)
        wal_put_state(w, p->state.term, p->state.vote);
    for (size_t i = 0; i < b->n; i++) {
        wal_put_entry(w, b->entries[i]->index, b->entries[i]->term, b->entries[i]->kind,
                      raft_entry_str(b->entries[i]));
        /* Much at once goes in portions. When one of them fails, so does the order. */
        if (wal_pending(w) >= WAL_BATCH_SIZE_GOAL && wal_commit(w) < 0)
            return;
    }
}

static void batch_done(struct wal_order *o)
{
    struct consensus_batch *b = LIST_ITEM(o, struct consensus_batch, order);
    struct consensus *c = b->c;

    c->orders--;
    took_back(c, b);
    for (size_t i = 0; i < b->n; i++)
        raft_entry_unref(b->entries[i]);
    b->n = 0;
    b->next = c->idle;
    c->idle = b;
    if (o->status < 0)
        storage_failed(c, o->status);
    else
        raft_persisted(c->raft, engine_now(c->engine), b->persist.seq);
    if (c->orders == 0 && !timers_is_set(&c->quiet))
        timers_set(c->timers, &c->quiet, instant_add(engine_now(c->engine), QUIET));
    consensus_set_dirty(c);
}

void consensus_persist(struct consensus *c, const struct raft_persist *p)
{
    struct consensus_batch *b = c->idle;

    if (!c->thread) { /* in memory: as durable as it will ever be */
        raft_persisted(c->raft, engine_now(c->engine), p->seq);
        return;
    }
    if (b) {
        c->idle = b->next;
    } else {
        b = mem_new(struct consensus_batch);
        b->c = c;
        b->order.run = batch_run;
        b->order.done = batch_done;
    }
    b->persist = *p;
    size_t n = p->last >= p->first ? (size_t)(p->last - p->first + 1) : 0;
    if (n > b->cap) {
        b->cap = n < 64 ? 64 : n;
        mem_free(b->entries);
        b->entries = mem_alloc(b->cap * sizeof *b->entries);
    }
    for (b->n = 0; b->n < n; b->n++)
        b->entries[b->n] = raft_entry_ref(raft_entry_at(c->raft, p->first + b->n));
    c->orders++;
    c->sealed = false;
    b->since = engine_now(c->engine);
    b->next = NULL;
    *c->out_last = b;
    c->out_last = &b->next;
    if (!timers_is_set(&c->slow) && !c->is_slow)
        timers_set(c->timers, &c->slow, instant_add(b->since, SLOW));
    wal_thread_post(c->thread, &b->order);
}

/* ---- recovery ---- */

static void recover_run(struct wal_order *o, struct wal *w)
{
    o->status = wal_recover(w);
}

static void recover_done(struct wal_order *o)
{
    struct consensus *c = LIST_ITEM(o, struct consensus, recover_order);

    c->recovering = false;
    c->orders--;
    consensus_set_dirty(c);
    if (o->status < 0) {
        if (!c->closing)
            timers_set(c->timers, &c->retry, instant_add(engine_now(c->engine), RETRY));
        return;
    }
    c->storage_status = 0;
    log_info(CONSENSUS_SUBSYSTEM, "the log can be written again");
    raft_storage_back(c->raft, engine_now(c->engine));
    published_set(c->published, PUBLISHED_STORAGE_ERROR, 0);
    if (c->hooks.storage)
        c->hooks.storage(c->hooks.data, 0);
}

static void on_retry(struct timer *t, struct instant now)
{
    struct consensus *c = LIST_ITEM(t, struct consensus, retry);

    (void)now;
    if (c->recovering || c->closing || c->storage_status == 0)
        return;
    c->recovering = true;
    c->orders++;
    c->recover_order.run = recover_run;
    c->recover_order.done = recover_done;
    c->recover_order.alone = true;
    wal_thread_post(c->thread, &c->recover_order);
}

/* ---- sealing: see wal_seal ---- */

static void seal_run(struct wal_order *o, struct wal *w)
{
    o->status = wal_seal(w);
}

static void seal_done(struct wal_order *o)
{
    struct consensus *c = LIST_ITEM(o, struct consensus, seal_order);

    c->sealing = false;
    c->orders--;
    if (o->status < 0)
        storage_failed(c, o->status);
    consensus_set_dirty(c);
}

static void on_quiet(struct timer *t, struct instant now)
{
    struct consensus *c = LIST_ITEM(t, struct consensus, quiet);

    (void)now;
    if (c->sealed || c->sealing || c->closing || c->storage_status < 0 || c->orders > 0)
        return; /* the next batch done sets the timer again */
    c->sealed = c->sealing = true;
    c->orders++;
    c->seal_order.run = seal_run;
    c->seal_order.done = seal_done;
    c->seal_order.alone = true;
    wal_thread_post(c->thread, &c->seal_order);
}

/* ---- snapshots ---- */

static void compact_run(struct wal_order *o, struct wal *w)
{
    const struct consensus *c = LIST_ITEM(o, struct consensus, compact_order);

    o->status = wal_compact(w, c->compact_keep, c->compact_index, c->compact_term);
}

static void compact_done(struct wal_order *o)
{
    struct consensus *c = LIST_ITEM(o, struct consensus, compact_order);

    c->compacting = false;
    c->orders--;
    if (o->status < 0)
        log_warn(CONSENSUS_SUBSYSTEM, "old logs could not be removed: error=\"%s\"",
                 error_text(o->status));
    consensus_set_dirty(c);
}

static uint64_t trail(const struct consensus *c, uint64_t index)
{
    return raft_trail(c->raft, index, c->conf.trailing_logs, TRAIL_BYTES);
}

static void compact(struct consensus *c, uint64_t keep, uint64_t index, uint64_t term);

static void on_dumped(struct fsm_dump *d)
{
    struct consensus *c = d->data;
    uint64_t index = d->meta.index;

    c->dumping = false;
    consensus_set_dirty(c);
    if (d->status < 0) {
        log_error(CONSENSUS_SUBSYSTEM, "failed to take snapshot: error=\"%s\"",
                  error_text(d->status));
        return;
    }
    log_info(CONSENSUS_SUBSYSTEM, "snapshot complete up to: index=%" PRIu64, index);
    raft_compact(c->raft, index, trail(c, index));
    compact(c, trail(c, index), index, d->meta.term);
}

static void compact(struct consensus *c, uint64_t keep, uint64_t index, uint64_t term)
{
    if (c->closing)
        return;
    c->compact_keep = keep;
    c->compact_index = index;
    c->compact_term = term;
    c->compacting = true;
    c->orders++;
    c->compact_order.run = compact_run;
    c->compact_order.done = compact_done;
    c->compact_order.alone = true;
    wal_thread_post(c->thread, &c->compact_order);
}

void consensus_snapshot_if_due(struct consensus *c)
{
    struct raft_configuration conf;
    struct raft_facts f;
    uint64_t bytes;

    if (c->compact_due && !c->compacting) { /* the log was reset: that order went before */
        raft_get_facts(c->raft, &f);
        c->compact_due = false;
        compact(c, f.snapshot_index, f.snapshot_index, f.snapshot_term);
    }
    if (c->install.importing || c->install.ready)
        return;
    if (c->dumping || c->compacting || c->closing) /* while dumping, c->dump is another thread's */
        return;
    bytes = c->dump.size * 2 > SNAPSHOT_BYTES ? c->dump.size * 2 : SNAPSHOT_BYTES;
    if (c->applied_bytes < bytes && (c->applied_since < c->conf.snapshot_threshold ||
                                     instant_before(engine_now(c->engine), c->snapshot_after)))
        return;
    c->snapshot_after = instant_add(engine_now(c->engine), c->conf.snapshot_interval);
    c->applied_since = c->applied_bytes = 0;
    raft_get_facts(c->raft, &f);
    if (!c->thread) {
        raft_compact(c->raft, f.applied, trail(c, f.applied));
        return;
    }
    if (state_applied_index(c->fsm.state) != f.applied) {
        log_error(CONSENSUS_SUBSYSTEM, "no snapshot: the store could not take every entry");
        return;
    }
    log_info(CONSENSUS_SUBSYSTEM, "starting snapshot up to: index=%" PRIu64, f.applied);
    raft_configuration_at(c->raft, f.applied, &conf);
    c->dumping = true;
    c->dump.disk = c->disk;
    c->dump.done = on_dumped;
    c->dump.data = c;
    fsm_dump_start(&c->fsm, &c->dump, c->engine, f.applied, raft_entry_at(c->raft, f.applied)->term,
                   &conf, wal_log_id(c->wal));
}

/* ---- life ---- */

void consensus_storage_init(struct consensus *c)
{
    c->retry.fire = on_retry;
    c->quiet.fire = on_quiet;
    c->slow.fire = on_slow;
    c->out_last = &c->out;
}

bool consensus_storage_is_quiet(const struct consensus *c)
{
    return c->orders == 0 && !c->dumping;
}

void consensus_storage_fini(struct consensus *c)
{
    timers_cancel(c->timers, &c->retry);
    timers_cancel(c->timers, &c->quiet);
    timers_cancel(c->timers, &c->slow);
    if (c->thread)
        wal_thread_stop(c->thread);
    c->thread = NULL;
    while (c->idle) {
        struct consensus_batch *b = c->idle;
        c->idle = b->next;
        mem_free(b->entries);
        mem_free(b);
    }
    store_reader_free(c->dump.reader);
    c->dump.reader = NULL;
    wal_close(c->wal);
    wal_disk_close(c->disk);
    c->wal = NULL;
    c->disk = NULL;
}
