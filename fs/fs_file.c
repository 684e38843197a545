/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two kinds of reader. Of an inode that nobody writes, the kernel caches the pages: it is one
 * version of its key, OPEN checks that it is still the newest (ESTALE makes the kernel look the
 * name up again), and a warm read asks us for nothing but that. Of an inode that has a writer,
 * each open gets its own snapshot past the page cache. Either way a reader sees one whole version.
 */
#include "fs/fs_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "fs/fs_change.h"
#include "fs/fs_echo.h"
#include "fs/fs_errno.h"
#include "fs/fs_event.h"
#include "fs/fs_facts.h"
#include "fs/fs_feed.h"
#include "fs/fs_handle.h"
#include "fs/fs_heir.h"
#include "fs/fs_lock.h"
#include "fs/fs_ops.h"
#include "fs/fs_own.h"
#include "fs/fs_path.h"
#include "fs/fs_process.h"
#include "fs/fs_rights.h"
#include "fs/fs_scratch.h"
#include "fs/fs_text.h"
#include "fs/fs_write.h"
#include "state/policy.h"

static void open_snapshot(struct fs_mount *m, fuse_req_t req, struct fs_inode *i,
                          struct fuse_file_info *fi, bool again);
static void open_changes(struct fs_mount *m, fuse_req_t req, struct fs_inode *i,
                         struct fuse_file_info *fi);
static void open_key_reader(struct fs_mount *m, fuse_req_t req, struct fs_inode *i,
                            struct fuse_file_info *fi);
static bool is_second_try(struct fs_mount *m, fuse_req_t req, const struct fs_inode *i);
static void reply_stale(struct fs_mount *m, fuse_req_t req, const struct fs_inode *i);

static int wanted_of(int flags)
{
    int mode = flags & O_ACCMODE;
    return (mode != O_WRONLY ? R_OK : 0) | (mode != O_RDONLY || (flags & O_TRUNC) ? W_OK : 0);
}

void fs_file_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    bool writes = (fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC);
    struct fs_handle *h;
    int error;
    if (!i || i->is_misnamed)
        fuse_reply_err(req, ESTALE);
    else if (writes && fs_echo_is_from(m, req))
        fs_file_reply_open(req, m, fs_write_handle_new(m, i), fi);
    else if ((error = fs_rights_check(m, i, wanted_of(fi->flags))))
        fuse_reply_err(req, error);
    else if (i->kind == FS_AGENT_SERVICE && writes)
        fs_file_reply_open(
            req, m, fs_file_new_writer(m, i, fi->flags | O_TRUNC, fuse_req_ctx(req)->pid), fi);
    else if (i->kind == FS_EVENT && writes)
        fs_file_reply_open(req, m, fs_file_new_writer(m, i, O_APPEND, fuse_req_ctx(req)->pid), fi);
    else if (i->kind == FS_EVENT)
        fs_file_reply_open(req, m, fs_write_handle_new(m, i), fi);
    else if (i->kind != FS_KV_FILE && writes)
        fuse_reply_err(req, EROFS);
    else if (i->kind == FS_FACT || i->kind == FS_AGENT_SERVICE)
        fs_facts_answer(m, req, i, fi);
    else if (i->kind == FS_CHANGES)
        open_changes(m, req, i, fi);
    else if (i->version && fs_text_is_kept(m, i->kind))
        fs_text_open(m, req, i, fi);
    else if (i->kind != FS_KV_FILE)
        open_snapshot(m, req, i, fi, false);
    else if (!writes)
        open_key_reader(m, req, i, fi);
    else if ((error = fs_file_open_writer(m, i, fi, fuse_req_ctx(req)->pid, &h)))
        fuse_reply_err(req, error);
    else
        fs_file_reply_open(req, m, h, fi);
}

void fs_file_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                  struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_handle *h = fs_handle_of(m, number, fi);
    struct fs_inode *i = h ? h->inode : fs_inode_get(&m->inodes, number);
    if (!i) {
        fuse_reply_err(req, ESTALE);
        return;
    }
    if (h && (h->has_lost_lock || h->is_lost)) {
        fuse_reply_err(req, EIO);
        return;
    }
    if (!h && i->reader_n == 0 && (i->kind == FS_KV_FILE || i->version)) {
        fs_heir_read(m, req, i, size, offset);
        return;
    }
    if (h && h->feed) {
        fs_feed_read(m, h->feed, req, size);
        return;
    }
    if (h && i->kind == FS_EVENT) {
        fs_event_read(m, h, req, size, (uint64_t)offset);
        return;
    }
    if (h && h->writes && h->appends) { /* what is there, and what was added */
        struct buf whole;
        uint64_t version;
        buf_init(&whole, 0);
        struct view v = fs_mount_view(m);
        (void)fs_write_committed(m, &v, i, &whole, &version);
        env_view_end(&v);
        buf_put_str(&whole, buf_str(&h->data));
        struct str rest = str_take(str_drop(buf_str(&whole), (size_t)offset), size);
        fuse_reply_buf(req, rest.p, rest.n);
        buf_fini(&whole);
        return;
    }
    struct str all = buf_str(h ? &h->data : &i->value);
    struct str part = str_take(str_drop(all, (size_t)offset), size);
    fuse_reply_buf(req, part.p, part.n);
}

void fs_file_write(fuse_req_t req, fuse_ino_t number, const char *bytes, size_t size, off_t offset,
                   struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_handle *h = fs_handle_of(m, number, fi);
    if (!h || !h->writes) {
        fuse_reply_err(req, EBADF);
        return;
    }
    h->pid = fuse_req_ctx(req)->pid;
    int error = h->is_lost ? EIO : fs_write_put(m, h, str_make(bytes, size), (uint64_t)offset);
    if (error)
        fuse_reply_err(req, error);
    else
        fuse_reply_write(req, size);
}

void fs_file_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_handle *h = fs_handle_of(m, number, fi);
    if (!h || !h->writes || (!h->is_dirty && !h->poison && !h->commit)) {
        bool killed = h && h->is_touched && fs_process_was_signaled(fuse_req_ctx(req)->pid);
        if (killed)
            h->was_killed = true;
        fuse_reply_err(req, 0);
    } else if (h->poison || h->has_lost_lock) {
        fuse_reply_err(req, h->poison ? h->poison : EIO);
    } else if (h->is_dirty && fs_process_was_signaled(fuse_req_ctx(req)->pid)) {
        h->was_killed = true;
        fuse_reply_err(req, 0);
    } else {
        fs_write_commit(m, h, req, false);
    }
}

void fs_file_fsync(fuse_req_t req, fuse_ino_t number, int data_only, struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    struct fs_handle *h = fs_handle_of(m, number, fi);
    int error = h && h->poison ? h->poison : h && h->has_lost_lock ? EIO : 0;
    bool has_own = h && h->writes && (h->is_dirty || h->commit);
    if (!error && i && !has_own)
        error = fs_write_take_unseen(m, i);
    if (error || !h || !h->writes)
        fuse_reply_err(req, error);
    else
        fs_write_commit(m, h, req, true);
}

void fs_file_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_handle *h = fs_handle_of(m, number, fi);
    if (fi->flock_release)
        fs_lock_released(m, fi->lock_owner);
    struct fs_inode *i = h ? NULL : fs_inode_get(&m->inodes, number);
    if (h)
        fs_write_release(m, h);
    if (i && i->reader_n > 0 && --i->reader_n == 0) {
        buf_fini(&i->value);
        fs_inode_settle(&m->inodes, i);
    }
    fuse_reply_err(req, 0); /* after it is noted (fs_leave.h) that it is closed */
}

bool fs_file_make_direct(struct fs_mount *m, struct fs_inode *i)
{
    ASSERT(i->kind == FS_KV_FILE);
    if (!i->is_direct && (i->reader_n > 0 || i->is_heir))
        return false;
    i->is_direct = true;
    return true;
}

bool fs_file_is_awaited(struct fs_mount *m, const struct fs_node *node)
{
    return fs_stale_awaits(&m->stale, node->a, env_now(m->env));
}

void fs_file_writer_left(struct fs_mount *m, struct fs_inode *i)
{
    struct fs_node node = fs_inode_node(i);
    ASSERT(i->writer_n > 0);
    --i->writer_n;
    if (i->kind == FS_AGENT_SERVICE) {
        if (i->writer_n == 0 && i->is_pending) /* refused */
            fs_inode_retire(&m->inodes, i);
        return;
    }
    if (i->kind == FS_EVENT)
        return;
    if (i->scratch)
        fs_scratch_closed(m, i);
    if (i->writer_n > 0 || !i->is_current || i->scratch || fs_file_is_awaited(m, &node))
        return;
    fs_inode_retire(&m->inodes, i);
    fs_change_inode(m, i);
    if (m->notify)
        fs_notify_flush(m->notify);
}

/* again: it is the second try, which must not end with ESTALE. */
static void open_snapshot(struct fs_mount *m, fuse_req_t req, struct fs_inode *i,
                          struct fuse_file_info *fi, bool again)
{
    struct fs_handle *h = fs_write_handle_new(m, i);
    struct fs_node node = fs_inode_node(i);
    int r = 0;
    struct view v = fs_mount_view(m);
    if (i->kind != FS_KV_FILE)
        r = fs_tree_read(&m->tree, &v, &node, &h->data);
    else if (!fs_write_committed(m, &v, i, &h->data, &h->base_version))
        r = -ENOENT;
    env_view_end(&v);
    if (r < 0) { /* a key that is gone: its name is looked up once more */
        if (i->kind == FS_KV_FILE && !again)
            reply_stale(m, req, i);
        else
            fuse_reply_err(req, fs_errno_of(r));
        fs_write_release(m, h);
        return;
    }
    fs_file_reply_open(req, m, h, fi);
}

static void open_changes(struct fs_mount *m, fuse_req_t req, struct fs_inode *i,
                         struct fuse_file_info *fi)
{
    struct fs_handle *h = fs_write_handle_new(m, i);
    h->pid = fuse_req_ctx(req)->pid;
    fs_feed_open(m, h);
    fi->nonseekable = 1;
    fs_file_reply_open(req, m, h, fi);
}

static void open_key_reader(struct fs_mount *m, fuse_req_t req, struct fs_inode *i,
                            struct fuse_file_info *fi)
{
    struct fs_node node = fs_inode_node(i);
    struct kv_entry e;
    uint64_t index;
    bool again = is_second_try(m, req, i);
    if (i->is_pending && i->is_current) { /* unless somebody else has made it meanwhile */
        struct view v = fs_mount_view(m);
        i->is_pending = fs_scratch_is_doomed(m, node.a) || !kv_get(&v, node.a, &e, &index);
        env_view_end(&v);
    }
    if (i->is_pending && i->is_current) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    if (i->is_direct && !i->is_unlinked) {
        if (i->writer_n == 0 && !i->scratch && !fs_file_is_awaited(m, &node))
            fs_change_retire(m, i); /* the name leads to one to be cached from now on */
        if (i->is_current || again)
            open_snapshot(m, req, i, fi, again);
        else
            reply_stale(m, req, i);
        return;
    }
    struct view v = fs_mount_view(m);
    bool is_there = kv_get(&v, node.a, &e, &index);
    bool is_newest = is_there && i->is_current && e.modify_index == i->version;
    if (is_newest && i->reader_n == 0)
        buf_put_str(&i->value, e.value);
    env_view_end(&v);
    if (!is_newest) {
        fs_change_retire(m, i);
        if (again)
            open_snapshot(m, req, i, fi, true);
        else
            reply_stale(m, req, i);
        return;
    }
    i->reader_n++;
    fi->fh = 0;
    fi->keep_cache = 1;
    fi->noflush = 1;
    if (fuse_reply_open(req, fi) == -ENOENT && --i->reader_n == 0) {
        buf_fini(&i->value);
        fs_inode_settle(&m->inodes, i);
    }
}

static void open_scratch_writer(struct fs_mount *m, struct fs_inode *i,
                                const struct fuse_file_info *fi, int32_t pid,
                                struct fs_handle **ret)
{
    struct fs_handle *h = fs_file_new_writer(m, i, fi->flags, pid);
    h->is_touched = h->is_blind;
    if (!h->appends && !h->is_blind)
        buf_put_str(&h->data, buf_str(&i->scratch->value));
    timers_cancel(m->env->timers, &i->scratch->timer);
    *ret = h;
}

/* Its name was taken away between the kernel's lookup and its open, and so was the one it found
 * when it tried again. What is written to it goes nowhere, as when the open had come before the
 * other's rename; who wants what was in it is told. */
static int open_unlinked_writer(struct fs_mount *m, struct fs_inode *i,
                                const struct fuse_file_info *fi, int32_t pid, bool again,
                                struct fs_handle **ret)
{
    bool is_cached = !i->is_direct && i->reader_n > 0;
    if (!again || is_cached || !(fi->flags & (O_TRUNC | O_APPEND)))
        return fs_file_stale(m, i, pid);
    i->is_direct = true;
    *ret = fs_file_new_writer(m, i, fi->flags, pid);
    return 0;
}

int fs_file_open_writer(struct fs_mount *m, struct fs_inode *i, const struct fuse_file_info *fi,
                        int32_t pid, struct fs_handle **ret)
{
    struct kv_entry e = {.modify_index = 0};
    uint64_t index;
    struct fs_node node = fs_inode_node(i);
    int error = i->scratch ? 0 : fs_write_preflight(m);
    if (!error && !i->scratch && !i->is_unlinked)
        error = fs_write_right(m, node.a);
    if (error)
        return error;
    bool again = fs_stale_take(&m->stale, fs_inode_node(i).a, pid, i->number, env_now(m->env)) ||
                 fs_heir_may_be_second(m, i);
    if (i->is_unlinked)
        return open_unlinked_writer(m, i, fi, pid, again, ret);
    if (i->scratch) {
        open_scratch_writer(m, i, fi, pid, ret);
        return 0;
    }
    struct view v = fs_mount_view(m);
    bool is_there = kv_get(&v, node.a, &e, &index), is_new = i->is_pending;
    if (!is_there && again) /* deleted once more: it is made, as O_CREAT would */
        is_new = fi->flags & (O_TRUNC | O_APPEND);
    if (!again && !i->is_current) { /* its name may mean another key by now */
        error = fs_file_stale(m, i, pid);
    } else if (!is_there && !is_new) {
        fs_change_retire(m, i);
        error = again ? ENOENT : fs_file_stale(m, i, pid);
    } else if (!fs_file_make_direct(m, i)) {
        error = fs_file_stale(m, i, pid);
    } else {
        struct fs_handle *h = fs_file_new_writer(m, i, fi->flags, pid);
        i->is_pending = is_new;
        if (is_there && i->version != e.modify_index) {
            i->version = e.modify_index;
            i->size = e.value.n;
            fs_notify_attr(m->notify, i->number); /* it may have been cached */
            fs_notify_flush(m->notify);
        }
        h->base_version = e.modify_index;
        h->is_touched = h->is_blind || i->is_pending;
        if (is_there && !h->appends && !h->is_blind)
            buf_put_str(&h->data, e.value);
        *ret = h;
    }
    env_view_end(&v);
    return error;
}

struct fs_handle *fs_file_new_writer(struct fs_mount *m, struct fs_inode *i, int flags, int32_t pid)
{
    struct fs_handle *h = fs_write_handle_new(m, i);
    h->writes = true;
    h->is_blind = flags & O_TRUNC;
    h->appends = (flags & O_APPEND) && !(flags & O_TRUNC);
    h->pid = pid;
    i->writer_n++;
    list_push(&i->writers, &h->link);
    return h;
}

void fs_file_reply_open(fuse_req_t req, struct fs_mount *m, struct fs_handle *h,
                        struct fuse_file_info *fi)
{
    fi->fh = h->number;
    fi->direct_io = 1;
    fi->noflush = !h->writes;
    if (fuse_reply_open(req, fi) == -ENOENT) {
        h->is_touched = false;
        fs_write_release(m, h);
    }
}

static bool is_second_try(struct fs_mount *m, fuse_req_t req, const struct fs_inode *i)
{
    return fs_stale_take(&m->stale, fs_inode_node(i).a, fuse_req_ctx(req)->pid, i->number,
                         env_now(m->env)) ||
           m->channel.is_resent || fs_heir_may_be_second(m, i);
}

static void reply_stale(struct fs_mount *m, fuse_req_t req, const struct fs_inode *i)
{
    fs_stale_note(&m->stale, fs_inode_node(i).a, fuse_req_ctx(req)->pid, i->number, false,
                  env_now(m->env));
    fuse_reply_err(req, ESTALE);
}

int fs_file_stale(struct fs_mount *m, const struct fs_inode *i, int32_t pid)
{
    fs_stale_note(&m->stale, fs_inode_node(i).a, pid, i->number, true, env_now(m->env));
    return ESTALE;
}
