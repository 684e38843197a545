/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_truncate.h"

#include <errno.h>

#include "fs/fs_file.h"
#include "fs/fs_ops.h"
#include "fs/fs_write.h"

static void on_truncated(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    struct fs_inode *i = w->inode;
    if (!error && !w->ok)
        error = ESTALE; /* changed meanwhile: the kernel looks it up and tries again, once */
    if (!error) {
        i->version = w->version;
        i->size = w->size;
    }
    fuse_req_t req = error ? NULL : fs_write_take_req(w);
    if (req)
        fs_ops_reply_attr(m, req, i);
    else
        fs_write_reply(w, error);
    fs_write_wait_free(w);
    fs_file_writer_left(m, i);
    i->open_n--;
    fs_inode_settle(&m->inodes, i);
}

void fs_truncate(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, uint64_t size)
{
    struct kv_entry e;
    uint64_t index;
    struct buf value;
    struct fs_node node = fs_inode_node(i);
    if (i->is_unlinked || i->is_misnamed || !fs_file_make_direct(m, i)) {
        fuse_reply_err(req, ESTALE);
        return;
    }
    i->open_n++;
    i->writer_n++;
    buf_init(&value, 0);
    struct view v = fs_mount_view(m);
    bool is_there = kv_get(&v, node.a, &e, &index);
    if (is_there)
        buf_put_str(&value, str_take(e.value, (size_t)size));
    env_view_end(&v);
    struct fs_wait *w = fs_write_wait_new(m, req, on_truncated);
    if (size > value.n) {
        size_t gap = (size_t)size - value.n;
        memset(buf_reserve(&value, gap), 0, gap);
        value.n += gap;
    }
    w->inode = i;
    w->size = value.n;
    struct kv_op op = {.verb = KV_CAS,
                       .key = node.a,
                       .value = buf_str(&value),
                       .index = is_there ? e.modify_index : 0};
    fs_write_submit_op(w, &op, NULL);
    buf_fini(&value);
}
