/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_heir.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "agent/notify.h"
#include "base/log.h"
#include "fs/fs_channel.h"
#include "fs/fs_heir_open.h"
#include "fs/fs_leave.h"
#include "fs/fs_point.h"
#include "fs/fs_text.h"
#include "fs/fs_write.h"
#include "state/history.h"

#define TRIES_MAX     3
#define LOOK_MS       20
#define STATE_WAIT_MS 10000
#define FRESH_MS      1000

/* ---- on the core's thread ---- */

struct former { /* what the table says of the mount itself */
    struct fs_mount *m;
    bool is_there, is_same;
    size_t inode_n;
    uint64_t index;
    struct buf path, init, answer;
};

static void note_mount(struct former *f, struct str value)
{
    char device[FS_POINT_DEVICE_SIZE];
    struct cursor c = cursor_make(value);
    struct str path = cursor_bytes(&c, cursor_u16(&c));
    struct str options = cursor_bytes(&c, cursor_u16(&c));
    struct str was = cursor_bytes(&c, cursor_u16(&c));
    struct str init = cursor_bytes(&c, cursor_u32(&c));
    struct str answer = cursor_bytes(&c, cursor_u32(&c));
    if (c.bad)
        return;
    buf_put_str(&f->path, path);
    buf_put_str(&f->init, init);
    buf_put_str(&f->answer, answer);
    f->is_there = true;
    f->is_same = f->m && str_eq_z(path, f->m->path) && str_eq_z(options, f->m->options) &&
                 fs_point_device(f->m->path, device) && str_eq_z(was, device);
}

static void note_inode(struct fs_mount *m, uint64_t number, struct str value)
{
    struct cursor c = cursor_make(value);
    unsigned bits = cursor_u16(&c);
    uint64_t parent = cursor_u64(&c), lookup_n = cursor_u64(&c), version = cursor_u64(&c);
    uint64_t size = cursor_u64(&c), mtime_ns = cursor_u64(&c);
    struct str id = cursor_bytes(&c, cursor_left(&c));
    if (c.bad || !fs_node_is_packed(id))
        return;
    struct fs_node node = fs_node_unpack(id);
    struct fs_inode *i = fs_inode_restore(&m->inodes, number, &node, version);
    if (!i)
        return;
    i->parent = parent;
    i->lookup_n = lookup_n;
    i->size = size;
    i->mtime_ns = (int64_t)mtime_ns;
    i->is_direct = bits & FS_LEAVE_DIRECT;
    i->is_pending = bits & FS_LEAVE_PENDING;
    i->is_unlinked = bits & (FS_LEAVE_UNLINKED | FS_LEAVE_SCRATCH);
    i->has_lost_lock = bits & FS_LEAVE_LOST_LOCK;
    i->is_misnamed = bits & FS_LEAVE_MISNAMED;
    i->is_noted = i->is_heir = true;
    /* The kernel drops all names; what has a version is found anew, with it. */
    bool is_text = fs_node_is_catalog(i->kind) && !fs_node_is_dir(i->kind);
    if ((bits & FS_LEAVE_CURRENT) && i->kind != FS_KV_FILE && i->kind != FS_AGENT_SERVICE &&
        !is_text)
        fs_inode_reinstate(&m->inodes, i);
    if ((bits & FS_LEAVE_GHOST) && i->is_current && i->kind == FS_KV_DIR)
        fs_inode_set_ghost(&m->inodes, i, true);
}

static void on_entry(void *data, enum fs_will_kind kind, uint64_t key, struct str value)
{
    struct former *f = data;
    struct cursor c = cursor_make(value);
    if (kind == FS_WILL_MOUNT)
        note_mount(f, value);
    else if (kind == FS_WILL_INDEX)
        f->index = cursor_u64(&c);
    else if (kind == FS_WILL_INODE && f->is_same && ++f->inode_n)
        note_inode(f->m, key, value);
}

static int check(const struct former *f, int fd, struct error *err)
{
    struct pollfd p = {.fd = fd, .events = 0};
    if (!f->is_there)
        return error_set(err, ERR_NOT_FOUND, "nothing is written about it");
    if (!f->is_same)
        return error_set(err, ERR_INVALID, "it was made elsewhere, or with other options");
    if (poll(&p, 1, 0) < 0 || (p.revents & (POLLERR | POLLNVAL)))
        return error_set(err, -ENOTCONN, "the kernel has ended it");
    return 0;
}

/* Takes both. */
static int take(struct fs_mount *m, int fd, int table, struct former *f, struct error *err)
{
    struct fs_will *w;
    int r = fs_will_open(table, &w, err);
    if (r < 0) {
        close(fd);
        return r;
    }
    if (w->tries >= TRIES_MAX)
        r = error_set(err, ERR_CORRUPT, "agents that took it over ended at once");
    if (r == 0 && (r = fs_will_set(w, w->life + 1, w->tries + 1)) < 0)
        r = error_set(err, r, "%s", error_text(r));
    if (r == 0 && (r = fs_will_read(w, on_entry, f)) < 0)
        r = error_set(err, r, "%s", error_text(r));
    if (r == 0)
        r = check(f, fd, err);
    if (r < 0) {
        close(fd);
    } else {
        r = fs_channel_replay(m, fd, buf_str(&f->init), buf_str(&f->answer), err);
        if (r < 0) { /* with the session the descriptor goes */
            fuse_session_destroy(m->session);
            m->session = NULL;
        }
    }
    if (r < 0) {
        fs_will_free(w);
        return r;
    }
    m->will = w;
    return 0;
}

static void forget(const char *path)
{
    notify_forget(FS_LEAVE_NAME);
    notify_forget(FS_LEAVE_TABLE_NAME);
    fs_point_abandon(path);
}

bool fs_heir_take(struct fs_mount *m)
{
    int fd = notify_kept(FS_LEAVE_NAME), table = notify_kept(FS_LEAVE_TABLE_NAME);
    struct former f = {.m = m};
    struct error err;
    int r = ERR_NOT_FOUND;
    if (fd < 0 && table < 0)
        return false;
    buf_init(&f.path, 0);
    buf_init(&f.init, 0);
    buf_init(&f.answer, 0);
    if (fd >= 0 && table >= 0 && m->may_outlive)
        r = take(m, fd, table, &f, &err);
    else
        (void)error_set(&err, r, "half of it was kept");
    if (r < 0) {
        log_warn("mount", "%s: what was open ends with the agent before: %s", m->path, err.text);
        fs_inode_fini(&m->inodes);
        fs_inode_init(&m->inodes, (uint64_t)(uintptr_t)m);
        forget(m->path);
    } else {
        uint64_t chance;
        rng_secure(&chance, sizeof(chance));
        fs_inode_restored(&m->inodes, (uint32_t)chance >> 1);
        m->inodes.notes = true;
        m->last_handle = m->will->life << 40;
        m->heir_index = f.index;
        m->is_heir = m->is_inherited = true;
        log_info("mount", "%s: taken over: inodes=%zu index=%llu", m->path, f.inode_n,
                 (unsigned long long)f.index);
    }
    buf_fini(&f.path);
    buf_fini(&f.init);
    buf_fini(&f.answer);
    return r == 0;
}

void fs_heir_refuse(void)
{
    int fd = notify_kept(FS_LEAVE_NAME), table = notify_kept(FS_LEAVE_TABLE_NAME);
    struct former f = {.m = NULL};
    struct fs_will *w;
    struct error err;
    buf_init(&f.path, 0);
    buf_init(&f.init, 0);
    buf_init(&f.answer, 0);
    if (table >= 0 && fs_will_open(table, &w, &err) == 0) {
        (void)!fs_will_read(w, on_entry, &f);
        fs_will_free(w);
    }
    if (fd >= 0)
        close(fd);
    if (fd >= 0 || table >= 0)
        forget(buf_z(&f.path));
    buf_fini(&f.path);
    buf_fini(&f.init);
    buf_fini(&f.answer);
}

/* ---- on the worker's thread ---- */

static void on_look(struct timer *t, struct instant now)
{
    struct fs_mount *m = LIST_ITEM(t, struct fs_mount, heir);
    uint64_t index = published_get(m->env->published, PUBLISHED_APPLIED_INDEX);
    bool is_late = !instant_before(now, m->heir_until);
    if (index < m->heir_index && !is_late) {
        timers_set(m->env->timers, t, instant_add(now, DURATION_MS(LOOK_MS)));
        return;
    }
    if (index < m->heir_index)
        log_warn("mount", "%s: the state is older than the agent before knew it", m->path);
    fs_heir_enter(m);
    m->heir_until = instant_add(env_now(m->env), DURATION_MS(FRESH_MS));
    fs_mount_unhold(m);
}

void fs_heir_begin(struct fs_mount *m)
{
    if (!m->is_heir)
        return;
    struct instant now = env_now(m->env);
    m->heir.fire = on_look;
    m->heir_until = instant_add(now, DURATION_MS(STATE_WAIT_MS));
    timers_set(m->env->timers, &m->heir, now);
    fs_mount_hold(m);
}

void fs_heir_close(struct fs_mount *m)
{
    timers_cancel(m->env->timers, &m->heir);
}

static bool is_fresh(const struct fs_mount *m)
{
    return m->is_inherited && instant_before(env_now(m->env), m->heir_until);
}

bool fs_heir_may_be_second(const struct fs_mount *m, const struct fs_inode *i)
{
    return i->is_heir && is_fresh(m);
}

void fs_heir_renamed(struct fs_mount *m, struct str key, bool is_tree)
{
    if (!is_fresh(m))
        return;
    for (uint32_t s = 0; s < m->inodes.slot_n; s++) {
        struct fs_inode *i = fs_inode_slot(&m->inodes, s);
        if (!i || !i->is_heir || i->kind != FS_KV_FILE)
            continue;
        struct str own = fs_inode_node(i).a;
        if (is_tree ? str_has_prefix(own, key) : str_eq(own, key))
            i->is_misnamed = true;
    }
}

void fs_heir_thrives(struct fs_mount *m)
{
    if (m->will && m->will->tries > 0 && !m->is_heir)
        (void)!fs_will_set(m->will, m->will->life, 0);
}

void fs_heir_read(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, size_t size, off_t offset)
{
    struct fs_node node = fs_inode_node(i);
    struct kv_entry e;
    uint64_t index;
    if (fs_node_is_catalog(i->kind)) {
        fs_text_reread(m, req, i, size, offset);
        return;
    }
    struct view v = fs_mount_view(m);
    bool is_there = (kv_get(&v, node.a, &e, &index) && e.modify_index == i->version) ||
                    (history_has(&v, i->version) && history_get(&v, i->version, node.a, &e) &&
                     e.modify_index == i->version);
    if (is_there) {
        struct str part = str_take(str_drop(e.value, (size_t)offset), size);
        fuse_reply_buf(req, part.p, part.n);
    }
    env_view_end(&v);
    if (!is_there)
        fuse_reply_err(req, ESTALE);
}

bool fs_heir_wrote(struct fs_mount *m, const struct fs_handle *h, uint64_t *ret_version)
{
    struct kv_entry e;
    uint64_t index;
    if (!h->is_heir || h->appends)
        return false;
    struct view v = fs_mount_view(m);
    bool is_own =
        kv_get(&v, fs_inode_node(h->inode).a, &e, &index) && str_eq(e.value, buf_str(&h->data));
    if (is_own)
        *ret_version = e.modify_index;
    env_view_end(&v);
    return is_own;
}
