/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *     chunk at 0 ──> receive.tmp grows ──> last chunk ──> pool: checked, written anew as a snapshot
 *     of this log, durable ──> core: the store's content is replaced in one transaction (readers
 *     keep what they look at) ──> raft hears of it, and the log behind it goes
 *
 * A chunk is read and written on the core's thread: a quarter of a megabyte between memory and a
 * file that was just written, and the other way round, is not worth a journey. What is slow (the
 * check, the sync) goes to the pool. Loading stays on the core, which has nothing else to do: it
 * may not apply anything meanwhile.
 *
 * The transfer goes on where it stopped when a connection breaks; a new leader's file is another.
 */
#include "consensus/consensus_install.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "consensus/consensus_core.h"

#define FILE_NAME "receive.tmp" /* a name that recovery throws away */
#define TAIL_SIZE 16

/* ---- leader ---- */

static void source_close(struct consensus *c)
{
    if (c->install.source.is_open)
        c->disk->close(c->disk, c->install.source.file);
    c->install.source.is_open = false;
}

/* The end of the file holds its checksum: with the size, it tells files apart. */
static int source_open(struct consensus *c, uint64_t index, uint64_t term)
{
    struct consensus_source *s = &c->install.source;
    char name[64], tail[TAIL_SIZE];

    if (s->is_open && s->index == index && s->term == term)
        return 0;
    source_close(c);
    wal_snapshot_name(index, term, name);
    int rc = c->disk->open(c->disk, name, false, &s->file);
    if (rc < 0)
        return rc;
    s->is_open = true;
    s->index = index;
    s->term = term;
    rc = c->disk->size(c->disk, s->file, &s->size);
    if (rc == 0 && s->size < TAIL_SIZE)
        rc = ERR_CORRUPT;
    if (rc == 0)
        rc = c->disk->read(c->disk, s->file, s->size - TAIL_SIZE, tail, TAIL_SIZE);
    if (rc < 0) {
        source_close(c);
        return rc;
    }
    struct cursor in = cursor_make(str_make(tail, TAIL_SIZE));
    s->unique = (cursor_u64(&in) ^ cursor_u64(&in)) & (RAFT_NUMBER_MAX >> 1);
    return 0;
}

bool consensus_install_fill(struct consensus *c, struct raft_message *m)
{
    struct consensus_source *s = &c->install.source;
    int rc = c->disk ? source_open(c, m->index, m->log_term) : ERR_NOT_FOUND;

    if (rc == 0) {
        if (m->offset > s->size)
            m->offset = 0;
        uint64_t n = s->size - m->offset;
        if (n > RAFT_CHUNK_SIZE_MAX)
            n = RAFT_CHUNK_SIZE_MAX;
        char *p = mem_alloc((size_t)n);
        rc = c->disk->read(c->disk, s->file, m->offset, p, (size_t)n);
        m->chunk = (struct str){p, (size_t)n};
        m->last = m->offset + n == s->size;
        m->hint = s->size;
        m->hint_term = s->unique;
        if (m->offset == 0)
            log_info(CONSENSUS_SUBSYSTEM,
                     "sending snapshot: index=%" PRIu64 " size=%" PRIu64 " to=%016" PRIx64,
                     m->index, s->size, m->to);
    }
    if (rc == 0)
        return true;
    log_debug(CONSENSUS_SUBSYSTEM, "snapshot to send is gone: index=%" PRIu64 " error=\"%s\"",
              m->index, error_text(rc));
    source_close(c);
    struct raft_facts f;
    raft_get_facts(c->raft, &f);
    raft_snapshot_gone(c->raft, m->index, m->log_term);
    if (f.snapshot_index == m->index) /* this was the newest: take another */
        c->applied_bytes = UINT64_MAX;
    return false;
}

/* ---- follower ---- */

static void receive_end(struct consensus *c)
{
    struct consensus_install *in = &c->install;

    if (in->receiving) {
        c->disk->close(c->disk, in->file);
        (void)c->disk->remove(c->disk, FILE_NAME);
    }
    in->receiving = in->ready = false;
}

static bool receive_begin(struct consensus *c, const struct raft_message *m)
{
    struct consensus_install *in = &c->install;

    receive_end(c);
    (void)c->disk->remove(c->disk, FILE_NAME);
    int rc = c->disk->open(c->disk, FILE_NAME, true, &in->file);
    if (rc < 0) {
        log_error(CONSENSUS_SUBSYSTEM, "snapshot cannot be received: error=\"%s\"", error_text(rc));
        return false;
    }
    log_info(CONSENSUS_SUBSYSTEM, "receiving snapshot: index=%" PRIu64 " size=%" PRIu64, m->index,
             m->hint);
    in->receiving = true;
    in->index = m->index;
    in->term = m->log_term;
    in->size = m->hint;
    in->unique = m->hint_term;
    in->offset = 0;
    return true;
}

static void import_run(struct engine_work *w)
{
    struct consensus_install *in = LIST_ITEM(w, struct consensus_install, work);
    struct consensus *c = LIST_ITEM(in, struct consensus, install);

    in->status =
        wal_snapshot_import(c->disk, FILE_NAME, in->index, in->term, wal_log_id(c->wal), &in->err);
}

static void import_done(struct engine_work *w)
{
    struct consensus_install *in = LIST_ITEM(w, struct consensus_install, work);
    struct consensus *c = LIST_ITEM(in, struct consensus, install);

    in->importing = false;
    consensus_set_dirty(c);
    if (c->closing) {
        receive_end(c);
        engine_again(c->engine);
        return;
    }
    if (in->status < 0) {
        log_error(CONSENSUS_SUBSYSTEM, "snapshot that was received is no good: error=\"%s\"",
                  in->err.text);
        receive_end(c);
        raft_chunk_stored(c->raft, in->index, in->term, 0);
        return;
    }
    in->ready = true;
}

void consensus_install_chunk(struct consensus *c, struct raft_message *m)
{
    struct consensus_install *in = &c->install;

    if (in->importing || in->ready || !c->wal || c->closing)
        goto out;
    bool same = in->receiving && in->index == m->index && in->term == m->log_term &&
                in->size == m->hint && in->unique == m->hint_term;
    if (!same) {
        if (m->offset != 0) {
            raft_chunk_stored(c->raft, m->index, m->log_term, 0);
            goto out;
        }
        if (!receive_begin(c, m))
            goto out;
    }
    if (m->offset == in->offset && m->chunk.n <= in->size - in->offset) {
        int rc = c->disk->write(c->disk, in->file, in->offset, m->chunk.p, m->chunk.n);
        if (rc < 0) {
            log_error(CONSENSUS_SUBSYSTEM, "snapshot cannot be received: error=\"%s\"",
                      error_text(rc));
            goto out; /* the leader sends it again */
        }
        in->offset += m->chunk.n;
    }
    if (in->offset < in->size) {
        raft_chunk_stored(c->raft, m->index, m->log_term, in->offset);
        goto out;
    }
    if (c->dumping || c->compacting) /* they would tidy it away; the leader asks again */
        goto out;
    in->importing = true;
    in->err = (struct error){0};
    in->work.run = import_run;
    in->work.done = import_done;
    engine_work(c->engine, &in->work);
out:
    raft_message_free(m);
}

static void replaced(struct consensus *c, const struct raft_configuration *conf)
{
    struct consensus_install *in = &c->install;
    struct change_batch all;

    raft_snapshot_installed(c->raft, in->index, in->term, conf);
    c->applied_since = c->applied_bytes = 0;
    published_set(c->published, PUBLISHED_APPLIED_INDEX, in->index);
    log_info(CONSENSUS_SUBSYSTEM, "installed remote snapshot: index=%" PRIu64, in->index);
    change_init(&all);
    all.everything = true;
    all.index = in->index;
    if (c->hooks.applied)
        c->hooks.applied(c->hooks.data, &all);
    change_fini(&all);
    c->compact_due = true;
}

void consensus_install_step(struct consensus *c)
{
    struct consensus_install *in = &c->install;
    struct raft_configuration conf;
    struct error err = {0};

    if (!in->ready || c->dumping || c->compacting || c->closing)
        return;
    in->ready = false;
    if (!raft_snapshot_install(c->raft, in->index)) {
        receive_end(c);
        return;
    }
    int rc = fsm_load(&c->fsm, c->disk, in->index, in->term, wal_log_id(c->wal), true, &conf, &err);
    if (rc == 0) {
        replaced(c, &conf);
    } else {
        raft_snapshot_abandoned(c->raft);
        log_error(CONSENSUS_SUBSYSTEM, "snapshot that was received cannot be loaded: error=\"%s\"",
                  err.text);
        if (rc == ERR_CORRUPT && c->hooks.fatal)
            c->hooks.fatal(c->hooks.data, err.text);
    }
    receive_end(c);
    consensus_set_dirty(c);
}

bool consensus_install_is_quiet(const struct consensus *c)
{
    return !c->install.importing;
}

void consensus_install_close(struct consensus *c)
{
    if (!c->disk)
        return;
    receive_end(c);
    source_close(c);
}
