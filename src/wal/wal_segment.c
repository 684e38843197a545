/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wal/wal_segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define SEGMENT_SIZE_MAX ((uint64_t)WAL_BATCH_SIZE_MAX * 2)
/* What helps against damage, in every message that reports it. */
#define REMEDY                                                                                     \
    "restore the data directory from a backup, or move it away and let this server join anew "     \
    "or load a snapshot"

void wal_name_segment(uint64_t number, char dst[WAL_NAME_MAX])
{
    snprintf(dst, WAL_NAME_MAX, "wal-%016" PRIx64, number);
}

void wal_name_spare(uint64_t number, char dst[WAL_NAME_MAX])
{
    snprintf(dst, WAL_NAME_MAX, "spare-%016" PRIx64, number);
}

void wal_name_snapshot(uint64_t index, uint64_t term, char dst[WAL_NAME_MAX])
{
    snprintf(dst, WAL_NAME_MAX, "snap-%016" PRIx64 "-%016" PRIx64, index, term);
}

/* Sixteen hexadecimal digits off the front of *s. */
static bool take_number(struct str *s, uint64_t *ret)
{
    uint64_t v = 0;

    if (s->n < 16)
        return false;
    for (size_t i = 0; i < 16; i++) {
        char c = s->p[i];
        if (c >= '0' && c <= '9')
            v = v << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *s = str_drop(*s, 16);
    *ret = v;
    return true;
}

static bool take_prefix(struct str *s, struct str prefix)
{
    if (!str_has_prefix(*s, prefix))
        return false;
    *s = str_drop(*s, prefix.n);
    return true;
}

static void put_name(struct buf *names, const char *name)
{
    buf_put(names, name, strlen(name) + 1);
}

static void on_snapshot(struct wal_listing *l, uint64_t index, uint64_t term)
{
    char name[WAL_NAME_MAX];

    if (index < l->snapshot_index || (index == l->snapshot_index && term <= l->snapshot_term)) {
        wal_name_snapshot(index, term, name);
        put_name(&l->old_snapshots, name);
        return;
    }
    if (l->snapshot_index) {
        wal_name_snapshot(l->snapshot_index, l->snapshot_term, name);
        put_name(&l->old_snapshots, name);
    }
    l->snapshot_index = index;
    l->snapshot_term = term;
}

/* What lies beside the log by right: the cluster's id, and Consul's way to recover a lost quorum.
 */
static bool is_neighbour(struct str name)
{
    return str_eq(name, STR_LIT("cluster")) || str_eq(name, STR_LIT("peers.json")) ||
           str_eq(name, STR_LIT("peers.info"));
}

static void on_name(void *data, const char *name)
{
    struct wal_listing *l = data;
    struct str s = str_z(name);
    uint64_t a, b;

    if (str_has_suffix(s, STR_LIT(".tmp"))) {
        put_name(&l->unfinished, name);
    } else if (take_prefix(&s, STR_LIT("wal-")) && take_number(&s, &a) && s.n == 0 &&
               l->segment_n < WAL_SEGMENTS_MAX) {
        if ((l->segment_n & (l->segment_n - 1)) == 0)
            l->segments = mem_realloc(l->segments,
                                      (l->segment_n ? l->segment_n * 2 : 1) * sizeof *l->segments);
        l->segments[l->segment_n++] = a;
    } else if (take_prefix(&s, STR_LIT("spare-")) && take_number(&s, &a) && s.n == 0 && !l->spare) {
        l->spare = a;
    } else if (take_prefix(&s, STR_LIT("snap-")) && take_number(&s, &a) &&
               take_prefix(&s, STR_LIT("-")) && take_number(&s, &b) && s.n == 0 && a > 0) {
        on_snapshot(l, a, b);
    } else if (l->foreign.n == 0 && !is_neighbour(s)) {
        put_name(&l->foreign, name);
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int wal_listing_read(struct wal_disk *d, struct wal_listing *ret, struct error *err)
{
    *ret = (struct wal_listing){0};
    buf_init(&ret->old_snapshots, 0);
    buf_init(&ret->unfinished, 0);
    buf_init(&ret->foreign, 0);
    int rc = d->list(d, on_name, ret);
    if (rc < 0) {
        wal_listing_fini(ret);
        return error_set(err, rc, "log directory: cannot be listed: %s", error_text(rc));
    }
    if (ret->segment_n)
        qsort(ret->segments, ret->segment_n, sizeof *ret->segments, compare);
    return 0;
}

void wal_listing_fini(struct wal_listing *l)
{
    mem_free(l->segments);
    l->segments = NULL;
    buf_fini(&l->old_snapshots);
    buf_fini(&l->unfinished);
    buf_fini(&l->foreign);
}

/* ---- one segment ---- */

static int check_header(uint64_t number, struct wal_segment *s, struct error *err)
{
    char name[WAL_NAME_MAX];
    int rc = s->bytes.n < WAL_SECTOR ? ERR_INVALID : wal_header_decode(s->bytes.p, &s->header);

    wal_name_segment(number, name);
    if (rc == ERR_INVALID)
        return error_set(err, rc, "%s: offset 0: not a log segment: move this file away, or %s",
                         name, REMEDY);
    if (rc == ERR_UNSUPPORTED)
        return error_set(err, rc,
                         "%s: offset 8: written in format %" PRIu64 ", this program knows format "
                         "%d: use the program that wrote it, or a newer one",
                         name, s->header.number, WAL_FORMAT);
    if (rc < 0)
        return error_set(err, rc, "%s: offset 0: the header is damaged: %s", name, REMEDY);
    if (s->header.number != number)
        return error_set(err, ERR_CORRUPT,
                         "%s: offset 12: this is segment %" PRIu64 " under another's name: %s",
                         name, s->header.number, REMEDY);
    return 0;
}

int wal_segment_read(struct wal_disk *d, uint64_t number, struct wal_segment *ret,
                     struct error *err)
{
    char name[WAL_NAME_MAX];
    uint64_t size = 0;
    int file, rc;

    wal_name_segment(number, name);
    *ret = (struct wal_segment){0};
    buf_init(&ret->bytes, SEGMENT_SIZE_MAX);
    rc = d->open(d, name, false, &file);
    if (rc < 0)
        return error_set(err, rc, "%s: %s", name, error_text(rc));
    rc = d->size(d, file, &size);
    if (rc == 0 && size > SEGMENT_SIZE_MAX)
        rc = -EFBIG;
    if (rc == 0) {
        char *p = buf_reserve(&ret->bytes, size);
        ASSERT(p != NULL);
        rc = d->read(d, file, 0, p, size);
        ret->bytes.n = size;
    }
    d->close(d, file);
    rc = rc < 0 ? error_set(err, rc, "%s: cannot be read: %s", name, error_text(rc))
                : check_header(number, ret, err);
    if (rc < 0)
        wal_segment_fini(ret);
    return rc;
}

void wal_segment_fini(struct wal_segment *s)
{
    buf_fini(&s->bytes);
}

/* Is there a batch behind `at` that was begun after number `batch`? It was begun only when all
 * before it had been acknowledged. */
static bool has_later(const struct wal_segment *s, size_t at, uint64_t batch, uint32_t seed,
                      uint64_t *ret_at)
{
    struct wal_batch_view v;

    for (at += WAL_SECTOR; at + WAL_SECTOR <= s->bytes.n; at += WAL_SECTOR)
        if (wal_batch_peek((struct str){s->bytes.p + at, s->bytes.n - at}, seed, &v) &&
            v.number > batch) {
            *ret_at = at;
            return true;
        }
    return false;
}

/* Bytes from `at` to the last that is not zero, in whole sectors. */
static uint64_t used_behind(const struct wal_segment *s, size_t at)
{
    size_t end = s->bytes.n;

    while (end > at && s->bytes.p[end - 1] == 0)
        end--;
    return (end - at + WAL_SECTOR - 1) / WAL_SECTOR * WAL_SECTOR;
}

/* The table of wal.c, for what does not check at place `p`. 0: cut there. */
static int judge(const struct wal_segment *s, uint64_t end, enum wal_batch_verdict verdict,
                 uint32_t seed, const struct wal_place *p, uint64_t *ret_cut, struct error *err)
{
    char name[WAL_NAME_MAX];
    uint64_t later;

    wal_name_segment(s->header.number, name);
    if (end != 0)
        return error_set(err, ERR_CORRUPT,
                         "%s: offset %" PRIu64 ": acknowledged entries are damaged (the segment "
                         "after continues from offset %" PRIu64 "): %s",
                         name, p->at, end, REMEDY);
    if (has_later(s, p->at, p->next_batch, seed, &later))
        return error_set(err, ERR_CORRUPT,
                         "%s: offset %" PRIu64 ": acknowledged entries are damaged (sound ones "
                         "follow at offset %" PRIu64 "): %s",
                         name, p->at, later, REMEDY);
    if (verdict == WAL_BATCH_DAMAGED)
        return error_set(err, ERR_CORRUPT,
                         "%s: offset %" PRIu64 ": entries that were written whole are damaged: %s",
                         name, p->at, REMEDY);
    *ret_cut = used_behind(s, p->at);
    return 0;
}

int wal_segment_scan(const struct wal_segment *s, uint64_t end,
                     int (*each)(void *data, uint64_t at, const struct wal_batch_view *batch),
                     void *data, struct wal_place *ret_place, uint64_t *ret_cut, struct error *err)
{
    uint32_t seed = wal_batch_seed(s->header.log_id, s->header.number);
    struct wal_place *p = ret_place;
    struct wal_batch_view v;

    *p = (struct wal_place){WAL_SECTOR, s->header.next_batch, s->header.chain};
    *ret_cut = 0;
    while (end == 0 || p->at < end) {
        struct str rest = {s->bytes.p + p->at, s->bytes.n - p->at};
        enum wal_batch_verdict verdict = wal_batch_check(rest, seed, &v);

        if (verdict == WAL_BATCH_GOOD && (v.number != p->next_batch || v.chain != p->chain ||
                                          (end != 0 && p->at + v.padded > end)))
            verdict = WAL_BATCH_DAMAGED;
        if (verdict != WAL_BATCH_GOOD)
            return judge(s, end, verdict, seed, p, ret_cut, err);
        int rc = each ? each(data, p->at, &v) : 0;
        if (rc < 0) {
            char name[WAL_NAME_MAX];
            wal_name_segment(s->header.number, name);
            return error_set(err, rc, "%s: offset %" PRIu64 ": records out of order: %s", name,
                             p->at, REMEDY);
        }
        p->at += v.padded;
        p->next_batch++;
        p->chain = v.crc;
    }
    return 0;
}
