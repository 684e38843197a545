/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When is a file committed?
 *
 *   - FLUSH (close of a descriptor) and FSYNC with bytes not committed: the whole buffer, and the
 *     answer waits for the outcome, so that close() reports it.
 *   - A file only made or emptied (`: > f`, touch) is committed by RELEASE, the last close: a shell
 *     sends a FLUSH for its own descriptor before the command has written anything, and an empty
 *     value must not show then. RELEASE is not waited for by close(), so other requests are
 *     held back until that commit is done.
 *   - A write that failed poisons the handle: its value would be cut short, so it is dropped.
 *   - A writer that is being killed does not commit (flag PF_SIGNALED of the dying process).
 *
 * What is committed: O_TRUNC replaces whatever is there; O_APPEND adds, replicated, so that appends
 * from two hosts are both kept; everything else replaces the version that was opened or fails
 * (ESTALE, for O_EXCL EEXIST).
 */
#include "fs/fs_write.h"

#include <errno.h>
#include <fcntl.h>

#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_agent.h"
#include "fs/fs_change.h"
#include "fs/fs_errno.h"
#include "fs/fs_event.h"
#include "fs/fs_feed.h"
#include "fs/fs_file.h"
#include "fs/fs_handle.h"
#include "fs/fs_heir.h"
#include "fs/fs_leave.h"
#include "fs/fs_process.h"
#include "fs/fs_rights.h"
#include "fs/fs_scratch.h"
#include "state/policy.h"

static void on_written(struct write *write);
static void on_deadline(struct timer *t, struct instant now);
static void on_interrupt(fuse_req_t req, void *data);
static void on_committed(struct fs_wait *w, int error);
static void not_busy(struct fs_wait *w);
static void note_unseen(struct fs_mount *m, const struct fs_inode *i, int error);
static void drop_committed(struct fs_handle *h, size_t n);
static void free_handle(struct fs_mount *m, struct fs_handle *h);

int fs_write_preflight(const struct fs_mount *m)
{
    int64_t storage = (int64_t)published_get(m->env->published, PUBLISHED_STORAGE_ERROR);
    if (storage != 0)
        return fs_errno_of(storage > 0 ? (int)-storage : (int)storage);
    if (!published_get(m->env->published, PUBLISHED_KNOWS_LEADER))
        return ETIMEDOUT;
    return 0;
}

int fs_write_right(struct fs_mount *m, struct str key)
{
    struct view v = fs_mount_view(m);
    int error = policy_permits(&v, ACL_KEY, key, ACL_WRITE) ? 0 : EACCES;
    env_view_end(&v);
    if (error)
        fs_rights_note(m, NULL, "write");
    return error;
}

/* ---- waits ---- */

struct fs_wait *fs_write_wait_new(struct fs_mount *m, fuse_req_t req,
                                  void (*done)(struct fs_wait *w, int error))
{
    struct fs_wait *w = mem_new(struct fs_wait);
    w->mount = m;
    w->req = req;
    w->done = done;
    w->token = fs_mount_token(m);
    w->timer.fire = on_deadline;
    w->is_resent = req && m->channel.is_resent;
    buf_init(&w->key, 0);
    buf_init(&w->to, 0);
    buf_init(&w->write.command, 0);
    list_init(&w->next);
    list_init(&w->link);
    list_push(&m->waits, &w->link);
    return w;
}

void fs_write_wait_free(struct fs_wait *w)
{
    ASSERT(!w->req);
    not_busy(w);
    if (w->holds)
        fs_mount_unhold(w->mount);
    timers_cancel(w->mount->env->timers, &w->timer);
    list_remove(&w->link);
    list_remove(&w->next);
    if (w->is_submitted)
        write_fini(&w->write);
    else
        buf_fini(&w->write.command);
    buf_fini(&w->key);
    buf_fini(&w->to);
    mem_free(w);
}

void fs_write_submit(struct fs_wait *w)
{
    w->is_submitted = true;
    w->write.done = on_written;
    w->write.token = w->token;
    write_submit(w->mount->env, &w->write);
    fs_write_bound(w, w->holds ? FS_WRITE_HOLD_MS : FS_WRITE_WAIT_MS);
}

void fs_write_bound(struct fs_wait *w, int64_t wait_ms)
{
    struct env *env = w->mount->env;
    timers_set(env->timers, &w->timer, instant_add(env_now(env), DURATION_MS(wait_ms)));
    if (w->req)
        fuse_req_interrupt_func(w->req, on_interrupt, w);
}

void fs_write_submit_op(struct fs_wait *w, struct kv_op *op, const uint64_t *flags)
{
    struct kv_entry e;
    uint64_t index;
    struct view v = fs_mount_view(w->mount);
    if (flags)
        op->flags = *flags;
    else if (op->verb != KV_DELETE && kv_get(&v, op->key, &e, &index))
        op->flags = e.flags;
    env_view_end(&v);
    kv_encode(op, &w->write.command);
    fs_write_submit(w);
}

fuse_req_t fs_write_take_req(struct fs_wait *w)
{
    fuse_req_t req = w->req;
    w->req = NULL;
    if (req)
        fuse_req_interrupt_func(req, NULL, NULL);
    return req;
}

void fs_write_reply(struct fs_wait *w, int error)
{
    fuse_req_t req = fs_write_take_req(w);
    if (req)
        fuse_reply_err(req, error);
    not_busy(w);
}

void fs_write_busy(struct fs_wait *w, struct fs_inode *dir, struct fs_inode *dir2)
{
    w->dir = dir;
    dir->busy_n++;
    if (dir2 && dir2 != dir) {
        w->dir2 = dir2;
        dir2->busy_n++;
    }
}

bool fs_write_is_own(const struct fs_mount *m, struct str key)
{
    LIST_FOREACH (&m->waits, l) {
        const struct fs_wait *w = LIST_ITEM(l, struct fs_wait, link);
        if (!w->dir || !w->is_submitted)
            continue;
        if (w->is_tree
                ? str_has_prefix(key, buf_str(&w->key)) || str_has_prefix(key, buf_str(&w->to))
                : str_eq(key, buf_str(&w->key)) || str_eq(key, buf_str(&w->to)))
            return true;
    }
    return false;
}

void fs_write_abandon(struct fs_mount *m)
{
    LIST_FOREACH (&m->waits, l)
        fs_write_reply(LIST_ITEM(l, struct fs_wait, link), ESHUTDOWN);
}

static void not_busy(struct fs_wait *w)
{
    struct fs_inode *dirs[] = {w->dir, w->dir2};
    w->dir = w->dir2 = NULL;
    for (int i = 0; i < 2; i++)
        if (dirs[i] && --dirs[i]->busy_n == 0) {
            fs_change_unpark(w->mount, dirs[i]);
            fs_inode_settle(&w->mount->inodes, dirs[i]);
        }
}

static void on_written(struct write *write)
{
    struct fs_wait *w = LIST_ITEM(write, struct fs_wait, write);
    int status = write->status;
    w->ok = true;
    if (status == 0)
        status = write->result.status;
    if (status == 0 && !w->is_plain &&
        kv_decode_result(buf_str(&write->result.body), &w->ok, &w->version) < 0)
        status = ERR_CORRUPT;
    if (status == ERR_DENIED || status == ERR_NO_TOKEN)
        fs_rights_note(w->mount, w->handle ? w->handle->inode : w->inode, "commit");
    struct fs_mount *m = w->mount;
    fs_rights_as(m, w->token);
    w->done(w, fs_errno_of(status));
    fs_rights_end(m);
}

static void on_deadline(struct timer *t, struct instant now)
{
    struct fs_wait *w = LIST_ITEM(t, struct fs_wait, timer);
    if (w->holds) {
        w->holds = false;
        fs_mount_unhold(w->mount);
    }
    fs_write_reply(w, ETIMEDOUT);
}

/* Called by libfuse on this thread, from inside process_buf. Any signal gets here, also a stop or a
 * child's end: the command is on its way, so only who can no longer hear the outcome is let go. */
static void on_interrupt(fuse_req_t req, void *data)
{
    struct fs_wait *w = data;
    if (w->req == req && fs_process_is_dying(fuse_req_ctx(req)->pid))
        timers_set(w->mount->env->timers, &w->timer, env_now(w->mount->env));
}

/* ---- handles ---- */

struct fs_handle *fs_write_handle_new(struct fs_mount *m, struct fs_inode *i)
{
    struct fs_handle *h = mem_new(struct fs_handle);
    h->inode = i;
    h->token = fs_mount_token(m);
    i->open_n++;
    buf_init(&h->data, 0);
    list_init(&h->link);
    list_init(&h->waiting);
    list_push(&m->handles, &h->all);
    list_init(&h->changed);
    h->number = fs_handle_add(m, h, 0);
    fs_leave_handle(m, h);
    return h;
}

size_t fs_write_size(const struct fs_handle *h)
{
    return (h->appends ? h->inode->size : 0) + h->data.n;
}

int fs_write_put(struct fs_mount *m, struct fs_handle *h, struct str bytes, uint64_t offset)
{
    struct fs_scratch *s = h->inode->scratch;
    bool is_local = s && !s->is_draft;
    int error = h->has_lost_lock ? EIO
                : s              ? fs_scratch_room(m, h->data.n + bytes.n)
                                 : fs_write_preflight(m);
    uint64_t end = (h->appends ? fs_write_size(h) : offset) + bytes.n;
    if (!error && end > (is_local ? FS_SCRATCH_SIZE_MAX : m->value_max))
        error = EFBIG;
    if (error) {
        h->poison = error;
        return error;
    }
    if (h->appends) { /* the kernel's offset is a guess */
        buf_put_str(&h->data, bytes);
    } else {
        while (h->data.n < end) {
            size_t gap = (size_t)end - h->data.n;
            char *p = buf_reserve(&h->data, gap);
            memset(p, 0, gap);
            h->data.n += gap;
        }
        memcpy(h->data.p + offset, bytes.p, bytes.n);
    }
    h->is_dirty = true;
    h->was_killed = false;
    return 0;
}

void fs_write_make_whole(struct fs_mount *m, struct fs_handle *h)
{
    if (!h->appends)
        return;
    struct buf whole;
    buf_init(&whole, 0);
    struct view v = fs_mount_view(m);
    (void)fs_write_committed(m, &v, h->inode, &whole, &h->base_version);
    env_view_end(&v);
    buf_put_str(&whole, buf_str(&h->data));
    buf_fini(&h->data);
    h->data = whole;
    h->appends = false;
}

bool fs_write_committed(struct fs_mount *m, struct view *v, const struct fs_inode *i,
                        struct buf *out, uint64_t *ret_version)
{
    struct fs_node node = fs_inode_node(i);
    struct kv_entry e;
    uint64_t index;
    *ret_version = 0;
    if (i->scratch) {
        buf_put_str(out, buf_str(&i->scratch->value));
        return true;
    }
    if (i->is_pending || !kv_get(v, node.a, &e, &index))
        return false;
    buf_put_str(out, e.value);
    *ret_version = e.modify_index;
    return true;
}

int fs_write_truncate(struct fs_mount *m, struct fs_handle *h, uint64_t size)
{
    if (size > m->value_max)
        return EFBIG;
    fs_write_make_whole(m, h);
    if (size > h->data.n) {
        size_t gap = (size_t)size - h->data.n;
        memset(buf_reserve(&h->data, gap), 0, gap);
    }
    h->data.n = (size_t)size;
    h->is_dirty = true;
    h->was_killed = false;
    return 0;
}

void fs_write_commit(struct fs_mount *m, struct fs_handle *h, fuse_req_t req, bool is_heard)
{
    if (h->inode->kind == FS_AGENT_SERVICE) {
        fs_agent_commit(m, h, req);
        return;
    }
    if (h->inode->kind == FS_EVENT) {
        fs_event_fire(m, h, req);
        return;
    }
    struct fs_wait *w = fs_write_wait_new(m, req, on_committed);
    w->is_heard = is_heard;
    w->token = h->token;
    if (h->commit) {
        list_push(&h->waiting, &w->next);
        fs_write_bound(w, FS_WRITE_WAIT_MS);
        return;
    }
    if (h->inode->scratch) {
        fs_scratch_commit(m, h);
        fs_write_reply(w, 0);
        fs_write_wait_free(w);
        return;
    }
    if (h->inode->is_unlinked || (!h->is_dirty && !h->is_touched)) {
        h->is_dirty = h->is_touched = false;
        fs_write_reply(w, 0);
        fs_write_wait_free(w);
        return;
    }
    struct fs_node node = fs_inode_node(h->inode);
    struct kv_op op = {.key = node.a, .value = buf_str(&h->data)};
    if (h->appends && h->data.n > 0)
        op.verb = KV_APPEND;
    else if (h->is_blind && !h->is_exclusive && !h->is_guarded)
        op.verb = KV_SET;
    else {
        op.verb = KV_CAS;
        op.index = h->base_version;
    }
    w->handle = h;
    w->size = h->data.n;
    w->holds = req == NULL;
    if (w->holds)
        fs_mount_hold(m);
    h->commit = w;
    h->is_dirty = h->is_touched = false;
    fs_write_submit_op(w, &op, h->has_flags ? &h->flags : NULL);
}

static void on_committed(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    struct fs_handle *h = w->handle;
    struct fs_inode *i = h->inode;
    h->commit = NULL;
    fs_leave_handle(m, h);
    fs_inode_changed(&m->inodes, i);
    if (!error && !w->ok && fs_heir_wrote(m, h, &w->version))
        w->ok = true;
    if (!error && !w->ok)
        error = h->is_exclusive ? EEXIST : ESTALE;
    if (!error) {
        i->is_pending = false;
        h->is_exclusive = false;
        h->base_version = w->version;
        i->version = w->version;
        if (h->appends) {
            i->size += w->size;
            drop_committed(h, w->size);
        } else {
            i->size = w->size;
        }
        fs_scratch_spare(m, fs_inode_node(i).a);
        (void)fs_write_take_unseen(m, i); /* of no interest any more */
    } else if (!(w->is_heard && w->req) &&
               (w->req || error != ESTALE)) { /* touch: somebody else made it, which is as good */
        note_unseen(m, i, error);
    }
    fs_write_reply(w, error);
    fs_write_wait_free(w);

    struct list *l;
    struct list waiting;
    list_init(&waiting);
    while ((l = list_pop(&h->waiting)))
        list_push(&waiting, l);
    while ((l = list_pop(&waiting))) {
        struct fs_wait *next = LIST_ITEM(l, struct fs_wait, next);
        /* Who waits behind one whose bytes are sent now waits for these, too. */
        bool again = !error && (h->is_dirty || h->commit);
        fuse_req_t req = again ? fs_write_take_req(next) : NULL;
        bool is_heard = next->is_heard;
        if (!req)
            fs_write_reply(next, error);
        fs_write_wait_free(next);
        if (req)
            fs_write_commit(m, h, req, is_heard);
    }
    if (h->is_released && !h->commit)
        free_handle(m, h);
}

/* The built-in echo of most shells says nothing when close fails, and RELEASE cannot: the log has
 * it, and the next fsync of the key (`sync FILE`). */
static void note_unseen(struct fs_mount *m, const struct fs_inode *i, int error)
{
    struct fs_node node = fs_inode_node(i);
    log_warn("mount", "a commit at close failed: key=%.*s error=\"%s\"", STR_ARG(node.a),
             error_text(-error));
    m->unseen[m->unseen_i++ % FS_MOUNT_UNSEEN_N] =
        (struct fs_mount_unseen){str_hash(i->id, 0), error};
}

int fs_write_take_unseen(struct fs_mount *m, const struct fs_inode *i)
{
    uint64_t key = str_hash(i->id, 0);
    for (int u = 0; u < FS_MOUNT_UNSEEN_N; u++)
        if (m->unseen[u].error && m->unseen[u].key == key) {
            int error = m->unseen[u].error;
            m->unseen[u].error = 0;
            return error;
        }
    return 0;
}

void fs_write_release(struct fs_mount *m, struct fs_handle *h)
{
    h->is_released = true;
    if (h->writes && !h->commit && !h->has_lost_lock &&
        (h->is_dirty || (h->is_touched && h->inode->kind == FS_KV_FILE)) && !h->poison &&
        !h->was_killed && !h->inode->is_unlinked)
        fs_write_commit(m, h, NULL, false);
    if (!h->commit)
        free_handle(m, h);
}

static void free_handle(struct fs_mount *m, struct fs_handle *h)
{
    struct fs_inode *i = h->inode;
    ASSERT(list_is_empty(&h->waiting) && !h->commit);
    fs_leave_no_handle(m, h);
    fs_handle_remove(m, h->number);
    list_remove(&h->link);
    list_remove(&h->all);
    if (h->writes)
        fs_file_writer_left(m, i);
    i->open_n--;
    fs_feed_free(m, h->feed);
    buf_fini(&h->data);
    mem_free(h);
    fs_inode_settle(&m->inodes, i);
}

/* Bytes appended while the commit was on its way stay. */
static void drop_committed(struct fs_handle *h, size_t n)
{
    if (n < h->data.n)
        memmove(h->data.p, h->data.p + n, h->data.n - n);
    h->data.n -= n;
}
