/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recovery: the table at the top of wal.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/rng.h"
#include "wal/wal_core.h"

#define REMEDY "restore the data directory from a backup, or move it away and start anew"

struct opening {
    struct wal *w;
    const struct wal_visitor *visitor;
    struct wal_found *found;
};

/* ---- what the directory says ---- */

static int check_names(const struct wal_listing *l, struct error *err)
{
    char name[WAL_NAME_MAX];
    uint64_t missing = 0;

    if (l->foreign.n)
        return error_set(err, ERR_INVALID,
                         "%s: offset 0: this file does not belong to a log: move it away",
                         l->foreign.p);
    for (size_t i = 1; i < l->segment_n; i++)
        if (l->segments[i] != l->segments[i - 1] + 1 && !missing)
            missing = l->segments[i - 1] + 1;
    if (!missing && l->spare && l->segment_n && l->spare > l->segments[l->segment_n - 1] + 1)
        missing = l->segments[l->segment_n - 1] + 1;
    if (!missing && l->segment_n == 0 && (l->snapshot_index || l->spare > 1))
        missing = l->spare > 1 ? l->spare - 1 : 1;
    if (!missing)
        return 0;
    wal_name_segment(missing, name);
    return error_set(err, ERR_CORRUPT,
                     "%s: offset 0: this segment is missing: bring it back, or %s", name, REMEDY);
}

static int remove_names(struct wal_disk *d, const struct buf *names)
{
    int rc = 0;

    for (const char *p = names->p; rc == 0 && p && p < names->p + names->n; p += strlen(p) + 1)
        rc = d->remove(d, p);
    return rc == -ENOENT ? 0 : rc;
}

/* ---- what the segments say ---- */

static int on_record(struct opening *o, const struct wal_record *r)
{
    struct wal *w = o->w;
    const struct wal_visitor *v = o->visitor;

    switch (r->kind) {
    case WAL_STATE:
        w->term = r->term;
        w->vote = r->vote;
        return 0;
    case WAL_ENTRY:
        if (r->index != w->last_index + 1)
            return ERR_CORRUPT;
        w->last_index = r->index;
        return v->entry(v->data, r->index, r->term, r->entry_kind, r->bytes);
    case WAL_TRUNCATE:
        if (r->index > w->last_index || r->index == 0)
            return ERR_CORRUPT;
        w->last_index = r->index - 1;
        if (o->found->first_index > r->index)
            o->found->first_index = r->index;
        return v->truncate(v->data, r->index);
    case WAL_RESET:
        w->last_index = r->index;
        o->found->first_index = r->index + 1;
        return v->reset(v->data, r->index, r->term);
    case WAL_RECORD_KINDS:
        break;
    }
    return ERR_CORRUPT;
}

static int on_batch(void *data, uint64_t at, const struct wal_batch_view *batch)
{
    struct str body = batch->body;
    struct wal_record r;
    int rc = 0;

    (void)at;
    while (rc == 0 && wal_record_next(&body, &r))
        rc = on_record(data, &r);
    return rc;
}

/* The first segment tells which log this is; the others must be of it, and follow on. */
static int check_first(struct opening *o, const char *name, const struct wal_header *h,
                       struct error *err)
{
    struct wal *w = o->w;

    if (strcmp(h->server, w->server) != 0)
        return error_set(err, ERR_CONFLICT,
                         "%s: offset 36: this log belongs to server %s, not to %s: start with "
                         "-node-id=%s, or give this server a data directory of its own",
                         name, h->server, w->server, h->server);
    memcpy(w->log_id, h->log_id, sizeof w->log_id);
    w->last_index = h->next_index - 1;
    w->term = h->term;
    w->vote = h->vote;
    o->found->first_index = h->next_index;
    if (h->next_index > o->found->snapshot_index + 1)
        return error_set(err, ERR_CORRUPT,
                         "%s: offset 92: entries %" PRIu64 " to %" PRIu64
                         " are neither in a segment nor in a snapshot: bring the missing file "
                         "back, or %s",
                         name, o->found->snapshot_index + 1, h->next_index - 1, REMEDY);
    return 0;
}

static int check_next(const struct opening *o, const char *name, const struct wal_header *h,
                      struct error *err)
{
    const struct wal *w = o->w;

    if (memcmp(h->log_id, w->log_id, sizeof w->log_id) != 0)
        return error_set(err, ERR_CONFLICT,
                         "%s: offset 20: this segment is of another log: bring the right one back, "
                         "or %s",
                         name, REMEDY);
    if (h->next_index != w->last_index + 1 || h->next_batch != w->place.next_batch ||
        h->chain != w->place.chain)
        return error_set(err, ERR_CORRUPT,
                         "%s: offset 92: this segment does not follow on the one before: %s", name,
                         REMEDY);
    return 0;
}

static int read_segment(struct opening *o, uint64_t number, bool is_first, uint64_t end,
                        struct wal_segment *s, struct error *err)
{
    struct wal *w = o->w;
    char name[WAL_NAME_MAX];
    uint64_t cut = 0;
    int rc;

    wal_name_segment(number, name);
    rc = is_first ? check_first(o, name, &s->header, err) : check_next(o, name, &s->header, err);
    if (rc < 0)
        return rc;
    w->segments[w->segment_n++] = (struct wal_extent){number, s->header.next_index};
    rc = wal_segment_scan(s, end, on_batch, o, &w->place, &cut, err);
    if (rc < 0 || cut == 0)
        return rc;
    o->found->cut_bytes = cut;
    o->found->cut_at = w->place.at;
    str_copy_z(str_z(name), o->found->cut_file, sizeof o->found->cut_file);
    return 0;
}

/* Each segment's end is told by the header of the next, so that one is read before. */
static int read_segments(struct opening *o, const struct wal_listing *l, struct error *err)
{
    struct wal_segment s = {0}, after = {0};
    int rc = wal_segment_read(o->w->disk, l->segments[0], &s, err);

    for (size_t i = 0; rc == 0 && i < l->segment_n; i++) {
        bool is_last = i + 1 == l->segment_n;
        if (!is_last)
            rc = wal_segment_read(o->w->disk, l->segments[i + 1], &after, err);
        if (rc == 0)
            rc = read_segment(o, l->segments[i], i == 0, is_last ? 0 : after.header.prev_end, &s,
                              err);
        if (is_last)
            o->w->size = s.bytes.n;
        wal_segment_fini(&s);
        s = after;
        after = (struct wal_segment){0};
    }
    wal_segment_fini(&s);
    return rc;
}

/* ---- opening ---- */

static int open_old(struct opening *o, const struct wal_listing *l, struct error *err)
{
    struct wal *w = o->w;
    char name[WAL_NAME_MAX];
    int rc;

    w->segments = mem_alloc(l->segment_n * sizeof *w->segments);
    rc = read_segments(o, l, err);
    if (rc < 0)
        return rc;
    if (o->found->first_index > o->found->snapshot_index + 1)
        return error_set(err, ERR_CORRUPT,
                         "the log begins at entry %" PRIu64 " and the snapshot before it is "
                         "missing: bring it back, or %s",
                         o->found->first_index, REMEDY);
    wal_name_segment(l->segments[l->segment_n - 1], name);
    rc = w->disk->open(w->disk, name, false, &w->file);
    if (rc < 0)
        return error_set(err, rc, "%s: %s", name, error_text(rc));
    w->seed = wal_batch_seed(w->log_id, l->segments[l->segment_n - 1]);
    w->has_spare = l->spare == l->segments[l->segment_n - 1] + 1;
    if (l->spare && !w->has_spare) {
        wal_name_spare(l->spare, name);
        (void)w->disk->remove(w->disk, name);
    }
    /* What was torn stays behind the end that the next segment names. When the disk is full even
     * for that, reads go on and wal_recover tries again. */
    if (o->found->cut_bytes) {
        w->failed = wal_next_segment(w, 0);
        w->is_torn = w->failed < 0;
    }
    return 0;
}

static int open_new(struct opening *o, const struct wal_listing *l, struct error *err)
{
    struct wal *w = o->w;
    char name[WAL_NAME_MAX];
    int rc;

    o->found->fresh = true;
    o->found->first_index = 1;
    rng_secure(w->log_id, sizeof w->log_id);
    w->place.chain = digest_crc32c(0, str_make(w->log_id, sizeof w->log_id));
    if (l->spare) { /* of a first start that was cut short */
        wal_name_spare(l->spare, name);
        (void)w->disk->remove(w->disk, name);
    }
    rc = wal_next_segment(w, 0);
    if (rc < 0)
        return error_set(err, rc, "log directory: the first segment cannot be made: %s",
                         error_text(rc));
    return 0;
}

static struct wal *make(struct wal_disk *disk, const struct wal_config *conf)
{
    struct wal *w = mem_new(struct wal);

    ASSERT(strlen(conf->server) < WAL_SERVER_SIZE && conf->segment_size % WAL_SECTOR == 0);
    w->disk = disk;
    w->file = -1;
    w->segment_size = conf->segment_size ? conf->segment_size : WAL_SEGMENT_SIZE_DEFAULT;
    str_copy_z(str_z(conf->server), w->server, sizeof w->server);
    w->place = (struct wal_place){.next_batch = 1};
    buf_init(&w->batch.out, WAL_BATCH_SIZE_MAX + WAL_SECTOR);
    return w;
}

static void unmake(struct wal *w)
{
    if (w->file >= 0)
        w->disk->close(w->disk, w->file);
    buf_fini(&w->batch.out);
    mem_free(w->segments);
    mem_free(w);
}

int wal_open(struct wal_disk *disk, const struct wal_config *conf,
             const struct wal_visitor *visitor, struct wal_found *found, struct wal **ret,
             struct error *err)
{
    struct wal_listing l;
    struct opening o = {make(disk, conf), visitor, found};
    int rc;

    *found = (struct wal_found){0};
    rc = wal_listing_read(disk, &l, err);
    if (rc < 0) {
        unmake(o.w);
        return rc;
    }
    found->snapshot_index = l.snapshot_index;
    found->snapshot_term = l.snapshot_term;
    rc = check_names(&l, err);
    if (rc == 0)
        rc = l.segment_n ? open_old(&o, &l, err) : open_new(&o, &l, err);
    if (rc == 0)
        rc = remove_names(disk, &l.unfinished);
    if (rc == 0)
        rc = remove_names(disk, &l.old_snapshots);
    wal_listing_fini(&l);
    if (rc < 0) {
        unmake(o.w);
        return rc;
    }
    found->term = o.w->term;
    found->vote = o.w->vote;
    found->last_index = o.w->last_index;
    *ret = o.w;
    return 0;
}

void wal_close(struct wal *w)
{
    if (!w)
        return;
    if (wal_seal(w) < 0) {
        /* Nothing is owed to anybody: all that was acknowledged is durable. */
    }
    unmake(w);
}
