/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "consensus/fsm.h"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/dump.h"

/* Loaded rows are committed in portions: nobody reads yet. */
#define LOAD_TXN_SIZE ((size_t)16 << 20)

void fsm_init(struct fsm *f, struct state *state, struct store *store)
{
    *f = (struct fsm){.state = state, .store = store};
    change_init(&f->changes);
    f->results = mem_alloc(RAFT_APPLY_MAX * sizeof *f->results);
    for (int i = 0; i < RAFT_APPLY_MAX; i++)
        result_init(&f->results[i]);
    buf_init(&f->noop, 0);
    command_begin(&f->noop, COMMAND_NOOP);
}

void fsm_fini(struct fsm *f)
{
    for (int i = 0; i < RAFT_APPLY_MAX; i++)
        result_fini(&f->results[i]);
    mem_free(f->results);
    change_fini(&f->changes);
    buf_fini(&f->noop);
}

void fsm_apply(struct fsm *f, const struct raft *r, uint64_t first, uint64_t last)
{
    struct str commands[RAFT_APPLY_MAX];
    uint32_t n = (uint32_t)(last - first + 1);

    ASSERT(n <= RAFT_APPLY_MAX);
    change_clear(&f->changes);
    for (uint32_t i = 0; i < n; i++) {
        const struct raft_entry *e = raft_entry_at(r, first + i);
        commands[i] = e->kind == RAFT_ENTRY_COMMAND ? raft_entry_str(e) : buf_str(&f->noop);
    }
    if (state_apply_group(f->state, first, commands, n, &f->changes, f->results) < 0)
        for (uint32_t i = 0; i < n; i++)
            if (f->results[i].status == ERR_STORAGE)
                log_error("agent.server.fsm", "entry not applied: index=%llu error=\"%s\"",
                          (unsigned long long)(first + i), f->results[i].text);
    f->changes.index = last;
}

/* ---- load ---- */

struct loading {
    struct store *store;
    struct store_txn *txn;
    size_t size;
    bool whole; /* one transaction */
};

static int on_frame(void *data, struct str bytes)
{
    struct loading *l = data;
    int rc;

    if (!l->txn)
        l->txn = store_txn_begin(l->store);
    rc = dump_load_chunk(l->txn, bytes);
    l->size += bytes.n;
    if (rc == 0 && l->size >= LOAD_TXN_SIZE && !l->whole) {
        rc = store_commit(l->txn);
        l->txn = NULL;
        l->size = 0;
    }
    return rc;
}

int fsm_load(struct fsm *f, struct wal_disk *disk, uint64_t index, uint64_t term,
             const uint8_t log_id[16], bool replace, struct raft_configuration *ret,
             struct error *err)
{
    struct loading l = {.store = f->store, .whole = replace};
    struct wal_snapshot_meta meta;

    if (replace) {
        l.txn = store_txn_begin(f->store);
        for (int i = 0; i < STATE_TABLE_N; i++)
            store_clear(l.txn, i);
    }
    int rc = wal_snapshot_load(disk, index, term, log_id, &meta, on_frame, &l, err);

    if (rc == 0 && l.txn) {
        rc = store_commit(l.txn);
        l.txn = NULL;
        if (rc < 0)
            error_set(err, rc, "snapshot at index %llu: cannot be loaded: %s",
                      (unsigned long long)index, error_text(rc));
    }
    store_abort(l.txn);
    if (rc == 0 && (raft_configuration_decode(buf_str(&meta.configuration), ret) < 0 ||
                    state_applied_index(f->state) != index))
        rc = error_set(err, ERR_CORRUPT,
                       "snapshot at index %llu: its content does not belong to it: restore the "
                       "data directory from a backup, or move it away",
                       (unsigned long long)index);
    if (rc == 0)
        ret->index = meta.configuration_index;
    buf_fini(&meta.configuration);
    return rc;
}

/* ---- dump ---- */

static int on_chunk(void *data, struct str chunk)
{
    return wal_snapshot_put(data, chunk);
}

/* Some other thread: touches the view, the disk and the dump alone. */
static void run(struct engine_work *work)
{
    struct fsm_dump *d = LIST_ITEM(work, struct fsm_dump, work);
    struct wal_snapshot_writer *w = NULL;

    d->status = wal_snapshot_create(d->disk, &d->meta, &w);
    if (d->status == 0)
        d->status = dump_write(d->view, on_chunk, w);
    if (d->status == 0)
        d->status = wal_snapshot_finish(w, &d->size);
    else
        wal_snapshot_abort(w);
}

static void done(struct engine_work *work)
{
    struct fsm_dump *d = LIST_ITEM(work, struct fsm_dump, work);

    store_view_end(d->view);
    d->view = NULL;
    buf_fini(&d->meta.configuration);
    d->done(d);
}

void fsm_dump_start(struct fsm *f, struct fsm_dump *d, struct engine *e, uint64_t index,
                    uint64_t term, const struct raft_configuration *c, const uint8_t log_id[16])
{
    ASSERT(!d->view);
    if (!d->reader)
        d->reader = store_reader_new(f->store);
    d->view = store_view_begin(d->reader);
    d->meta =
        (struct wal_snapshot_meta){.index = index, .term = term, .configuration_index = c->index};
    memcpy(d->meta.log_id, log_id, sizeof d->meta.log_id);
    buf_init(&d->meta.configuration, 0);
    raft_configuration_encode(c, &d->meta.configuration);
    d->work.run = run;
    d->work.done = done;
    engine_work(e, &d->work);
}
