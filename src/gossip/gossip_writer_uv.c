/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "gossip/gossip_file.h"
#include "gossip/gossip_writer.h"

#define WAITING_MAX ((size_t)16 << 20)

struct job {
    struct buf lines;
    bool whole, sync;
};
struct gossip_writer {
    uv_loop_t *loop;
    const char *path, *log_name;
    int fd; /* of the thread while busy */
    uv_work_t work;
    bool busy;
    struct job now, next;
    int status; /* of the last write */
    void (*closed)(void *data);
    void *closed_data;
};

int gossip_writer_open(void *loop, const char *path, const char *log_name,
                       struct gossip_writer **ret, struct error *err)
{
    int fd = gossip_file_open(path, err);

    if (fd < 0)
        return fd;
    struct gossip_writer *w = mem_new(struct gossip_writer);
    w->loop = loop;
    w->path = path;
    w->log_name = log_name;
    w->fd = fd;
    buf_init(&w->now.lines, 0);
    buf_init(&w->next.lines, 0);
    *ret = w;
    return 0;
}

/* Some other thread: touches fd, now and status alone. */
static void on_work(uv_work_t *work)
{
    struct gossip_writer *w = work->data;
    struct error err = {0};

    if (w->now.whole) {
        w->status = gossip_file_replace(w->path, buf_str(&w->now.lines), w->now.sync, &err);
        if (w->status == 0) {
            if (w->fd >= 0)
                close(w->fd);
            w->fd = gossip_file_open(w->path, &err);
            w->status = w->fd < 0 ? w->fd : 0;
        }
    } else if (w->fd >= 0) {
        w->status = gossip_file_append(w->fd, buf_str(&w->now.lines), w->now.sync);
    }
}

static void start(struct gossip_writer *w);

static void on_worked(uv_work_t *work, int status)
{
    struct gossip_writer *w = work->data;

    ASSERT(status == 0); /* never cancelled */
    w->busy = false;
    if (w->status < 0)
        log_error(w->log_name, "serf: snapshot not kept: %s", error_text(w->status));
    start(w);
}

static void free_if_done(struct gossip_writer *w)
{
    if (!w->closed || w->busy)
        return;
    void (*closed)(void *data) = w->closed;
    void *data = w->closed_data;
    if (w->fd >= 0)
        close(w->fd);
    buf_fini(&w->now.lines);
    buf_fini(&w->next.lines);
    mem_free(w);
    closed(data);
}

static void start(struct gossip_writer *w)
{
    if (w->busy)
        return;
    if (w->next.lines.n > 0 || w->next.whole || w->next.sync) {
        struct job job = w->now;
        w->now = w->next;
        w->next = job;
        buf_clear(&w->next.lines);
        w->next.whole = w->next.sync = false;
        w->busy = true;
        w->work.data = w;
        int rc = uv_queue_work(w->loop, &w->work, on_work, on_worked);
        ASSERT(rc == 0); /* fails only for a missing function */
    }
    free_if_done(w);
}

void gossip_writer_put(struct gossip_writer *w, struct str lines, bool whole, bool sync)
{
    if (whole) {
        buf_clear(&w->next.lines);
        w->next.whole = true;
    }
    if (w->next.lines.n + lines.n > WAITING_MAX)
        log_error(w->log_name, "serf: snapshot not kept: the disk is too slow: bytes=%zu", lines.n);
    else
        buf_put_str(&w->next.lines, lines);
    w->next.sync = w->next.sync || sync;
    start(w);
}

void gossip_writer_close(struct gossip_writer *w, void (*closed)(void *data), void *data)
{
    w->closed = closed;
    w->closed_data = data;
    free_if_done(w);
}
