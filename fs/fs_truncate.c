/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_truncate.h"

#include <errno.h>

#include "fs/fs_change.h"
#include "fs/fs_file.h"
#include "fs/fs_ops.h"
#include "fs/fs_write.h"

#define TRIES_MAX 100 /* others may change the key all the time */

static void on_truncated(struct fs_wait *w, int error);
static int get_value(struct fs_mount *m, struct fs_inode *i, struct buf *value, uint64_t *index);

/* i is held by the caller as by a handle that writes; on_truncated lets it go. */
static void submit(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, uint64_t size, int try_n)
{
    struct kv_op op = {.verb = KV_CAS, .key = fs_inode_node(i).a};
    struct buf value;
    buf_init(&value, 0);
    struct fs_wait *w = fs_write_wait_new(m, req, on_truncated);
    w->inode = i;
    w->size = size;
    w->try_n = try_n;
    int error = get_value(m, i, &value, &op.index);
    if (!error) {
        if (size > value.n)
            memset(buf_reserve(&value, size - value.n), 0, size - value.n);
        value.n = size;
        op.value = buf_str(&value);
        fs_write_submit_op(w, &op, NULL);
    } else {
        on_truncated(w, error);
    }
    buf_fini(&value);
}

static void on_truncated(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    struct fs_inode *i = w->inode;
    bool was_changed = !error && !w->ok;
    fuse_req_t req = fs_write_take_req(w);
    size_t size = w->size;
    int try_n = w->try_n;
    if (!error && w->ok) {
        i->version = w->version;
        i->size = w->size;
    }
    fs_write_wait_free(w);
    if (was_changed && req && try_n < TRIES_MAX) {
        submit(m, req, i, size, try_n + 1);
        return;
    }
    if (req && (error || was_changed))
        fuse_reply_err(req, error ? error : ESTALE);
    else if (req)
        fs_ops_reply_attr(m, req, i);
    fs_file_writer_left(m, i);
    i->open_n--;
    fs_inode_settle(&m->inodes, i);
}

void fs_truncate(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, uint64_t size)
{
    int32_t pid = fuse_req_ctx(req)->pid;
    bool again = fs_stale_take(&m->stale, fs_inode_node(i).a, pid, i->number, env_now(m->env));
    if (i->is_unlinked && again) { /* as if it had come before the name was taken away */
        fs_ops_reply_attr(m, req, i);
        return;
    }
    bool is_sure = i->is_current || again; /* else its name may mean another key by now */
    if (i->is_unlinked || i->is_misnamed || !is_sure || !fs_file_make_direct(m, i)) {
        fuse_reply_err(req, fs_file_stale(m, i, pid));
        return;
    }
    i->open_n++;
    i->writer_n++;
    submit(m, req, i, size, 0);
}

/* What is committed of it, or nothing yet. */
static int get_value(struct fs_mount *m, struct fs_inode *i, struct buf *value, uint64_t *index)
{
    struct kv_entry e = {.modify_index = 0};
    uint64_t at;
    struct view v = fs_mount_view(m);
    bool is_there = kv_get(&v, fs_inode_node(i).a, &e, &at);
    if (is_there)
        buf_put_str(value, e.value);
    env_view_end(&v);
    *index = is_there ? e.modify_index : 0;
    if (is_there || i->is_pending)
        return 0;
    fs_change_retire(m, i); /* deleted since it was looked up */
    return ENOENT;
}
