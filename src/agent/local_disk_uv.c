/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "agent/local_disk.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"

struct file {
    struct list link;
    enum local_folder folder;
    char name[65];
    bool remove;
    struct buf bytes;
    int status, fd;
};

struct disk {
    uv_loop_t *loop;
    uv_work_t work;
    int dirs[LOCAL_FOLDERS];
    struct list queue, batch; /* waiting; on a thread of the pool */
    struct map waiting;       /* "folder name" -> file */
    uint64_t ticket, batch_ticket;
    bool busy, closing;
    void (*written)(void *data, uint64_t ticket);
    void *written_data;
    void (*closed)(void *data);
    void *closed_data;
};

static void start(struct disk *d);

static int folder_open(const char *data_dir, const char *name, int *ret, struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", data_dir, name);
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        *ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret >= 0 ? 0 : error_set(err, -errno, "data_dir: %s: %s", path, error_text(-errno));
}

static void disk_free(struct disk *d)
{
    for (int i = 0; i < LOCAL_FOLDERS; i++)
        if (d->dirs[i] >= 0)
            close(d->dirs[i]);
    map_fini(&d->waiting);
    mem_free(d);
}

int local_disk_open(const char *data_dir, void *uv_loop,
                    void (*written)(void *data, uint64_t ticket), void *data, struct disk **ret,
                    struct error *err)
{
    static const char *const names[LOCAL_FOLDERS] = {"services", "checks", "checks/state"};
    struct disk *d = mem_new(struct disk);
    int rc = 0;
    d->loop = uv_loop;
    d->written = written;
    d->written_data = data;
    list_init(&d->queue);
    list_init(&d->batch);
    map_init(&d->waiting, 0); /* the keys are hashes */
    for (int i = 0; i < LOCAL_FOLDERS; i++)
        d->dirs[i] = -1;
    for (int i = 0; !rc && i < LOCAL_FOLDERS; i++)
        rc = folder_open(data_dir, names[i], &d->dirs[i], err);
    if (rc) {
        disk_free(d);
        return rc;
    }
    *ret = d;
    return 0;
}

static uint64_t write_file(void *data, enum local_folder folder, struct str id, struct str bytes)
{
    struct disk *d = data;
    uint8_t digest[32];
    char key[80];
    struct buf name;
    buf_init(&name, 0);
    digest_sha256(id, digest);
    encode_hex(str_make(digest, sizeof digest), &name);
    int n = snprintf(key, sizeof key, "%d %s", (int)folder, buf_z(&name));
    struct file *f = map_get(&d->waiting, str_make(key, (size_t)n));
    if (!f) {
        f = mem_new(struct file);
        f->folder = folder;
        f->fd = -1;
        str_copy_z(buf_str(&name), f->name, sizeof f->name);
        map_set(&d->waiting, str_make(key, (size_t)n), f);
        buf_init(&f->bytes, 0);
        list_push(&d->queue, &f->link);
    }
    buf_clear(&f->bytes);
    buf_put_str(&f->bytes, bytes);
    f->remove = bytes.p == NULL;
    buf_fini(&name);
    d->ticket++;
    start(d);
    return d->ticket;
}

struct local_disk local_disk_interface(struct disk *d)
{
    return (struct local_disk){.data = d, .write = write_file};
}

/* ---- on a thread of the pool ----
 *
 * All files are written before the first is made safe, so that the file system's journal takes them
 * in one go instead of once for each. */

#define OPEN_MAX 128 /* files open at once */

static void write_temp(int dir, struct file *f)
{
    char temp[80];
    if (f->remove) {
        f->status = unlinkat(dir, f->name, 0) && errno != ENOENT ? -errno : 0;
        return;
    }
    snprintf(temp, sizeof temp, "%s.tmp", f->name);
    f->fd = openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    f->status = f->fd < 0 ? -errno : 0;
    for (size_t at = 0; !f->status && at < f->bytes.n;) {
        ssize_t n = write(f->fd, f->bytes.p + at, f->bytes.n - at);
        if (n < 0 && errno != EINTR)
            f->status = -errno;
        at += n > 0 ? (size_t)n : 0;
    }
    if (f->fd >= 0)
        (void)sync_file_range(f->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static void make_safe(int dir, struct file *f)
{
    char temp[80];
    if (f->fd < 0)
        return;
    snprintf(temp, sizeof temp, "%s.tmp", f->name);
    if (!f->status && fdatasync(f->fd))
        f->status = -errno;
    close(f->fd);
    if (!f->status && renameat(dir, temp, dir, f->name))
        f->status = -errno;
}

static void on_work(uv_work_t *work)
{
    struct disk *d = work->data;
    bool touched[LOCAL_FOLDERS] = {false};
    struct list *from = d->batch.next;
    while (from != &d->batch) {
        struct list *to = from;
        for (int n = 0; n < OPEN_MAX && to != &d->batch; n++, to = to->next) {
            struct file *f = LIST_ITEM(to, struct file, link);
            write_temp(d->dirs[f->folder], f);
            touched[f->folder] = true;
        }
        for (; from != to; from = from->next) {
            struct file *f = LIST_ITEM(from, struct file, link);
            make_safe(d->dirs[f->folder], f);
        }
    }
    for (int i = 0; i < LOCAL_FOLDERS; i++)
        if (touched[i])
            (void)fsync(d->dirs[i]);
}

/* ---- on the core ---- */

static void close_look(struct disk *d)
{
    if (!d->closing || d->busy)
        return;
    void (*cb)(void *data) = d->closed;
    void *data = d->closed_data;
    disk_free(d);
    cb(data);
}

static void on_worked(uv_work_t *work, int status)
{
    struct disk *d = work->data;
    struct list *l;
    (void)status;
    while ((l = list_pop(&d->batch)) != NULL) {
        struct file *f = LIST_ITEM(l, struct file, link);
        if (f->status)
            log_error("agent", "a registration cannot be kept: file=%s error=\"%s\"", f->name,
                      error_text(f->status));
        buf_fini(&f->bytes);
        mem_free(f);
    }
    d->busy = false;
    uint64_t ticket = d->batch_ticket;
    start(d);
    if (!d->closing)
        d->written(d->written_data, ticket);
    close_look(d);
}

static void start(struct disk *d)
{
    struct list *l;
    if (d->busy || list_is_empty(&d->queue))
        return;
    while ((l = list_pop(&d->queue)) != NULL)
        list_push(&d->batch, l);
    map_fini(&d->waiting);
    map_init(&d->waiting, 0);
    d->batch_ticket = d->ticket;
    d->busy = true;
    d->work.data = d;
    if (uv_queue_work(d->loop, &d->work, on_work, on_worked)) {
        on_work(&d->work); /* only when memory is short */
        on_worked(&d->work, 0);
    }
}

void local_disk_close(struct disk *d, void (*cb)(void *data), void *data)
{
    d->closing = true;
    d->closed = cb;
    d->closed_data = data;
    close_look(d);
}
