/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Append, make durable, recover.
 *
 * What recovery does with what it finds (each row is made and tested by tests/unit/test_wal.c and
 * tests/unit/test_wal_damage.c):
 *
 *   in the log directory                             outcome
 *   -----------------------------------------------  ----------------------------------------------
 *   last segment ends in zeros                       that is the end
 *   last batch of the last segment: sectors of it    torn by a crash before it was acknowledged:
 *     missing (zeros), nothing sound behind it         cut, with a warning; the log goes on in a
 *                                                      fresh segment
 *   last batch whole, but a bit is wrong             refused: it may have been acknowledged
 *   any batch wrong, and a sound later one behind    refused: it was acknowledged
 *   any batch wrong in a segment that has a          refused, likewise
 *     successor, before the end the successor names
 *   anything behind the end the successor names      ignored: a batch whose write or sync failed
 *   hole (zeros) before a sound batch                refused
 *   segment missing: between others, before the      refused: its number is named
 *     first needed, or the last (the spare tells)
 *   header wrong; file under another's name          refused
 *   segment or snapshot of another log               refused
 *   log of another server                            refused, both servers named
 *   newer format                                     refused, both formats named
 *   a file that is none of ours                      refused: it may be one of ours, renamed
 *   *.tmp, older snapshots                           removed
 *
 * How a flipped bit is told from a torn write stands in wal_record.c; why what stands behind the
 * successor's mark is void: after a failed write or sync the pages may hold anything (they are
 * marked clean without being on the disk), so the segment is never touched again, and the next one
 * says up to where the old one counts. A cut means: what is forgotten was acknowledged to nobody,
 * unless the disk lost whole sectors of the very last batch after it had synced them; wal_seal
 * puts something behind the last batch when the log is quiet, so that even this shows.
 *
 * Space: entries that carry something are written only while a spare segment exists, so terms,
 * votes, truncations and the empty entry of a new term can be written when the disk is full: a
 * server can start and serve reads then.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "wal/wal_core.h"

#define ZERO_STEP   ((size_t)256 << 10)
#define ZERO_AHEAD  ((uint64_t)1 << 20)
#define BUFFER_KEEP ((size_t)8 << 20)

static uint64_t current(const struct wal *w)
{
    return w->segment_n ? w->segments[w->segment_n - 1].number : 0;
}

/* ---- files ---- */

int wal_make_spare(struct wal *w)
{
    char name[WAL_NAME_MAX], tmp[WAL_NAME_MAX + 4];
    int file, rc;

    wal_name_spare(current(w) + 1, name);
    snprintf(tmp, sizeof tmp, "%s.tmp", name);
    (void)w->disk->remove(w->disk, tmp);
    rc = w->disk->open(w->disk, tmp, true, &file);
    if (rc < 0)
        return rc;
    rc = w->disk->allocate(w->disk, file, w->segment_size);
    if (rc == 0)
        rc = w->disk->sync(w->disk, file);
    w->disk->close(w->disk, file);
    if (rc == 0)
        rc = w->disk->rename(w->disk, tmp, name);
    if (rc == 0)
        rc = w->disk->sync_dir(w->disk);
    if (rc < 0) {
        (void)w->disk->remove(w->disk, tmp);
        (void)w->disk->remove(w->disk, name);
        return rc;
    }
    w->has_spare = true;
    return 0;
}

/* Gives the spare its header and its place. On failure nothing has changed but the disk, and that
 * only in files that the next try replaces. */
static int begin_segment(struct wal *w, uint64_t number, size_t need, int *ret_file,
                         uint64_t *ret_size)
{
    char spare[WAL_NAME_MAX], name[WAL_NAME_MAX], sector[WAL_SECTOR];
    struct wal_header h = {
        .number = number,
        .term = w->term,
        .vote = w->vote,
        .next_index = w->last_index + 1,
        .next_batch = w->place.next_batch,
        .prev_end = w->segment_n ? w->place.at : 0,
        .chain = w->place.chain,
    };
    uint64_t size = w->segment_size > WAL_SECTOR + need ? w->segment_size : WAL_SECTOR + need;
    int rc;

    memcpy(h.log_id, w->log_id, sizeof h.log_id);
    memcpy(h.server, w->server, sizeof h.server);
    wal_header_encode(&h, sector);
    wal_name_spare(number, spare);
    wal_name_segment(number, name);
    rc = w->disk->open(w->disk, spare, false, ret_file);
    if (rc < 0)
        return rc;
    if (size > w->segment_size)
        rc = w->disk->allocate(w->disk, *ret_file, size);
    if (rc == 0)
        rc = w->disk->write(w->disk, *ret_file, 0, sector, sizeof sector);
    if (rc == 0)
        rc = w->disk->sync(w->disk, *ret_file);
    if (rc == 0)
        rc = w->disk->rename(w->disk, spare, name);
    if (rc == 0)
        rc = w->disk->sync_dir(w->disk);
    if (rc < 0) {
        w->disk->close(w->disk, *ret_file);
        return rc;
    }
    *ret_size = size;
    return 0;
}

int wal_next_segment(struct wal *w, size_t need)
{
    uint64_t number = current(w) + 1, size = 0;
    char name[WAL_NAME_MAX];
    int file = -1, rc;

    if (!w->has_spare) {
        wal_name_segment(number, name); /* of a try that failed at its very end */
        (void)w->disk->remove(w->disk, name);
        rc = wal_make_spare(w);
        if (rc < 0)
            return rc;
    }
    w->has_spare = false; /* whatever happens now, it is no longer what it was */
    rc = begin_segment(w, number, need, &file, &size);
    if (rc < 0)
        return rc;
    if (w->file >= 0)
        w->disk->close(w->disk, w->file);
    w->file = file;
    w->size = size;
    w->zeroed = 0;
    w->seed = wal_batch_seed(w->log_id, number);
    w->place.at = WAL_SECTOR;
    w->segments = mem_realloc(w->segments, (w->segment_n + 1) * sizeof *w->segments);
    w->segments[w->segment_n++] = (struct wal_extent){number, w->last_index + 1};
    (void)wal_make_spare(w); /* when it fails, the next batch with entries will say so */
    return 0;
}

/* ---- batches ---- */

/* False while nothing can be committed: orders that were on their way when a commit failed do not
 * follow on what is there. */
static bool open_batch(struct wal *w)
{
    if (w->failed < 0)
        return false;
    if (w->is_open)
        return true;
    wal_batch_begin(&w->batch);
    w->is_open = true;
    w->needs_reserve = false;
    w->next.term = w->term;
    w->next.vote = w->vote;
    w->next.last_index = w->last_index;
    return true;
}

void wal_put_state(struct wal *w, uint64_t term, uint64_t vote)
{
    if (!open_batch(w))
        return;
    wal_batch_put(&w->batch, &(struct wal_record){.kind = WAL_STATE, .term = term, .vote = vote});
    w->next.term = term;
    w->next.vote = vote;
}

void wal_put_entry(struct wal *w, uint64_t index, uint64_t term, uint8_t kind, struct str bytes)
{
    if (!open_batch(w))
        return;
    ASSERT(index == w->next.last_index + 1);
    wal_batch_put(
        &w->batch,
        &(struct wal_record){
            .kind = WAL_ENTRY, .index = index, .term = term, .entry_kind = kind, .bytes = bytes});
    w->next.last_index = index;
    w->needs_reserve = w->needs_reserve || bytes.n > 0;
}

void wal_put_truncate(struct wal *w, uint64_t from)
{
    if (!open_batch(w))
        return;
    if (from > w->next.last_index)
        return;
    wal_batch_put(&w->batch, &(struct wal_record){.kind = WAL_TRUNCATE, .index = from});
    w->next.last_index = from - 1;
}

void wal_put_reset(struct wal *w, uint64_t index, uint64_t term)
{
    if (!open_batch(w))
        return;
    wal_batch_put(&w->batch, &(struct wal_record){.kind = WAL_RESET, .index = index, .term = term});
    w->next.last_index = index;
}

size_t wal_pending(const struct wal *w)
{
    return w->is_open ? w->batch.out.n : 0;
}

/* Writes w->batch, ended, at the place. */
static int write_batch(struct wal *w)
{
    size_t n = w->batch.out.n + (WAL_SECTOR - w->batch.out.n % WAL_SECTOR) % WAL_SECTOR;
    int rc = 0;

    if (w->needs_reserve && !w->has_spare)
        rc = wal_make_spare(w);
    if (rc == 0 && w->place.at + n > w->size) {
        rc = wal_next_segment(w, n);
        if (rc == 0 && w->needs_reserve && !w->has_spare)
            rc = wal_make_spare(w);
    }
    if (rc < 0)
        return rc;
    wal_batch_end(&w->batch, w->seed, w->place.next_batch, w->place.chain);
    rc = w->disk->write(w->disk, w->file, w->place.at, w->batch.out.p, w->batch.out.n);
    if (rc == 0)
        rc = w->disk->sync(w->disk, w->file);
    if (rc < 0) {
        w->is_torn = true;
        return rc;
    }
    w->place.at += w->batch.out.n;
    w->place.next_batch++;
    w->place.chain = w->batch.crc;
    return 0;
}

int wal_commit(struct wal *w)
{
    int rc = w->failed;

    if (!w->is_open)
        return rc;
    w->is_open = false;
    if (w->batch.records == 0)
        return rc;
    if (rc == 0)
        rc = write_batch(w);
    if (rc == 0) {
        w->term = w->next.term;
        w->vote = w->next.vote;
        w->last_index = w->next.last_index;
        w->sealed = false;
    } else {
        w->failed = rc;
    }
    if (w->batch.out.cap > BUFFER_KEEP)
        buf_fini(&w->batch.out);
    return rc;
}

int wal_recover(struct wal *w)
{
    int rc = 0;

    ASSERT(!w->is_open);
    if (w->is_torn)
        rc = wal_next_segment(w, 0);
    if (rc == 0)
        w->is_torn = false;
    if (rc == 0 && !w->has_spare)
        rc = wal_make_spare(w);
    w->failed = rc;
    return rc;
}

int wal_seal(struct wal *w)
{
    ASSERT(!w->is_open);
    if (w->sealed || w->failed < 0 || w->place.at == WAL_SECTOR)
        return w->failed;
    wal_batch_begin(&w->batch);
    w->needs_reserve = false;
    w->failed = write_batch(w);
    w->sealed = w->failed == 0;
    return w->failed;
}

bool wal_idle(struct wal *w)
{
    uint64_t from = w->zeroed > w->place.at ? w->zeroed : w->place.at;
    size_t n = w->size - from < ZERO_STEP ? (size_t)(w->size - from) : ZERO_STEP;
    int rc;

    if (w->failed < 0 || n == 0 || from - w->place.at >= ZERO_AHEAD)
        return false;
    char *zeros = mem_alloc(ZERO_STEP);
    rc = w->disk->write(w->disk, w->file, from, zeros, n);
    mem_free(zeros);
    if (rc == 0)
        rc = w->disk->sync(w->disk, w->file);
    if (rc < 0) {
        w->failed = rc; /* the next commit tells */
        w->is_torn = true;
        return false;
    }
    w->zeroed = from + n;
    return true;
}

int wal_compact(struct wal *w, uint64_t keep, uint64_t snapshot_index, uint64_t snapshot_term)
{
    struct wal_listing listing;
    char name[WAL_NAME_MAX];
    size_t n = 0;
    int rc = wal_listing_read(w->disk, &listing, NULL);

    if (rc < 0)
        return rc;
    if (listing.snapshot_index == snapshot_index && listing.snapshot_term == snapshot_term)
        for (const char *p = listing.old_snapshots.p, *end = p + listing.old_snapshots.n;
             rc == 0 && p < end; p += strlen(p) + 1)
            rc = w->disk->remove(w->disk, p);
    wal_listing_fini(&listing);
    while (rc == 0 && n + 1 < w->segment_n && w->segments[n + 1].next_index - 1 <= keep) {
        wal_name_segment(w->segments[n].number, name);
        rc = w->disk->remove(w->disk, name);
        if (rc == 0 || rc == -ENOENT) {
            rc = 0;
            n++;
        }
    }
    memmove(w->segments, w->segments + n, (w->segment_n - n) * sizeof *w->segments);
    w->segment_n -= n;
    int sync = w->disk->sync_dir(w->disk);
    return rc < 0 ? rc : sync;
}

const uint8_t *wal_log_id(const struct wal *w)
{
    return w->log_id;
}
