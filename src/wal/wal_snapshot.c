/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * header  magic 8, format u32, log id 16, index u64, term u64, configuration index u64,
 *         configuration size u32, configuration, crc u32 of all before
 * frame   size u32 (not 0), crc u32 (of the bytes, going on from the crc before), bytes
 * end     size 0, crc u32 (of the total, likewise), total of the frames' bytes u64
 */
#include "wal/wal_snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/digest.h"
#include "base/mem.h"
#include "wal/wal_segment.h"

#define SNAPSHOT_MAGIC         STR_LIT("DISCOSNP")
#define SNAPSHOT_FORMAT        1
#define FIXED_SIZE             56
#define CONFIGURATION_SIZE_MAX 65536
#define WRITE_SIZE             ((size_t)256 << 10)

#define REMEDY                                                                                     \
    "restore the data directory from a backup, or move it away and let this server join anew"

struct wal_snapshot_writer {
    struct wal_disk *disk;
    int file;
    uint64_t index, term;
    uint64_t at, total;
    uint32_t crc;
    struct buf out;
    int status;
};

static void tmp_name(const struct wal_snapshot_writer *w, char dst[WAL_NAME_MAX])
{
    wal_name_snapshot(w->index, w->term, dst);
    size_t n = strlen(dst);
    snprintf(dst + n, WAL_NAME_MAX - n, ".tmp");
}

static void flush(struct wal_snapshot_writer *w)
{
    if (w->status == 0 && w->out.n)
        w->status = w->disk->write(w->disk, w->file, w->at, w->out.p, w->out.n);
    w->at += w->out.n;
    buf_clear(&w->out);
}

int wal_snapshot_create(struct wal_disk *d, const struct wal_snapshot_meta *meta,
                        struct wal_snapshot_writer **ret)
{
    struct wal_snapshot_writer *w = mem_new(struct wal_snapshot_writer);
    char tmp[WAL_NAME_MAX];

    ASSERT(meta->index > 0 && meta->configuration.n <= CONFIGURATION_SIZE_MAX);
    w->disk = d;
    w->index = meta->index;
    w->term = meta->term;
    tmp_name(w, tmp);
    (void)d->remove(d, tmp);
    int rc = d->open(d, tmp, true, &w->file);
    if (rc < 0) {
        mem_free(w);
        return rc;
    }
    buf_init(&w->out, 0);
    buf_put_str(&w->out, SNAPSHOT_MAGIC);
    buf_put_u32(&w->out, SNAPSHOT_FORMAT);
    buf_put(&w->out, meta->log_id, 16);
    buf_put_u64(&w->out, meta->index);
    buf_put_u64(&w->out, meta->term);
    buf_put_u64(&w->out, meta->configuration_index);
    buf_put_u32(&w->out, (uint32_t)meta->configuration.n);
    buf_put_str(&w->out, buf_str(&meta->configuration));
    w->crc = digest_crc32c(0, buf_str(&w->out));
    buf_put_u32(&w->out, w->crc);
    *ret = w;
    return 0;
}

int wal_snapshot_put(struct wal_snapshot_writer *w, struct str bytes)
{
    ASSERT(bytes.n <= WAL_SNAPSHOT_FRAME_MAX);
    if (bytes.n == 0 || w->status < 0)
        return w->status;
    w->crc = digest_crc32c(w->crc, bytes);
    w->total += bytes.n;
    buf_put_u32(&w->out, (uint32_t)bytes.n);
    buf_put_u32(&w->out, w->crc);
    buf_put_str(&w->out, bytes);
    if (w->out.n >= WRITE_SIZE)
        flush(w);
    return w->status;
}

static void writer_free(struct wal_snapshot_writer *w)
{
    w->disk->close(w->disk, w->file);
    buf_fini(&w->out);
    mem_free(w);
}

void wal_snapshot_abort(struct wal_snapshot_writer *w)
{
    char tmp[WAL_NAME_MAX];

    if (!w)
        return;
    tmp_name(w, tmp);
    (void)w->disk->remove(w->disk, tmp);
    writer_free(w);
}

int wal_snapshot_finish(struct wal_snapshot_writer *w, uint64_t *ret_size)
{
    char tmp[WAL_NAME_MAX], name[WAL_NAME_MAX], total[8];
    int rc;

    for (int i = 0; i < 8; i++)
        total[i] = (char)(w->total >> (56 - 8 * i));
    buf_put_u32(&w->out, 0);
    buf_put_u32(&w->out, digest_crc32c(w->crc, (struct str){total, 8}));
    buf_put(&w->out, total, 8);
    flush(w);
    tmp_name(w, tmp);
    wal_name_snapshot(w->index, w->term, name);
    rc = w->status;
    if (rc == 0)
        rc = w->disk->sync(w->disk, w->file);
    if (rc == 0)
        rc = w->disk->rename(w->disk, tmp, name);
    if (rc == 0)
        rc = w->disk->sync_dir(w->disk);
    if (rc < 0) {
        wal_snapshot_abort(w);
        return rc;
    }
    if (ret_size)
        *ret_size = w->total;
    writer_free(w);
    return 0;
}

/* ---- reading ---- */

struct reader {
    struct wal_disk *disk;
    int file;
    uint64_t at;
    char name[WAL_NAME_MAX];
    struct error *err;
    struct buf bytes; /* of the last take */
    bool is_open;
};

static int damaged(struct reader *r, const char *what)
{
    return error_set(r->err, ERR_CORRUPT, "%s: offset %" PRIu64 ": %s: %s", r->name, r->at, what,
                     REMEDY);
}

/* The next n bytes, in r->bytes behind what is there. */
static int take(struct reader *r, size_t n)
{
    char *p = buf_reserve(&r->bytes, n);
    int rc = p ? r->disk->read(r->disk, r->file, r->at, p, n) : ERR_TOO_LARGE;

    if (rc == -ENODATA)
        return damaged(r, "the file ends too early");
    if (rc < 0)
        return error_set(r->err, rc, "%s: offset %" PRIu64 ": cannot be read: %s", r->name, r->at,
                         error_text(rc));
    r->bytes.n += n;
    r->at += n;
    return 0;
}

static int load_header(struct reader *r, struct wal_snapshot_meta *m, uint32_t *ret_crc)
{
    int rc = take(r, FIXED_SIZE);

    if (rc < 0)
        return rc;
    struct cursor in = cursor_make(buf_str(&r->bytes));
    if (!str_eq(cursor_bytes(&in, 8), SNAPSHOT_MAGIC)) {
        r->at = 0;
        return damaged(r, "not a snapshot");
    }
    uint32_t format = cursor_u32(&in);
    if (format != SNAPSHOT_FORMAT)
        return error_set(r->err, ERR_UNSUPPORTED,
                         "%s: offset 8: written in format %" PRIu32 ", this program knows format "
                         "%d: use the program that wrote it, or a newer one",
                         r->name, format, SNAPSHOT_FORMAT);
    memcpy(m->log_id, cursor_bytes(&in, 16).p, 16);
    m->index = cursor_u64(&in);
    m->term = cursor_u64(&in);
    m->configuration_index = cursor_u64(&in);
    uint32_t n = cursor_u32(&in);
    if (n > CONFIGURATION_SIZE_MAX)
        return damaged(r, "the header is damaged");
    rc = take(r, n + 4);
    if (rc < 0)
        return rc;
    struct str all = buf_str(&r->bytes);
    *ret_crc = digest_crc32c(0, str_take(all, FIXED_SIZE + n));
    in = cursor_make(str_drop(all, FIXED_SIZE + n));
    if (cursor_u32(&in) != *ret_crc) {
        r->at = 0;
        return damaged(r, "the header is damaged");
    }
    buf_put(&m->configuration, all.p + FIXED_SIZE, n);
    return 0;
}

static int load_frames(struct reader *r, uint32_t crc, int (*each)(void *data, struct str bytes),
                       void *data)
{
    uint64_t total = 0;

    for (;;) {
        buf_clear(&r->bytes);
        int rc = take(r, 8);
        if (rc < 0)
            return rc;
        struct cursor in = cursor_make(buf_str(&r->bytes));
        uint32_t n = cursor_u32(&in), want = cursor_u32(&in);
        if (n > WAL_SNAPSHOT_FRAME_MAX)
            return damaged(r, "a frame is damaged");
        buf_clear(&r->bytes);
        rc = take(r, n ? n : 8);
        if (rc < 0)
            return rc;
        crc = digest_crc32c(crc, buf_str(&r->bytes));
        if (crc != want)
            return damaged(r, "a frame is damaged");
        if (n == 0) {
            in = cursor_make(buf_str(&r->bytes));
            return cursor_u64(&in) == total ? 0 : damaged(r, "the total is wrong");
        }
        total += n;
        rc = each ? each(data, buf_str(&r->bytes)) : 0;
        if (rc < 0)
            return error_set(r->err, rc, "%s: offset %" PRIu64 ": cannot be loaded: %s", r->name,
                             r->at, error_text(rc));
    }
}

static int load_head(struct reader *r, struct wal_snapshot_meta *ret, uint64_t index, uint64_t term,
                     uint32_t *ret_crc)
{
    *ret = (struct wal_snapshot_meta){0};
    buf_init(&ret->configuration, 0);
    buf_init(&r->bytes, WAL_SNAPSHOT_FRAME_MAX + 16);
    int rc = r->disk->open(r->disk, r->name, false, &r->file);
    if (rc < 0)
        return error_set(r->err, rc, "%s: %s", r->name, error_text(rc));
    r->is_open = true;
    rc = load_header(r, ret, ret_crc);
    if (rc == 0 && (ret->index != index || ret->term != term))
        rc = damaged(r, "this is another snapshot under a wrong name");
    return rc;
}

static void reader_close(struct reader *r)
{
    if (r->is_open)
        r->disk->close(r->disk, r->file);
    buf_fini(&r->bytes);
}

int wal_snapshot_load(struct wal_disk *d, uint64_t index, uint64_t term, const uint8_t log_id[16],
                      struct wal_snapshot_meta *ret_meta, int (*each)(void *data, struct str bytes),
                      void *data, struct error *err)
{
    struct reader r = {.disk = d, .err = err};
    uint32_t crc = 0;
    int rc;

    wal_name_snapshot(index, term, r.name);
    rc = load_head(&r, ret_meta, index, term, &crc);
    if (rc == 0 && log_id && memcmp(log_id, ret_meta->log_id, 16) != 0)
        rc = error_set(err, ERR_CONFLICT,
                       "%s: offset 12: this snapshot is of another log: bring the right one back, "
                       "or %s",
                       r.name, REMEDY);
    if (rc == 0)
        rc = load_frames(&r, crc, each, data);
    reader_close(&r);
    return rc;
}

static int on_import(void *data, struct str bytes)
{
    return wal_snapshot_put(data, bytes);
}

int wal_snapshot_import(struct wal_disk *d, const char *from, uint64_t index, uint64_t term,
                        const uint8_t log_id[16], struct error *err)
{
    struct reader r = {.disk = d, .err = err};
    struct wal_snapshot_writer *w = NULL;
    struct wal_snapshot_meta meta;
    uint32_t crc = 0;

    (void)str_copy_z(str_z(from), r.name, sizeof r.name);
    int rc = load_head(&r, &meta, index, term, &crc);
    if (rc == 0) {
        memcpy(meta.log_id, log_id, sizeof meta.log_id);
        rc = wal_snapshot_create(d, &meta, &w);
        if (rc < 0)
            error_set(err, rc, "%s: cannot be stored: %s", from, error_text(rc));
    }
    if (rc == 0)
        rc = load_frames(&r, crc, on_import, w);
    reader_close(&r);
    buf_fini(&meta.configuration);
    if (rc == 0) {
        rc = wal_snapshot_finish(w, NULL);
        if (rc < 0)
            error_set(err, rc, "%s: cannot be stored: %s", from, error_text(rc));
    } else {
        wal_snapshot_abort(w);
    }
    if (rc == 0)
        (void)d->remove(d, from);
    return rc;
}

void wal_snapshot_name(uint64_t index, uint64_t term, char dst[64])
{
    wal_name_snapshot(index, term, dst);
}
