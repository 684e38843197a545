/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_change.h"

#include "fs/fs_event.h"
#include "fs/fs_feed.h"
#include "fs/fs_lock.h"
#include "fs/fs_path.h"
#include "fs/fs_poll.h"
#include "fs/fs_text.h"
#include "fs/fs_write.h"
#include "state/kv.h"

static void forget_names(struct fs_mount *m);
static void forget_rights(struct fs_mount *m);
static void change_key(struct fs_mount *m, struct view *v, struct str key);
static void change_value(struct fs_mount *m, struct view *v, struct fs_inode *dir, struct str key,
                         struct str name, bool is_own);
static struct fs_inode *change_dir(struct fs_mount *m, struct view *v, struct fs_inode *dir,
                                   struct str prefix, struct str name, bool is_own);
static struct fs_inode *find_kv(struct fs_mount *m, enum fs_kind kind, struct str text);

void fs_change_apply(struct fs_mount *m, const struct change_batch *batch)
{
    enum watch_kind kind;
    struct str key;
    size_t pos = 0;
    bool rights_changed = false;
    if (batch->index == 0 && !batch->everything) { /* no change of the state: an event */
        fs_event_arrived(m);
        return;
    }
    fs_mount_note_time(m, batch->index);
    if (batch->everything) {
        fs_change_everything(m);
        struct view v = fs_mount_view(m);
        fs_feed_apply(m, &v, batch);
        env_view_end(&v);
    } else {
        struct view v = fs_mount_view(m);
        while (change_next(batch, &pos, &kind, &key))
            if (kind == WATCH_KV)
                change_key(m, &v, key);
            else if (kind == WATCH_ACL)
                rights_changed = true;
            else
                fs_text_change(m, &v, kind, key);
        fs_feed_apply(m, &v, batch);
        env_view_end(&v);
    }
    if (batch->index > m->seen_index) /* 0: of what is not the state's, as user events */
        if (rights_changed && m->judges)
            forget_rights(m);
    m->seen_index = batch->index;
    if (batch->index && !timers_is_set(&m->drop_all))
        fs_notify_index(m->notify, batch->index);
    fs_notify_flush(m->notify);
    fs_feed_flush(m);
}

/* A policy or a token is another one now: what may be seen, and the modes. */
static void forget_rights(struct fs_mount *m)
{
    fs_change_everything(m);
    for (uint32_t s = 0; s < m->inodes.slot_n; s++) {
        const struct fs_inode *i = fs_inode_slot(&m->inodes, s);
        if (i && i->lookup_n > 0)
            fs_notify_attr(m->notify, i->number);
    }
}

void fs_change_name(struct fs_mount *m, struct fs_inode *dir, struct str name)
{
    if (!m->notify)
        return;
    if (dir->busy_n > 0) {
        buf_put_u16(&dir->parked, (uint16_t)name.n);
        buf_put_str(&dir->parked, name);
        return;
    }
    fs_notify_name(m->notify, dir->number, name);
    if (m->faces_used) {
        char face[FS_PATH_NAME_MAX + 2];
        if (name.n + 2 > sizeof(face))
            return;
        memcpy(face, name.p, name.n);
        memcpy(face + name.n, "%v", 2);
        fs_notify_name(m->notify, dir->number, str_make(face, name.n + 2));
        memcpy(face + name.n, "%t", 2);
        fs_notify_name(m->notify, dir->number, str_make(face, name.n + 2));
    }
}

void fs_change_inode(struct fs_mount *m, struct fs_inode *i)
{
    struct fs_inode *dir = fs_inode_get(&m->inodes, i->parent);
    struct fs_path_step step;
    struct buf name;
    if (fs_node_is_catalog(i->kind))
        fs_text_forget(m, i);
    if (!dir || dir->kind != FS_KV_DIR)
        return;
    buf_init(&name, 0);
    struct str key = fs_inode_node(i).a;
    if (i->kind == FS_KV_DIR && key.n > 0 && key.p[key.n - 1] == '/')
        key.n--;
    if (fs_path_step(fs_inode_node(dir).a, key, &name, &step))
        fs_change_name(m, dir, buf_str(&name));
    buf_fini(&name);
}

void fs_change_retire(struct fs_mount *m, struct fs_inode *i)
{
    if (!i->is_current)
        return;
    fs_inode_retire(&m->inodes, i);
    fs_change_inode(m, i);
    if (m->notify)
        fs_notify_flush(m->notify);
}

void fs_change_listing(struct fs_mount *m, struct fs_inode *dir)
{
    int64_t now = clock_wall_ns();
    dir->mtime_ns = now > dir->mtime_ns ? now : dir->mtime_ns + 1;
    if (m->notify)
        fs_notify_listing(m->notify, dir->number);
}

void fs_change_unpark(struct fs_mount *m, struct fs_inode *dir)
{
    struct buf parked = dir->parked;
    struct cursor c = cursor_make(buf_str(&parked));
    buf_init(&dir->parked, 0);
    while (cursor_left(&c) > 0) {
        size_t n = cursor_u16(&c);
        fs_change_name(m, dir, cursor_bytes(&c, n));
    }
    buf_fini(&parked);
    if (m->notify)
        fs_notify_flush(m->notify);
}

void fs_change_everything(struct fs_mount *m)
{
    if (!m->notify)
        return;
    if (m->has_epoch) {
        fs_notify_epoch(m->notify);
    } else {
        forget_names(m);
    }
    for (uint32_t s = 0; s < m->inodes.slot_n; s++) {
        struct fs_inode *i = fs_inode_slot(&m->inodes, s);
        if (i && i->kind == FS_KV_DIR)
            fs_change_listing(m, i);
    }
    struct view v = fs_mount_view(m);
    fs_text_change_all(m, &v);
    env_view_end(&v);
    fs_notify_index(m->notify, m->seen_index);
    fs_notify_flush(m->notify);
}

/* Every name we gave out, but not of directories that are still there (something may be mounted on
 * them). Files compare their version when they are opened, so one that did not change is found
 * again. */
static void forget_names(struct fs_mount *m)
{
    struct view v = fs_mount_view(m);
    for (uint32_t s = 0; s < m->inodes.slot_n; s++) {
        struct fs_inode *i = fs_inode_slot(&m->inodes, s);
        if (!i || i->lookup_n == 0)
            continue;
        /* Also of those that no name leads to any more: the message about it may be lost. */
        bool is_gone = i->kind == FS_KV_DIR && !i->is_ghost &&
                       (!i->is_current || !fs_tree_has_dir(&v, fs_inode_node(i).a));
        if (i->kind == FS_KV_FILE || is_gone)
            fs_change_inode(m, i);
    }
    env_view_end(&v);
}

static void change_key(struct fs_mount *m, struct view *v, struct str key)
{
    struct fs_inode *dir = find_kv(m, FS_KV_DIR, STR_LIT(""));
    struct str prefix = str_take(key, 0);
    struct fs_path_step step;
    struct buf name;
    bool is_own = fs_write_is_own(m, key);
    buf_init(&name, 0);
    while (dir && fs_path_step(prefix, key, &name, &step)) {
        if (step.is_last) {
            change_value(m, v, dir, key, buf_str(&name), is_own);
            break;
        }
        prefix = str_take(key, step.key_n + (step.continued ? 0 : 1));
        dir = change_dir(m, v, dir, prefix, buf_str(&name), is_own);
    }
    buf_fini(&name);
}

/* Returns the directory's inode when the kernel may know what is in it. */
static struct fs_inode *change_dir(struct fs_mount *m, struct view *v, struct fs_inode *dir,
                                   struct str prefix, struct str name, bool is_own)
{
    struct fs_inode *child = find_kv(m, FS_KV_DIR, prefix);
    bool is_there = fs_tree_has_dir(v, prefix);
    if (child && is_there && child->is_ghost) {
        fs_inode_set_ghost(&m->inodes, child, false);
    } else if (child && !is_there && !child->is_ghost) {
        if (is_own) {
            /* rm -r of keys without a marker: the directory stays until it is removed too. */
            fs_inode_set_ghost(&m->inodes, child, true);
        } else {
            fs_inode_retire(&m->inodes, child);
            fs_change_name(m, dir, name);
            fs_change_listing(m, dir);
        }
    } else if (!child && is_there) {
        /* It may be new; then a value of the same name shows under its face from now on. But not
         * one that is being made here: the message would come behind mkdir's answer, and take the
         * directory away from whoever is in it already. */
        struct str value = prefix.p[prefix.n - 1] == '/' ? str_take(prefix, prefix.n - 1) : prefix;
        if (!is_own || find_kv(m, FS_KV_FILE, value))
            fs_change_name(m, dir, name);
        fs_change_listing(m, dir);
    }
    return child;
}

static void change_value(struct fs_mount *m, struct view *v, struct fs_inode *dir, struct str key,
                         struct str name, bool is_own)
{
    struct kv_entry e;
    uint64_t index;
    bool is_there = kv_get(v, key, &e, &index);
    struct fs_inode *i = find_kv(m, FS_KV_FILE, key);
    if (!is_there || e.create_index > m->seen_index)
        fs_change_listing(m, dir);
    fs_lock_changed(m, key, is_there ? &e : NULL);
    if (i && is_there && !i->is_direct && i->reader_n > 0 && i->version != e.modify_index &&
        str_eq(buf_str(&i->value), e.value)) {
        /* The bytes are the same, as when it was locked: whoever has it open has the newest. */
        i->version = e.modify_index;
        fs_inode_changed(&m->inodes, i);
        i->mtime_ns = fs_times_get(&m->times, i->version);
        fs_notify_attr(m->notify, i->number);
        return;
    }
    if (!list_is_empty(&m->polls))
        fs_poll_wake_key(m, key);
    if (!i || i->is_pending || is_own) /* our own unlink and rename see to theirs */
        return;
    if (!is_there) {
        fs_inode_retire(&m->inodes, i);
        fs_change_name(m, dir, name);
        fs_inode_settle(&m->inodes, i);
    } else if (i->is_direct) {
        fs_notify_attr(m->notify, i->number);
    } else if (i->version != e.modify_index) {
        fs_inode_retire(&m->inodes, i);
        fs_change_name(m, dir, name);
    }
}

static struct fs_inode *find_kv(struct fs_mount *m, enum fs_kind kind, struct str text)
{
    return fs_inode_find(&m->inodes, &(struct fs_node){kind, text, STR_NONE});
}
