/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_leave.h"

#include <unistd.h>

#include "agent/notify.h"
#include "base/log.h"
#include "fs/fs_feed.h"
#include "fs/fs_point.h"
#include "fs/fs_scratch.h"
#include "fs/fs_wire.h"
#include "fs/fs_write.h"

void fs_leave_open(struct fs_mount *m)
{
    struct error err;
    list_init(&m->changed_handles);
    if (!notify_is_heard() || !m->may_outlive)
        return;
    if (fs_will_new(&m->will, &err) < 0)
        log_warn("mount", "%s: open files will end with this agent: %s", m->path, err.text);
    m->inodes.notes = m->will != NULL;
}

void fs_leave_begin(struct fs_mount *m)
{
    struct str init = buf_str(&m->channel.init), answer = buf_str(&m->channel.answer);
    struct buf value;
    if (!m->will)
        return;
    if (!fs_wire_can_resend(init.p, init.n)) {
        log_info("mount", "%s: open files end with this agent: the kernel is older than 6.9",
                 m->path);
        fs_leave_end(m);
        return;
    }
    buf_init(&value, 0);
    buf_put_u16(&value, (uint16_t)strlen(m->path));
    buf_put_z(&value, m->path);
    buf_put_u16(&value, (uint16_t)strlen(m->options));
    buf_put_z(&value, m->options);
    char device[FS_POINT_DEVICE_SIZE];
    (void)fs_point_device(m->path, device);
    buf_put_u16(&value, (uint16_t)strlen(device));
    buf_put_z(&value, device);
    buf_put_u32(&value, (uint32_t)init.n);
    buf_put_str(&value, init);
    buf_put_u32(&value, (uint32_t)answer.n);
    buf_put_str(&value, answer);
    fs_will_put(m->will, FS_WILL_MOUNT, 0, buf_str(&value));
    buf_fini(&value);
    fs_leave_flush(m);
    if (!m->will)
        return;
    notify_keep(FS_LEAVE_TABLE_NAME, m->will->fd);
    notify_keep(FS_LEAVE_NAME, fuse_session_fd(m->session));
}

void fs_leave_end(struct fs_mount *m)
{
    if (!m->will)
        return;
    (void)!fs_will_set(m->will, m->will->life, UINT32_MAX);
    fs_will_free(m->will);
    m->will = NULL;
    m->inodes.notes = false;
    notify_forget(FS_LEAVE_NAME);
    notify_forget(FS_LEAVE_TABLE_NAME);
}

/* ---- inodes ---- */

static void put_inode(struct fs_mount *m, struct fs_inode *i)
{
    struct buf value;
    buf_init(&value, 0);
    unsigned bits = (i->is_current ? FS_LEAVE_CURRENT : 0) | (i->is_direct ? FS_LEAVE_DIRECT : 0) |
                    (i->is_pending ? FS_LEAVE_PENDING : 0) |
                    (i->is_unlinked ? FS_LEAVE_UNLINKED : 0) | (i->scratch ? FS_LEAVE_SCRATCH : 0) |
                    (i->has_lost_lock ? FS_LEAVE_LOST_LOCK : 0) |
                    (i->is_misnamed ? FS_LEAVE_MISNAMED : 0) | (i->is_ghost ? FS_LEAVE_GHOST : 0);
    buf_put_u16(&value, (uint16_t)bits);
    buf_put_u64(&value, i->parent);
    buf_put_u64(&value, i->lookup_n);
    buf_put_u64(&value, i->version);
    buf_put_u64(&value, i->size);
    buf_put_u64(&value, (uint64_t)i->mtime_ns);
    buf_put_str(&value, i->id);
    fs_will_put(m->will, FS_WILL_INODE, i->number, buf_str(&value));
    buf_fini(&value);
    i->is_noted = true;
}

static void put_inodes(struct fs_mount *m)
{
    struct fs_inodes *t = &m->inodes;
    struct list *l;
    while ((l = list_pop(&t->changed)))
        put_inode(m, LIST_ITEM(l, struct fs_inode, changed));
    struct cursor c = cursor_make(buf_str(&t->gone));
    while (cursor_left(&c) > 0)
        fs_will_drop(m->will, FS_WILL_INODE, cursor_u64(&c));
    buf_clear(&t->gone);
}

/* ---- open files ---- */

void fs_leave_handle(struct fs_mount *m, struct fs_handle *h)
{
    if (m->will && !list_is_linked(&h->changed))
        list_push(&m->changed_handles, &h->changed);
}

void fs_leave_no_handle(struct fs_mount *m, struct fs_handle *h)
{
    list_remove(&h->changed);
    if (m->will && h->noted)
        fs_will_drop(m->will, FS_WILL_HANDLE, h->number);
    h->noted = 0;
}

static unsigned handle_bits(const struct fs_mount *m, const struct fs_handle *h)
{
    return (h->writes ? FS_LEAVE_WRITES : 0) | (h->appends ? FS_LEAVE_APPENDS : 0) |
           (h->is_blind ? FS_LEAVE_BLIND : 0) | (h->is_exclusive ? FS_LEAVE_EXCLUSIVE : 0) |
           (h->is_dirty ? FS_LEAVE_DIRTY : 0) | (h->is_touched ? FS_LEAVE_TOUCHED : 0) |
           (h->is_guarded ? FS_LEAVE_GUARDED : 0) |
           (h->has_lost_lock ? FS_LEAVE_HANDLE_LOST_LOCK : 0) |
           (h->has_flags ? FS_LEAVE_HAS_FLAGS : 0) | (h->commit ? FS_LEAVE_COMMITTING : 0) |
           (h->feed && h->feed == m->repeater ? FS_LEAVE_REPEATER : 0);
}

static void put_handle(struct fs_mount *m, struct fs_handle *h, size_t data_max)
{
    struct buf value;
    if (h->noted && !h->writes && h->inode->kind != FS_CHANGES) /* a snapshot stays as it is */
        return;
    bool has_data = h->data.n <= data_max;
    buf_init(&value, 0);
    buf_put_u16(&value, (uint16_t)(handle_bits(m, h) | (has_data ? FS_LEAVE_HAS_DATA : 0)));
    buf_put_u64(&value, h->inode->number);
    buf_put_u64(&value, h->base_version);
    buf_put_u64(&value, h->flags);
    buf_put_u32(&value, (uint32_t)h->pid);
    buf_put_u32(&value, (uint32_t)h->poison);
    if (has_data)
        buf_put_str(&value, buf_str(&h->data));
    uint64_t sum = str_hash(buf_str(&value), 1) | 1;
    if (sum != h->noted)
        fs_will_put(m->will, FS_WILL_HANDLE, h->number, buf_str(&value));
    h->noted = sum;
    buf_fini(&value);
}

static void put_handles(struct fs_mount *m)
{
    struct list *l;
    while ((l = list_pop(&m->changed_handles)))
        put_handle(m, LIST_ITEM(l, struct fs_handle, changed), FS_LEAVE_DATA_MAX);
}

/* ---- the rest ---- */

void fs_leave_lock(struct fs_mount *m, uint64_t owner, uint64_t inode, uint64_t handle,
                   bool is_exclusive)
{
    struct buf value;
    if (!m->will)
        return;
    buf_init(&value, 0);
    buf_put_u64(&value, inode);
    buf_put_u64(&value, handle);
    buf_put_u8(&value, is_exclusive);
    fs_will_put(m->will, FS_WILL_LOCK, owner, buf_str(&value));
    buf_fini(&value);
}

void fs_leave_no_lock(struct fs_mount *m, uint64_t owner)
{
    if (m->will)
        fs_will_drop(m->will, FS_WILL_LOCK, owner);
}

void fs_leave_poll(struct fs_mount *m, uint64_t poll)
{
    if (m->will && poll)
        fs_will_put(m->will, FS_WILL_POLL, poll, STR_LIT("p"));
}

void fs_leave_no_poll(struct fs_mount *m, uint64_t poll)
{
    if (m->will && poll)
        fs_will_drop(m->will, FS_WILL_POLL, poll);
}

void fs_leave_events(struct fs_mount *m, struct str name, int64_t mtime_ns, struct str text)
{
    struct buf value;
    if (!m->will || text.n > FS_WILL_VALUE_MAX / 2)
        return;
    buf_init(&value, 0);
    buf_put_u16(&value, (uint16_t)name.n);
    buf_put_str(&value, name);
    buf_put_u64(&value, (uint64_t)mtime_ns);
    buf_put_str(&value, text);
    fs_will_put(m->will, FS_WILL_EVENTS, str_hash(name, 0), buf_str(&value));
    buf_fini(&value);
}

static void put_number(struct fs_mount *m, enum fs_will_kind kind, uint64_t number)
{
    struct buf value;
    buf_init(&value, 0);
    buf_put_u64(&value, number);
    fs_will_put(m->will, kind, 0, buf_str(&value));
    buf_fini(&value);
}

static void put_all(struct fs_mount *m)
{
    uint64_t index = published_get(m->env->published, PUBLISHED_APPLIED_INDEX);
    put_inodes(m);
    put_handles(m);
    if (index != m->left_index)
        put_number(m, FS_WILL_INDEX, m->left_index = index);
    if (strcmp(m->left_session, m->lock_session) != 0) {
        if (m->lock_session[0])
            fs_will_put(m->will, FS_WILL_SESSION, 0, str_z(m->lock_session));
        else
            fs_will_drop(m->will, FS_WILL_SESSION, 0);
        memcpy(m->left_session, m->lock_session, sizeof(m->left_session));
    }
}

void fs_leave_flush(struct fs_mount *m)
{
    if (!m->will || m->is_heir)
        return;
    put_all(m);
    int r = fs_will_flush(m->will);
    if (r == 0)
        return;
    log_warn("mount", "%s: open files will end with this agent: %s", m->path, error_text(r));
    fs_leave_end(m);
}

void fs_leave_all(struct fs_mount *m)
{
    LIST_FOREACH (&m->handles, l) {
        struct fs_handle *h = LIST_ITEM(l, struct fs_handle, all);
        list_remove(&h->changed);
        if (h->writes && (h->is_dirty || h->commit))
            put_handle(m, h, FS_WILL_VALUE_MAX / 2);
    }
    fs_leave_flush(m);
    m->channel.is_mute = true;
    fs_will_free(m->will);
    m->will = NULL;
    m->inodes.notes = false;
}
