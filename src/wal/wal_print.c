/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A log directory for people: one line for each file, batch and record. It
 * goes on to the next segment after damage, as recovery never would.
 */
#include <ctype.h>
#include <inttypes.h>

#include "wal/wal.h"
#include "wal/wal_segment.h"
#include "wal/wal_snapshot.h"

#define PREVIEW_SIZE 60

static const char *const entry_kinds[] = {"noop", "command", "configuration"};

static void print_preview(struct buf *out, struct str bytes)
{
    buf_put_c(out, '"');
    for (size_t i = 0; i < bytes.n && i < PREVIEW_SIZE; i++) {
        unsigned char c = (unsigned char)bytes.p[i];
        if (isprint(c) && c != '"' && c != '\\')
            buf_put_c(out, (char)c);
        else
            buf_putf(out, "\\x%02x", c);
    }
    buf_put_z(out, bytes.n > PREVIEW_SIZE ? "\"..." : "\"");
}

static void print_record(struct buf *out, const struct wal_record *r)
{
    switch (r->kind) {
    case WAL_STATE:
        buf_putf(out, "    state     term=%" PRIu64 " vote=%016" PRIx64 "\n", r->term, r->vote);
        break;
    case WAL_ENTRY:
        buf_putf(out, "    entry     index=%" PRIu64 " term=%" PRIu64 " kind=%s size=%zu ",
                 r->index, r->term, r->entry_kind < 3 ? entry_kinds[r->entry_kind] : "?",
                 r->bytes.n);
        print_preview(out, r->bytes);
        buf_put_c(out, '\n');
        break;
    case WAL_TRUNCATE:
        buf_putf(out, "    truncate  from=%" PRIu64 "\n", r->index);
        break;
    case WAL_RESET:
        buf_putf(out, "    reset     index=%" PRIu64 " term=%" PRIu64 "\n", r->index, r->term);
        break;
    case WAL_RECORD_KINDS:
        break;
    }
}

static int print_batch(void *data, uint64_t at, const struct wal_batch_view *batch)
{
    struct buf *out = data;
    struct str body = batch->body;
    struct wal_record r;

    buf_putf(out, "  batch %" PRIu64 "  offset=%" PRIu64 " size=%zu records=%" PRIu32 "%s\n",
             batch->number, at, batch->size, batch->records, batch->records ? "" : " (seal)");
    while (wal_record_next(&body, &r))
        print_record(out, &r);
    return 0;
}

static int print_segment(struct wal_disk *d, uint64_t number, uint64_t end, struct buf *out,
                         struct error *err)
{
    struct wal_segment s;
    struct wal_place place;
    uint64_t cut = 0;
    int rc = wal_segment_read(d, number, &s, err);

    if (rc < 0)
        return rc;
    buf_putf(out,
             "segment wal-%016" PRIx64 "  server=%s next_index=%" PRIu64 " term=%" PRIu64
             " vote=%016" PRIx64 "\n",
             number, s.header.server, s.header.next_index, s.header.term, s.header.vote);
    rc = wal_segment_scan(&s, end, print_batch, out, &place, &cut, err);
    if (rc == 0)
        buf_putf(out, "  end  offset=%" PRIu64 " of %zu%s\n", place.at, s.bytes.n,
                 cut ? "  (a torn write follows: it will be cut)" : "");
    wal_segment_fini(&s);
    return rc;
}

/* Where the successor says that this segment ends; 0 when that cannot be learnt. */
static uint64_t end_of(struct wal_disk *d, uint64_t number)
{
    struct wal_segment next;
    uint64_t end = 0;

    if (wal_segment_read(d, number + 1, &next, NULL) == 0) {
        end = next.header.prev_end;
        wal_segment_fini(&next);
    }
    return end;
}

static int print_snapshot(struct wal_disk *d, const struct wal_listing *l, struct buf *out,
                          struct error *err)
{
    struct wal_snapshot_meta meta;
    int rc =
        wal_snapshot_load(d, l->snapshot_index, l->snapshot_term, NULL, &meta, NULL, NULL, err);

    buf_putf(out, "snapshot  index=%" PRIu64 " term=%" PRIu64 "%s\n", l->snapshot_index,
             l->snapshot_term, rc < 0 ? "  (damaged)" : "  (sound)");
    buf_fini(&meta.configuration);
    return rc;
}

/* Keeps the first error and shows each where it was met. */
static void note(struct buf *out, int rc, const struct error *met, int *ret_rc, struct error *err)
{
    if (rc == 0)
        return;
    buf_putf(out, "  damage: %s\n", met->text);
    if (*ret_rc == 0)
        *ret_rc = error_set(err, rc, "%s", met->text);
}

int wal_print(const char *dir, struct buf *out, struct error *err)
{
    struct wal_disk *d;
    struct wal_listing l;
    int result = 0, rc = wal_disk_open_existing(dir, &d, err);

    if (rc < 0)
        return rc;
    rc = wal_listing_read(d, &l, err);
    if (rc < 0) {
        wal_disk_close(d);
        return rc;
    }
    if (l.foreign.n)
        buf_putf(out, "foreign file %s\n", l.foreign.p);
    if (l.snapshot_index) {
        struct error met = {0};
        rc = print_snapshot(d, &l, out, &met);
        note(out, rc, &met, &result, err);
    }
    for (size_t i = 0; i < l.segment_n; i++) {
        struct error met = {0};
        uint64_t end = i + 1 < l.segment_n ? end_of(d, l.segments[i]) : 0;
        rc = print_segment(d, l.segments[i], end, out, &met);
        note(out, rc, &met, &result, err);
    }
    if (l.spare)
        buf_putf(out, "spare  number=%" PRIu64 "\n", l.spare);
    wal_listing_fini(&l);
    wal_disk_close(d);
    return result;
}
