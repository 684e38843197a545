/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fs/fs_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

#define KEEP_MAGIC    0x646973636f2d7431u /* "disco-t1" */
#define KEEP_HEAD     24
#define KEEP_NOTE     16
#define KEEP_SIZE_MAX ((size_t)KEEP_NOTE * FS_TIMES_MAX * 2 + KEEP_HEAD)

static void load(struct fs_keep *k, struct fs_times *t);
static void rewrite(struct fs_keep *k, const struct fs_times *t);
static void give_up(struct fs_keep *k, const char *what);

void fs_keep_open(struct fs_keep *k, const char *data_dir, struct fs_times *t)
{
    struct statx st;
    struct buf path;
    *k = (struct fs_keep){.fd = -1};
    if (!data_dir)
        return;
    buf_init(&path, 0);
    buf_putf(&path, "%s/raft", data_dir);
    if (statx(AT_FDCWD, buf_z(&path), 0, STATX_INO | STATX_BTIME, &st) == 0) {
        k->log[0] = st.stx_ino;
        if (st.stx_mask & STATX_BTIME)
            k->log[1] = (uint64_t)st.stx_btime.tv_sec * 1000000000u + st.stx_btime.tv_nsec;
        buf_clear(&path);
        buf_putf(&path, "%s/mount-times", data_dir);
        k->path = mem_dup_z(buf_z(&path));
        load(k, t);
        rewrite(k, t);
    }
    buf_fini(&path);
}

void fs_keep_close(struct fs_keep *k)
{
    if (k->fd >= 0)
        close(k->fd);
    mem_free(k->path);
    *k = (struct fs_keep){.fd = -1};
}

void fs_keep_note(struct fs_keep *k, struct fs_times *t, uint64_t index, int64_t wall_ns)
{
    size_t before = t->n;
    fs_times_note(t, index, wall_ns);
    if (k->fd < 0 || t->n == before)
        return;
    if (t->n < before || k->written_n >= 2 * (size_t)FS_TIMES_MAX) { /* they were thinned */
        rewrite(k, t);
        return;
    }
    struct buf note;
    buf_init(&note, 0);
    buf_put_u64(&note, t->notes[t->n - 1].index);
    buf_put_u64(&note, (uint64_t)t->notes[t->n - 1].wall_ns);
    if (write(k->fd, note.p, note.n) != (ssize_t)note.n)
        give_up(k, "write");
    k->written_n++;
    buf_fini(&note);
}

static void load(struct fs_keep *k, struct fs_times *t)
{
    int fd = open(k->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    char *bytes = mem_alloc(KEEP_SIZE_MAX);
    ssize_t n = read(fd, bytes, KEEP_SIZE_MAX);
    close(fd);
    struct cursor c = cursor_make(str_make(bytes, n > 0 ? (size_t)n : 0));
    if (cursor_u64(&c) == KEEP_MAGIC && cursor_u64(&c) == k->log[0] && cursor_u64(&c) == k->log[1])
        while (cursor_left(&c) >= KEEP_NOTE) { /* a torn note at the end is none */
            uint64_t index = cursor_u64(&c);
            fs_times_note(t, index, (int64_t)cursor_u64(&c));
        }
    mem_free(bytes);
}

/* Under another name first: a reader finds the old file or the new one. */
static void rewrite(struct fs_keep *k, const struct fs_times *t)
{
    struct buf all, name;
    buf_init(&all, 0);
    buf_init(&name, 0);
    buf_put_u64(&all, KEEP_MAGIC);
    buf_put_u64(&all, k->log[0]);
    buf_put_u64(&all, k->log[1]);
    for (size_t i = 0; i < t->n; i++) {
        buf_put_u64(&all, t->notes[i].index);
        buf_put_u64(&all, (uint64_t)t->notes[i].wall_ns);
    }
    buf_putf(&name, "%s.new", k->path);
    if (k->fd >= 0)
        close(k->fd);
    k->fd = open(buf_z(&name), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    k->written_n = t->n;
    if (k->fd < 0 || write(k->fd, all.p, all.n) != (ssize_t)all.n ||
        rename(buf_z(&name), k->path) < 0)
        give_up(k, "make");
    buf_fini(&all);
    buf_fini(&name);
}

static void give_up(struct fs_keep *k, const char *what)
{
    log_warn("mount", "%s: cannot %s: %s; times of keys will be lost with this agent", k->path,
             what, error_text(-errno));
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
}
