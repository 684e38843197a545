/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A lock, seen from here:
 *
 *     free --ask--> asking --held by us--> ours --no owner, nobody waits--> (let go) free
 *                      \--held elsewhere--> blocked --key changed, or a second later--> asking
 *
 * Every step is driven by pump(); requests are granted in their order. After HANDOVERS_MAX grants
 * in a row on this mount the lock is let go, so that others have their turn.
 */
#include "fs/fs_lock.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_handle.h"
#include "fs/fs_leave.h"
#include "fs/fs_lock_session.h"
#include "fs/fs_poll.h"
#include "fs/fs_rights.h"
#include "fs/fs_write.h"

#define RETRY_MS      1000
#define HANDOVERS_MAX 16
#define OWNERS_MAX    65536

struct fs_lock {
    struct list link; /* mount->locks */
    struct fs_mount *mount;
    struct str key;              /* owned */
    struct list owners, waiters; /* struct owner */
    struct list leavers;         /* whose unlock is answered when others may have the lock */
    bool is_ours, is_asking, is_blocked, is_letting_go;
    int grant_n, fail_n;
    struct timer retry;
};

struct owner {
    struct list link;
    struct fs_lock *lock;
    uint64_t owner;
    struct fs_inode *inode; /* held open */
    struct fs_handle *handle;
    bool is_exclusive, may_wait, is_leaving;
    fuse_req_t req; /* while it waits */
    struct timer interrupted;
};

static void pump(struct fs_lock *lock);
static void answer_leavers(struct fs_lock *lock);
static void ask(struct fs_lock *lock);
static void on_asked(struct fs_wait *w, int error);
static void let_go(struct fs_lock *lock);
static void on_let_go(struct fs_wait *w, int error);
static void on_retry(struct timer *t, struct instant now);
static void on_interrupted(struct timer *t, struct instant now);

/* ---- requests ---- */

static struct fs_lock *find_lock(struct fs_mount *m, struct str key)
{
    LIST_FOREACH (&m->locks, l) {
        struct fs_lock *lock = LIST_ITEM(l, struct fs_lock, link);
        if (str_eq(lock->key, key))
            return lock;
    }
    return NULL;
}

static struct fs_lock *get_lock(struct fs_mount *m, struct str key)
{
    struct fs_lock *lock = find_lock(m, key);
    if (lock)
        return lock;
    lock = mem_new(struct fs_lock);
    lock->mount = m;
    lock->key = str_make(mem_dup(key.p, key.n), key.n);
    lock->retry.fire = on_retry;
    list_init(&lock->owners);
    list_init(&lock->waiters);
    list_init(&lock->leavers);
    list_push(&m->locks, &lock->link);
    return lock;
}

static struct owner *make_owner(struct fs_lock *lock, uint64_t owner, struct fs_inode *i,
                                struct fs_handle *h, bool is_exclusive)
{
    struct owner *o = mem_new(struct owner);
    o->lock = lock;
    o->owner = owner;
    o->inode = i;
    o->handle = h;
    o->is_exclusive = is_exclusive;
    o->interrupted.fire = on_interrupted;
    i->open_n++;
    lock->mount->lock_owner_n++;
    return o;
}

static void free_owner(struct owner *o)
{
    struct fs_mount *m = o->lock->mount;
    if (m->env)
        timers_cancel(m->env->timers, &o->interrupted);
    list_remove(&o->link);
    fs_leave_no_lock(m, o->owner);
    m->lock_owner_n--;
    o->inode->open_n--;
    fs_inode_settle(&m->inodes, o->inode);
    mem_free(o);
}

static struct owner *find_owner(struct fs_mount *m, uint64_t owner)
{
    LIST_FOREACH (&m->locks, l) {
        struct fs_lock *lock = LIST_ITEM(l, struct fs_lock, link);
        LIST_FOREACH (&lock->owners, k) {
            struct owner *o = LIST_ITEM(k, struct owner, link);
            if (o->owner == owner)
                return o;
        }
    }
    return NULL;
}

static void answer(struct owner *o, int error)
{
    fuse_req_t req = o->req;
    o->req = NULL;
    if (!req)
        return;
    fuse_req_interrupt_func(req, NULL, NULL);
    fuse_reply_err(req, error);
}

/* Called by libfuse with a lock held that an answer would take. */
static void on_interrupt(fuse_req_t req, void *data)
{
    struct owner *o = data;
    timers_set(o->lock->mount->env->timers, &o->interrupted, env_now(o->lock->mount->env));
}

/* Answered when the key is free for all: what this program writes next is then written onto the
 * version that letting go has made. */
static void unlock(struct fs_mount *m, fuse_req_t req, struct owner *o)
{
    if (!o) {
        fuse_reply_err(req, 0);
        return;
    }
    struct fs_lock *lock = o->lock;
    list_remove(&o->link);
    list_push(&lock->leavers, &o->link);
    o->req = req;
    o->is_leaving = true;
    fuse_req_interrupt_func(req, on_interrupt, o);
    pump(lock);
}

void fs_lock_flock(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi, int op)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_handle *h = fs_handle_of(m, number, fi);
    struct fs_inode *i = h ? h->inode : fs_inode_get(&m->inodes, number);
    struct owner *o = find_owner(m, fi->lock_owner);
    bool unlocks = (op & ~LOCK_NB) == LOCK_UN;
    int error = !i                                                      ? ESTALE
                : i->kind != FS_KV_FILE || i->scratch || i->is_unlinked ? ENOLCK
                : h && h->has_lost_lock && !unlocks                     ? EIO
                : m->lock_owner_n >= OWNERS_MAX                         ? ENOLCK
                : unlocks || (o && o->is_exclusive == !(op & LOCK_SH))  ? 0
                                                                        : fs_write_preflight(m);
    if (!error && !unlocks)
        error = fs_rights_check(m, i, W_OK);
    if (error || (o && !unlocks && o->is_exclusive == !(op & LOCK_SH))) {
        fuse_reply_err(req, error);
        return;
    }
    if (unlocks) {
        unlock(m, req, o);
        return;
    }
    struct fs_lock *lock = get_lock(m, fs_inode_node(i).a);
    struct owner *was = o;
    o = make_owner(lock, fi->lock_owner, i, h, !(op & LOCK_SH));
    o->may_wait = !(op & LOCK_NB);
    o->req = req;
    list_push(&lock->waiters, &o->link);
    if (was) /* flock(2): a conversion gives the old lock back first */
        free_owner(was);
    fuse_req_interrupt_func(req, on_interrupt, o);
    pump(lock);
}

void fs_lock_inherit(struct fs_mount *m, struct str key, struct fs_inode *i, struct fs_handle *h,
                     uint64_t owner, bool is_exclusive)
{
    struct fs_lock *lock = get_lock(m, key);
    lock->is_ours = true;
    if (!i) {
        pump(lock);
        return;
    }
    struct owner *o = make_owner(lock, owner, i, h, is_exclusive);
    list_push(&lock->owners, &o->link);
}

void fs_lock_released(struct fs_mount *m, uint64_t owner)
{
    struct owner *o = list_is_empty(&m->locks) ? NULL : find_owner(m, owner);
    if (!o)
        return;
    struct fs_lock *lock = o->lock;
    free_owner(o);
    pump(lock);
}

static void on_interrupted(struct timer *t, struct instant now)
{
    struct owner *o = LIST_ITEM(t, struct owner, interrupted);
    struct fs_lock *lock = o->lock;
    if (!o->req)
        return;
    answer(o, o->is_leaving ? 0 : EINTR);
    free_owner(o);
    pump(lock);
}

static void answer_leavers(struct fs_lock *lock)
{
    LIST_FOREACH (&lock->leavers, l) {
        struct owner *o = LIST_ITEM(l, struct owner, link);
        answer(o, 0);
        free_owner(o);
    }
}

/* ---- the machine ---- */

static bool is_compatible(const struct fs_lock *lock, const struct owner *o)
{
    struct list *first = list_first(&lock->owners);
    return !first || (!o->is_exclusive && !LIST_ITEM(first, struct owner, link)->is_exclusive);
}

/* Those that do not want to wait. */
static void refuse(struct fs_lock *lock)
{
    LIST_FOREACH (&lock->waiters, l) {
        struct owner *o = LIST_ITEM(l, struct owner, link);
        if (o->may_wait)
            continue;
        answer(o, EWOULDBLOCK);
        free_owner(o);
    }
}

static void pump(struct fs_lock *lock)
{
    struct list *l;
    bool is_tired = lock->grant_n >= HANDOVERS_MAX && list_is_empty(&lock->owners);
    while (lock->is_ours && !is_tired && (l = list_first(&lock->waiters))) {
        struct owner *o = LIST_ITEM(l, struct owner, link);
        if (!is_compatible(lock, o))
            break;
        list_remove(&o->link);
        list_push(&lock->owners, &o->link);
        fs_leave_lock(lock->mount, o->owner, o->inode->number, o->handle ? o->handle->number : 0,
                      o->is_exclusive);
        lock->grant_n++;
        answer(o, 0);
    }
    if (!list_is_empty(&lock->owners)) {
        answer_leavers(lock);
        refuse(lock);
        return;
    }
    if (lock->is_ours) {
        let_go(lock);
        return;
    }
    if (!lock->is_letting_go)
        answer_leavers(lock);
    if (lock->is_asking || lock->is_letting_go)
        ;
    else if (list_is_empty(&lock->waiters)) {
        if (lock->mount->env)
            timers_cancel(lock->mount->env->timers, &lock->retry);
        list_remove(&lock->link);
        mem_free((void *)(uintptr_t)lock->key.p);
        mem_free(lock);
    } else if (lock->is_blocked) {
        refuse(lock);
    } else {
        ask(lock);
    }
}

static void retry_later(struct fs_lock *lock)
{
    struct env *env = lock->mount->env;
    lock->is_blocked = true;
    timers_set(env->timers, &lock->retry, instant_add(env_now(env), DURATION_MS(RETRY_MS)));
}

static void on_retry(struct timer *t, struct instant now)
{
    struct fs_lock *lock = LIST_ITEM(t, struct fs_lock, retry);
    lock->is_blocked = false;
    pump(lock);
}

static struct fs_wait *submit(struct fs_lock *lock, enum kv_verb verb,
                              void (*done)(struct fs_wait *w, int error))
{
    struct fs_mount *m = lock->mount;
    struct fs_wait *w = fs_write_wait_new(m, NULL, done);
    struct kv_op op = {.verb = verb, .key = lock->key, .session = str_z(m->lock_session)};
    buf_put_str(&w->key, lock->key);
    kv_encode(&op, &w->write.command);
    fs_write_submit(w);
    return w;
}

static void ask(struct fs_lock *lock)
{
    lock->is_asking = true;
    if (lock->mount->lock_session[0])
        submit(lock, KV_HOLD, on_asked);
    else
        fs_lock_session_begin(lock->mount);
}

/* Open writers of the key wrote onto the version that the lock has just replaced by itself. */
static void follow_version(struct fs_mount *m, struct str key, uint64_t from, uint64_t to)
{
    struct fs_node node = {FS_KV_FILE, key, STR_NONE};
    struct fs_inode *i = fs_inode_find(&m->inodes, &node);
    if (!i)
        return;
    LIST_FOREACH (&i->writers, l) {
        struct fs_handle *h = LIST_ITEM(l, struct fs_handle, link);
        if (h->base_version != from)
            continue;
        h->base_version = to;
        if (from == 0) { /* made by the lock */
            h->is_exclusive = false;
            h->is_touched = h->is_touched && h->is_dirty;
        }
    }
    if (from == 0)
        i->is_pending = false;
    if (i->is_direct && i->version == from)
        i->version = to;
}

static void on_asked(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    struct fs_lock *lock = find_lock(m, buf_str(&w->key));
    bool ok = !error && w->ok;
    if (ok)
        follow_version(m, buf_str(&w->key), w->version, w->write.index);
    fs_write_wait_free(w);
    if (!lock)
        return;
    lock->is_asking = false;
    if (ok) {
        lock->is_ours = true;
        lock->grant_n = lock->fail_n = 0;
    } else if (error == EINVAL) { /* no such session any more */
        m->lock_session[0] = '\0';
        if (lock->fail_n++ > 0)
            retry_later(lock);
    } else {
        if (error)
            log_warn("mount", "lock: key=%.*s error=\"%s\"", STR_ARG(lock->key),
                     error_text(-error));
        refuse(lock);
        retry_later(lock);
    }
    pump(lock);
}

static void let_go(struct fs_lock *lock)
{
    lock->is_ours = false;
    lock->is_letting_go = true;
    submit(lock, KV_LET_GO, on_let_go);
}

static bool all_may_wait(const struct fs_lock *lock)
{
    LIST_FOREACH (&lock->waiters, l)
        if (!LIST_ITEM(l, struct owner, link)->may_wait)
            return false;
    return true;
}

static void on_let_go(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    struct fs_lock *lock = find_lock(m, buf_str(&w->key));
    if (!error && w->ok)
        follow_version(m, buf_str(&w->key), w->version, w->write.index);
    fs_write_wait_free(w);
    if (!lock)
        return;
    lock->is_letting_go = false;
    if (error && error != EINVAL && m->notify) { /* no leader: it is still ours, and tried again */
        lock->is_ours = true;
        answer_leavers(lock);
        retry_later(lock);
        return;
    }
    if (!list_is_empty(&lock->waiters) && all_may_wait(lock))
        retry_later(lock); /* others first; their change, or the time, wakes us */
    pump(lock);
}

void fs_lock_changed(struct fs_mount *m, struct str key, const struct kv_entry *e)
{
    struct fs_lock *lock = list_is_empty(&m->locks) ? NULL : find_lock(m, key);
    if (!lock)
        return;
    bool is_held = e && e->session.n > 0;
    if (lock->is_ours && !(is_held && str_eq_z(e->session, m->lock_session))) {
        log_warn("mount", "lock lost: key=%.*s", STR_ARG(key));
        lock->is_ours = false;
        LIST_FOREACH (&lock->owners, l) {
            struct owner *o = LIST_ITEM(l, struct owner, link);
            o->inode->has_lost_lock = true;
            if (o->handle)
                o->handle->has_lost_lock = true;
            fs_poll_wake(m, o->inode->number);
            free_owner(o);
        }
        pump(lock);
    } else if (!lock->is_ours && !is_held && lock->is_blocked) {
        lock->is_blocked = false;
        pump(lock);
    }
}

/* The session that was asked for is there, or an errno. */
void fs_lock_session_came(struct fs_mount *m, int error)
{
    LIST_FOREACH (&m->locks, l) {
        struct fs_lock *lock = LIST_ITEM(l, struct fs_lock, link);
        if (!lock->is_asking)
            continue;
        if (!error) {
            submit(lock, KV_HOLD, on_asked);
            continue;
        }
        lock->is_asking = false;
        LIST_FOREACH (&lock->waiters, k) {
            struct owner *o = LIST_ITEM(k, struct owner, link);
            answer(o, error == EINVAL ? ENOLCK : error);
            free_owner(o);
        }
        pump(lock);
    }
}

void fs_lock_close(struct fs_mount *m)
{
    LIST_FOREACH (&m->locks, l) {
        struct fs_lock *lock = LIST_ITEM(l, struct fs_lock, link);
        timers_cancel(m->env->timers, &lock->retry);
        answer_leavers(lock);
        LIST_FOREACH (&lock->waiters, k) {
            struct owner *o = LIST_ITEM(k, struct owner, link);
            answer(o, ESHUTDOWN);
            free_owner(o);
        }
    }
    fs_lock_session_end(m);
}

void fs_lock_free_all(struct fs_mount *m)
{
    LIST_FOREACH (&m->locks, l) {
        struct fs_lock *lock = LIST_ITEM(l, struct fs_lock, link);
        LIST_FOREACH (&lock->owners, k)
            free_owner(LIST_ITEM(k, struct owner, link));
        LIST_FOREACH (&lock->waiters, k)
            free_owner(LIST_ITEM(k, struct owner, link));
        LIST_FOREACH (&lock->leavers, k)
            free_owner(LIST_ITEM(k, struct owner, link));
        list_remove(&lock->link);
        mem_free((void *)(uintptr_t)lock->key.p);
        mem_free(lock);
    }
}
