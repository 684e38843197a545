/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fs/fs_will.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/map.h"
#include "base/mem.h"

#define MAGIC       0x646973636f2d7731u /* "disco-w1" */
#define FORMAT      1
#define PAGE        4096
#define HEAD_SIZE   36
#define RECORD_HEAD 17                      /* size, sum, kind, key */
#define LOG_MIN     ((uint64_t)1024 * 1024) /* below that it is not worth the while */
#define LOG_MAX     ((uint64_t)1 << 30)

struct entry { /* in the log as it was read */
    enum fs_will_kind kind;
    uint64_t key;
    struct str value, whole;
};

static int put_head(struct fs_will *w);

static int write_all(int fd, struct str bytes, uint64_t at)
{
    while (bytes.n > 0) {
        ssize_t n = pwrite(fd, bytes.p, bytes.n, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        bytes = str_drop(bytes, (size_t)n);
        at += (uint64_t)n;
    }
    return 0;
}

static int read_all(int fd, uint64_t at, size_t n, struct buf *out)
{
    while (n > 0) {
        char *p = buf_reserve(out, n);
        ssize_t got = p ? pread(fd, p, n, (off_t)at) : -1;
        if (got < 0 && p && errno == EINTR)
            continue;
        if (got <= 0)
            return !p ? -ENOMEM : got < 0 ? -errno : -EIO;
        out->n += (size_t)got;
        n -= (size_t)got;
        at += (uint64_t)got;
    }
    return 0;
}

/* ---- life ---- */

int fs_will_new(struct fs_will **ret, struct error *err)
{
    struct fs_will *w = mem_new(struct fs_will);
    buf_init(&w->pending, 0);
    w->start = w->end = PAGE;
    w->life = 1;
    w->fd = memfd_create("disco-mount", MFD_CLOEXEC);
    int r = w->fd < 0 ? -errno : put_head(w);
    if (r < 0) {
        fs_will_free(w);
        return error_set(err, r, "mount: no memory to be kept: %s", error_text(r));
    }
    *ret = w;
    return 0;
}

void fs_will_free(struct fs_will *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    buf_fini(&w->pending);
    mem_free(w);
}

static int get_head(struct fs_will *w)
{
    struct buf head;
    buf_init(&head, 0);
    int r = read_all(w->fd, 0, HEAD_SIZE, &head);
    struct cursor c = cursor_make(buf_str(&head));
    bool ok = r == 0 && cursor_u64(&c) == MAGIC && cursor_u32(&c) == FORMAT;
    w->tries = cursor_u32(&c);
    w->life = cursor_u64(&c);
    w->start = cursor_u64(&c);
    ok = ok && cursor_u32(&c) == digest_crc32c(0, str_take(buf_str(&head), HEAD_SIZE - 4));
    buf_fini(&head);
    return ok ? 0 : r < 0 ? r : ERR_CORRUPT;
}

static int put_head(struct fs_will *w)
{
    struct buf head;
    buf_init(&head, 0);
    buf_put_u64(&head, MAGIC);
    buf_put_u32(&head, FORMAT);
    buf_put_u32(&head, w->tries);
    buf_put_u64(&head, w->life);
    buf_put_u64(&head, w->start);
    buf_put_u32(&head, digest_crc32c(0, buf_str(&head)));
    int r = write_all(w->fd, buf_str(&head), 0);
    buf_fini(&head);
    return r;
}

/* The next record; false at the end of what is whole. */
static bool next(struct cursor *c, struct entry *ret)
{
    struct cursor at = *c;
    const char *begin = c->p;
    size_t n = cursor_u32(c);
    uint32_t sum = cursor_u32(c);
    struct str body = cursor_bytes(c, RECORD_HEAD - 8 + n);
    if (c->bad || n > FS_WILL_VALUE_MAX || digest_crc32c(0, body) != sum) {
        *c = at;
        return false;
    }
    struct cursor b = cursor_make(body);
    ret->kind = (enum fs_will_kind)cursor_u8(&b);
    ret->key = cursor_u64(&b);
    ret->value = cursor_bytes(&b, n);
    ret->whole = str_make(begin, RECORD_HEAD + n);
    if (ret->kind < FS_WILL_MOUNT || ret->kind >= FS_WILL_KINDS) {
        *c = at;
        return false;
    }
    return true;
}

static int load(struct fs_will *w, struct buf *log)
{
    struct stat st;
    if (fstat(w->fd, &st) < 0)
        return -errno;
    uint64_t size = (uint64_t)st.st_size;
    if (size < w->start)
        return size < PAGE ? 0 : ERR_CORRUPT;
    if (size - w->start > LOG_MAX)
        return ERR_CORRUPT;
    return read_all(w->fd, w->start, (size_t)(size - w->start), log);
}

int fs_will_open(int fd, struct fs_will **ret, struct error *err)
{
    struct fs_will *w = mem_new(struct fs_will);
    struct entry e;
    struct buf log;
    w->fd = fd;
    buf_init(&w->pending, 0);
    buf_init(&log, LOG_MAX);
    int r = get_head(w);
    if (r == 0)
        r = load(w, &log);
    struct cursor c = cursor_make(buf_str(&log));
    while (r == 0 && cursor_left(&c) > 0 && next(&c, &e))
        ;
    w->end = w->start + (log.n - cursor_left(&c));
    if (r == 0 && ftruncate(fd, (off_t)w->end) < 0) /* a torn end must not be taken for more */
        r = -errno;
    w->whole = w->end - w->start;
    buf_fini(&log);
    if (r < 0) {
        fs_will_free(w);
        return error_set(err, r, "mount: what the agent before left cannot be read: %s",
                         error_text(r));
    }
    *ret = w;
    return 0;
}

int fs_will_set(struct fs_will *w, uint64_t life, uint32_t tries)
{
    w->life = life;
    w->tries = tries;
    return put_head(w);
}

/* ---- entries ---- */

static void put(struct buf *out, enum fs_will_kind kind, uint64_t key, struct str value)
{
    size_t at = out->n;
    buf_put_u32(out, (uint32_t)value.n);
    buf_put_u32(out, 0);
    buf_put_u8(out, (uint8_t)kind);
    buf_put_u64(out, key);
    buf_put_str(out, value);
    if (out->failed)
        return;
    uint32_t sum = digest_crc32c(0, str_make(out->p + at + 8, out->n - at - 8));
    char bytes[4] = {(char)(sum >> 24), (char)(sum >> 16), (char)(sum >> 8), (char)sum};
    memcpy(out->p + at + 4, bytes, sizeof(bytes));
}

void fs_will_put(struct fs_will *w, enum fs_will_kind kind, uint64_t key, struct str value)
{
    ASSERT(value.n > 0 && value.n <= FS_WILL_VALUE_MAX);
    put(&w->pending, kind, key, value);
}

void fs_will_drop(struct fs_will *w, enum fs_will_kind kind, uint64_t key)
{
    put(&w->pending, kind, key, STR_LIT(""));
}

/* The records that stand, in the order in which they were written. */
static void standing(struct str log, struct map *last)
{
    struct cursor c = cursor_make(log);
    struct entry e;
    while (cursor_left(&c) > 0 && next(&c, &e)) {
        struct str id = str_make(e.whole.p + 8, RECORD_HEAD - 8);
        if (e.value.n > 0)
            map_set(last, id, (void *)(uintptr_t)e.whole.p);
        else
            map_del(last, id);
    }
}

static bool stands(const struct map *last, const struct entry *e)
{
    return map_get(last, str_make(e->whole.p + 8, RECORD_HEAD - 8)) == e->whole.p;
}

int fs_will_read(struct fs_will *w,
                 void (*each)(void *data, enum fs_will_kind kind, uint64_t key, struct str value),
                 void *data)
{
    struct buf log;
    struct map last;
    buf_init(&log, LOG_MAX);
    int r = fs_will_flush(w);
    if (r == 0)
        r = load(w, &log);
    map_init(&last, (uint64_t)(uintptr_t)w);
    standing(buf_str(&log), &last);
    for (int kind = FS_WILL_MOUNT; r == 0 && kind < FS_WILL_KINDS; kind++) {
        struct cursor c = cursor_make(buf_str(&log));
        struct entry e;
        while (cursor_left(&c) > 0 && next(&c, &e))
            if ((int)e.kind == kind && stands(&last, &e))
                each(data, e.kind, e.key, e.value);
    }
    map_fini(&last);
    buf_fini(&log);
    return r;
}

/* What stands is written behind the log, which then goes. */
static int rewrite(struct fs_will *w)
{
    struct buf log, whole;
    struct map last;
    buf_init(&log, LOG_MAX);
    buf_init(&whole, LOG_MAX);
    map_init(&last, (uint64_t)(uintptr_t)w);
    int r = load(w, &log);
    standing(buf_str(&log), &last);
    struct cursor c = cursor_make(buf_str(&log));
    struct entry e;
    while (cursor_left(&c) > 0 && next(&c, &e))
        if (stands(&last, &e))
            buf_put_str(&whole, e.whole);
    uint64_t start = (w->end + PAGE - 1) / PAGE * PAGE, old = w->start;
    if (r == 0)
        r = whole.failed ? -ENOMEM : write_all(w->fd, buf_str(&whole), start);
    if (r == 0) {
        w->start = start;
        w->end = start + whole.n;
        w->whole = whole.n;
        r = put_head(w);
    }
    if (r == 0)
        (void)fallocate(w->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)old,
                        (off_t)(start - old));
    map_fini(&last);
    buf_fini(&whole);
    buf_fini(&log);
    return r;
}

int fs_will_flush(struct fs_will *w)
{
    if (w->pending.n == 0)
        return 0;
    int r = w->pending.failed ? -ENOMEM : write_all(w->fd, buf_str(&w->pending), w->end);
    w->end += w->pending.n;
    buf_clear(&w->pending);
    if (r == 0 && w->end - w->start > LOG_MIN && w->end - w->start > 4 * w->whole)
        r = rewrite(w);
    return r;
}
