/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An open file goes on where it was when that can be said honestly:
 *
 *   a reader's snapshot    its bytes, when they were few enough to be written down
 *   a writer               what it has not committed, if that was written down; else EIO at the
 *                          next write, fsync and close
 *   one that appends       if it has nothing that may have been committed already
 *   .changes               begins with an overflow
 *   a file of this mount   (an editor's) is gone with the agent that had it: EIO
 */
#include "fs/fs_heir_open.h"

#include <errno.h>

#include "base/log.h"
#include "fs/fs_change.h"
#include "fs/fs_event.h"
#include "fs/fs_feed.h"
#include "fs/fs_handle.h"
#include "fs/fs_heir.h"
#include "fs/fs_leave.h"
#include "fs/fs_lock.h"
#include "fs/fs_wire.h"
#include "fs/fs_write.h"

struct entry {
    struct fs_mount *m;
    size_t handle_n, lost_n, lock_n;
    struct buf locks; /* keys: size, bytes */
};

static struct fs_handle *make(struct fs_mount *m, struct fs_inode *i, uint64_t number)
{
    struct fs_handle *h = fs_write_handle_new(m, i);
    fs_leave_no_handle(m, h);
    fs_handle_remove(m, h->number);
    h->number = fs_handle_add(m, h, number);
    h->is_heir = true;
    h->noted = 1; /* it stands in the table, and not as it is now */
    return h;
}

static void lose(struct fs_handle *h)
{
    h->is_lost = true;
    h->is_dirty = h->is_touched = false;
    h->poison = EIO;
}

struct fs_handle *fs_heir_lost(struct fs_mount *m, uint64_t inode, uint64_t number)
{
    struct fs_inode *i = fs_inode_get(&m->inodes, inode);
    if (!i)
        return NULL;
    struct fs_handle *h = make(m, i, number);
    lose(h);
    return h;
}

/* The bytes of a writer that were not written down are those of the version it has. */
static bool get_committed(struct fs_mount *m, struct fs_handle *h)
{
    struct kv_entry e;
    uint64_t index;
    struct view v = fs_mount_view(m);
    bool is_there =
        kv_get(&v, fs_inode_node(h->inode).a, &e, &index) && e.modify_index == h->base_version;
    if (is_there)
        buf_put_str(&h->data, e.value);
    env_view_end(&v);
    return is_there;
}

static bool go_on_writing(struct fs_mount *m, struct fs_handle *h, unsigned bits)
{
    bool is_key = h->inode->kind == FS_KV_FILE, has_data = bits & FS_LEAVE_HAS_DATA;
    bool is_open = bits & (FS_LEAVE_DIRTY | FS_LEAVE_COMMITTING);
    if (m->users || (is_key && h->inode->is_unlinked && is_open))
        return false;
    if (is_open && (!is_key || !has_data || h->appends))
        return false;
    if (bits & FS_LEAVE_COMMITTING) { /* it may have happened */
        h->is_dirty = true;
        h->is_guarded = true;
    }
    if (h->is_touched)
        h->is_guarded = true;
    return has_data || !is_key || h->appends || get_committed(m, h);
}

static bool go_on(struct fs_mount *m, struct fs_handle *h, unsigned bits)
{
    if (h->writes)
        return go_on_writing(m, h, bits);
    if (h->inode->kind == FS_EVENT)
        return true;
    if (h->inode->kind != FS_CHANGES)
        return bits & FS_LEAVE_HAS_DATA;
    if (m->users || (bits & FS_LEAVE_REPEATER))
        return false;
    fs_feed_open(m, h);
    fs_feed_miss(m, h->feed);
    return true;
}

static void on_handle(struct entry *at, uint64_t number, struct str value)
{
    struct fs_mount *m = at->m;
    struct cursor c = cursor_make(value);
    unsigned bits = cursor_u16(&c);
    struct fs_inode *i = fs_inode_get(&m->inodes, cursor_u64(&c));
    uint64_t base_version = cursor_u64(&c), flags = cursor_u64(&c);
    uint32_t pid = cursor_u32(&c), poison = cursor_u32(&c);
    if (c.bad || !i)
        return;
    struct fs_handle *h = make(m, i, number);
    h->base_version = base_version;
    h->flags = flags;
    h->pid = (int32_t)pid;
    h->poison = (int)poison;
    h->writes = bits & FS_LEAVE_WRITES;
    h->appends = bits & FS_LEAVE_APPENDS;
    h->is_blind = bits & FS_LEAVE_BLIND;
    h->is_exclusive = bits & FS_LEAVE_EXCLUSIVE;
    h->is_dirty = bits & FS_LEAVE_DIRTY;
    h->is_touched = bits & FS_LEAVE_TOUCHED;
    h->is_guarded = bits & FS_LEAVE_GUARDED;
    h->has_lost_lock = bits & FS_LEAVE_HANDLE_LOST_LOCK;
    h->has_flags = bits & FS_LEAVE_HAS_FLAGS;
    if (bits & FS_LEAVE_HAS_DATA)
        buf_put_str(&h->data, cursor_bytes(&c, cursor_left(&c)));
    if (h->writes) {
        i->writer_n++;
        list_push(&i->writers, &h->link);
    }
    at->handle_n++;
    if (!go_on(m, h, bits)) {
        lose(h);
        at->lost_n++;
    }
    fs_leave_handle(m, h);
}

static void on_lock(struct entry *at, uint64_t owner, struct str value)
{
    struct fs_mount *m = at->m;
    struct cursor c = cursor_make(value);
    struct fs_inode *i = fs_inode_get(&m->inodes, cursor_u64(&c));
    uint64_t handle = cursor_u64(&c);
    bool is_exclusive = cursor_u8(&c);
    if (c.bad || !i || i->kind != FS_KV_FILE)
        return;
    struct str key = fs_inode_node(i).a;
    fs_lock_inherit(m, key, i, fs_handle_find(m, handle), owner, is_exclusive);
    buf_put_u32(&at->locks, (uint32_t)key.n);
    buf_put_str(&at->locks, key);
    at->lock_n++;
}

static void on_entry(void *data, enum fs_will_kind kind, uint64_t key, struct str value)
{
    struct entry *at = data;
    struct fs_mount *m = at->m;
    if (kind == FS_WILL_HANDLE)
        on_handle(at, key, value);
    else if (kind == FS_WILL_LOCK)
        on_lock(at, key, value);
    else if (kind == FS_WILL_SESSION)
        (void)str_copy_z(value, m->lock_session, sizeof(m->lock_session));
    else if (kind == FS_WILL_EVENTS)
        fs_event_inherit(m, value);
    else if (kind == FS_WILL_POLL) {
        (void)!fs_wire_wake(fuse_session_fd(m->session), key);
        fs_leave_no_poll(m, key);
    }
}

static bool on_locked(void *data, const struct kv_entry *e)
{
    struct entry *at = data;
    if (str_eq_z(e->session, at->m->lock_session)) {
        buf_put_u32(&at->locks, (uint32_t)e->key.n);
        buf_put_str(&at->locks, e->key);
    }
    return true;
}

/* Are the locks still ours? Those that somebody just gave back are let go. */
static void judge_locks(struct entry *at)
{
    struct fs_mount *m = at->m;
    struct view v = fs_mount_view(m);
    if (m->lock_session[0])
        kv_locked(&v, on_locked, at);
    env_view_end(&v);
    struct cursor c = cursor_make(buf_str(&at->locks));
    while (cursor_left(&c) > 0) {
        char session[37] = "";
        struct kv_entry e;
        uint64_t index;
        struct str key = cursor_bytes(&c, cursor_u32(&c));
        v = fs_mount_view(m);
        if (kv_get(&v, key, &e, &index))
            (void)str_copy_z(e.session, session, sizeof(session));
        env_view_end(&v);
        e = (struct kv_entry){.session = str_z(session)};
        if (m->lock_session[0] && strcmp(session, m->lock_session) == 0)
            fs_lock_inherit(m, key, NULL, NULL, 0, false);
        else
            fs_lock_changed(m, key, &e);
    }
}

void fs_heir_enter(struct fs_mount *m)
{
    struct entry at = {.m = m};
    buf_init(&at.locks, 0);
    struct view v = fs_mount_view(m);
    m->seen_index = view_index(&v);
    env_view_end(&v);
    int r = fs_will_read(m->will, on_entry, &at);
    memcpy(m->left_session, m->lock_session, sizeof(m->left_session));
    judge_locks(&at);
    buf_fini(&at.locks);
    m->is_heir = false;
    fs_leave_flush(m);
    fs_change_everything(m);
    if (r == 0)
        r = fs_wire_resend(fuse_session_fd(m->session));
    if (r < 0)
        log_warn("mount", "%s: what was asked before may not be answered: %s", m->path,
                 error_text(r));
    log_info("mount", "%s: goes on: files=%zu lost=%zu locks=%zu", m->path, at.handle_n, at.lost_n,
             at.lock_n);
}
