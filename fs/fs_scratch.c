/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_scratch.h"

#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_change.h"
#include "fs/fs_path.h"
#include "state/policy.h"

struct fs_doomed {
    struct list link; /* mount->doomed */
    struct fs_mount *mount;
    struct str key;   /* owned */
    struct str token; /* of who renamed it; borrowed */
    uint64_t version;
    struct timer timer;
};

static void on_grace(struct timer *t, struct instant now);
static void on_became_key(struct fs_wait *w, int error);
static void on_execution(struct timer *t, struct instant now);
static void on_executed(struct fs_wait *w, int error);
static struct fs_doomed *find_doomed(const struct fs_mount *m, struct str key);
static void free_doomed(struct fs_doomed *d);

static struct instant grace_end(const struct fs_mount *m)
{
    return instant_add(env_now(m->env), DURATION_MS(FS_SCRATCH_GRACE_MS));
}

int fs_scratch_make(struct fs_mount *m, struct fs_inode *i, enum fs_scratch_kind kind)
{
    ASSERT(i->kind == FS_KV_FILE && !i->scratch);
    if (m->scratch_n >= FS_SCRATCH_FILES_MAX)
        return ENOSPC;
    struct fs_scratch *s = mem_new(struct fs_scratch);
    s->mount = m;
    s->inode = i;
    s->is_draft = kind == FS_SCRATCH_DRAFT;
    s->token = fs_mount_token(m);
    s->timer.fire = on_grace;
    buf_init(&s->value, 0);
    list_push(&m->scratches, &s->link);
    m->scratch_n++;
    i->scratch = s;
    i->is_direct = true;
    i->is_pending = false;
    i->open_n++;
    return 0;
}

static void free_scratch(struct fs_scratch *s)
{
    struct fs_mount *m = s->mount;
    if (m->env)
        timers_cancel(m->env->timers, &s->timer);
    m->scratch_size -= s->value.n;
    m->scratch_n--;
    list_remove(&s->link);
    buf_fini(&s->value);
    s->inode->scratch = NULL;
    mem_free(s);
}

void fs_scratch_drop(struct fs_mount *m, struct fs_inode *i)
{
    if (!i->scratch)
        return;
    free_scratch(i->scratch);
    i->open_n--;
    fs_inode_settle(&m->inodes, i);
}

int fs_scratch_room(const struct fs_mount *m, size_t more)
{
    return m->scratch_size + more > FS_SCRATCH_SIZE_MAX ? ENOSPC : 0;
}

static void was_changed(struct fs_mount *m, struct fs_scratch *s, size_t old_n)
{
    struct fs_inode *i = s->inode;
    int64_t now = clock_wall_ns();
    m->scratch_size += s->value.n - old_n;
    i->size = s->value.n;
    i->mtime_ns = now > i->mtime_ns ? now : i->mtime_ns + 1;
    if (m->notify) { /* it may have been a key's, whose attributes the kernel keeps */
        fs_notify_attr(m->notify, i->number);
        fs_notify_flush(m->notify);
    }
}

void fs_scratch_commit(struct fs_mount *m, struct fs_handle *h)
{
    struct fs_scratch *s = h->inode->scratch;
    size_t old_n = s->value.n;
    if (!h->appends)
        buf_clear(&s->value);
    buf_put_str(&s->value, buf_str(&h->data));
    if (h->appends)
        buf_clear(&h->data);
    if (h->has_flags) {
        s->has_flags = true;
        s->flags = h->flags;
    }
    h->is_dirty = h->is_touched = h->is_exclusive = false;
    was_changed(m, s, old_n);
}

void fs_scratch_resize(struct fs_mount *m, struct fs_inode *i, size_t size)
{
    struct fs_scratch *s = i->scratch;
    size_t old_n = s->value.n;
    if (size > old_n)
        memset(buf_reserve(&s->value, size - old_n), 0, size - old_n);
    s->value.n = size;
    was_changed(m, s, old_n);
}

void fs_scratch_closed(struct fs_mount *m, struct fs_inode *i)
{
    if (i->scratch->is_draft && i->writer_n == 0 && !i->scratch->is_becoming_key)
        timers_set(m->env->timers, &i->scratch->timer, grace_end(m));
}

void fs_scratch_move(struct fs_mount *m, struct fs_inode *i, struct str to)
{
    struct fs_node node = {FS_KV_FILE, to, STR_NONE};
    struct fs_inode *old = fs_inode_find(&m->inodes, &node);
    if (old == i)
        return;
    if (old) {
        old->is_unlinked = true;
        fs_scratch_drop(m, old);
    }
    fs_inode_move(&m->inodes, i, &node);
}

bool fs_scratch_any_below(const struct fs_mount *m, struct str prefix)
{
    LIST_FOREACH (&m->scratches, l)
        if (str_has_prefix(fs_inode_node(LIST_ITEM(l, struct fs_scratch, link)->inode).a, prefix))
            return true;
    return false;
}

void fs_scratch_list(struct fs_mount *m, struct str prefix, struct fs_list *list)
{
    struct fs_path_step step;
    struct buf name;
    buf_init(&name, 0);
    LIST_FOREACH (&m->scratches, l) {
        const struct fs_scratch *s = LIST_ITEM(l, struct fs_scratch, link);
        if (s->inode->is_current && !s->is_becoming_key &&
            fs_path_step(prefix, fs_inode_node(s->inode).a, &name, &step) && step.is_last)
            fs_list_add(list, buf_str(&name), FS_LIST_VALUE);
    }
    buf_fini(&name);
}

/* ---- a draft that stayed ---- */

static void become_key(struct fs_scratch *s)
{
    struct fs_mount *m = s->mount;
    struct fs_node node = fs_inode_node(s->inode);
    struct kv_op op = {.verb = KV_CAS, .key = node.a, .value = buf_str(&s->value)};
    struct fs_wait *w = fs_write_wait_new(m, NULL, on_became_key);
    w->token = s->token;
    w->inode = s->inode;
    s->inode->open_n++;
    s->is_becoming_key = true;
    fs_write_submit_op(w, &op, s->has_flags ? &s->flags : NULL);
}

static void on_grace(struct timer *t, struct instant now)
{
    struct fs_scratch *s = LIST_ITEM(t, struct fs_scratch, timer);
    if (s->inode->writer_n == 0)
        become_key(s);
}

static void on_became_key(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    struct fs_inode *i = w->inode;
    struct fs_node node = fs_inode_node(i);
    bool ok = w->ok;
    fs_write_wait_free(w);
    if (!error && !ok)
        log_warn("mount",
                 "a file of this mount alone is dropped, for there is such a key now: key=%.*s",
                 STR_ARG(node.a));
    if (error && i->scratch) { /* no leader just now, perhaps */
        log_warn("mount",
                 "a file of this mount alone cannot become a key yet: key=%.*s error=\"%s\"",
                 STR_ARG(node.a), error_text(-error));
        i->scratch->is_becoming_key = false;
        timers_set(m->env->timers, &i->scratch->timer, grace_end(m));
    } else if (i->scratch) { /* also when another has made the key meanwhile: his is the older */
        fs_scratch_drop(m, i);
        if (i->is_current && i->writer_n == 0) {
            fs_inode_retire(&m->inodes, i);
            fs_change_inode(m, i);
            if (m->notify)
                fs_notify_flush(m->notify);
        }
    }
    i->open_n--;
    fs_inode_settle(&m->inodes, i);
}

/* ---- keys that were renamed to a backup ---- */

int fs_scratch_back_up(struct fs_mount *m, struct fs_inode *i, struct str to)
{
    struct kv_entry e;
    uint64_t index;
    struct buf key;
    struct fs_node node = fs_inode_node(i), target = {FS_KV_FILE, to, STR_NONE};
    struct view v = fs_mount_view(m);
    bool is_there = kv_get(&v, node.a, &e, &index);
    int error = !is_there ? ENOENT : fs_scratch_room(m, e.value.n);
    if (!error && !policy_allows(&v, ACL_KEY, node.a, ACL_WRITE))
        error = EACCES;
    if (!error) {
        struct fs_inode *old = fs_inode_find(&m->inodes, &target);
        if (old) {
            old->is_unlinked = true;
            fs_scratch_drop(m, old);
        }
        error = fs_scratch_make(m, i, FS_SCRATCH_LOCAL);
    }
    if (!error) {
        buf_put_str(&i->scratch->value, e.value);
        m->scratch_size += e.value.n;
        i->size = e.value.n;
        i->scratch->has_flags = true;
        i->scratch->flags = e.flags;
    }
    env_view_end(&v);
    if (error)
        return error;
    buf_init(&key, 0);
    buf_put_str(&key, node.a);
    fs_inode_move(&m->inodes, i, &target);
    struct fs_doomed *d = mem_new(struct fs_doomed);
    d->mount = m;
    d->version = e.modify_index;
    d->token = fs_mount_token(m);
    d->key = buf_take(&key);
    d->timer.fire = on_execution;
    list_push(&m->doomed, &d->link);
    timers_set(m->env->timers, &d->timer, grace_end(m));
    return 0;
}

static struct fs_doomed *find_doomed(const struct fs_mount *m, struct str key)
{
    LIST_FOREACH (&m->doomed, l) {
        struct fs_doomed *d = LIST_ITEM(l, struct fs_doomed, link);
        if (str_eq(d->key, key))
            return d;
    }
    return NULL;
}

bool fs_scratch_is_doomed(const struct fs_mount *m, struct str key)
{
    return find_doomed(m, key) != NULL;
}

void fs_scratch_spare(struct fs_mount *m, struct str key)
{
    struct fs_doomed *d = find_doomed(m, key);
    if (d)
        free_doomed(d);
}

static void free_doomed(struct fs_doomed *d)
{
    if (d->mount->env)
        timers_cancel(d->mount->env->timers, &d->timer);
    list_remove(&d->link);
    mem_free((void *)(uintptr_t)d->key.p);
    mem_free(d);
}

static void execute(struct fs_doomed *d)
{
    struct fs_wait *w = fs_write_wait_new(d->mount, NULL, on_executed);
    struct kv_op op = {.verb = KV_DELETE_CAS, .key = d->key, .index = d->version};
    w->token = d->token;
    buf_put_str(&w->key, d->key);
    fs_write_submit_op(w, &op, NULL);
}

static void on_execution(struct timer *t, struct instant now)
{
    struct fs_doomed *d = LIST_ITEM(t, struct fs_doomed, timer);
    struct fs_node node = {FS_KV_FILE, d->key, STR_NONE};
    struct fs_inode *i = fs_inode_find(&d->mount->inodes, &node);
    if (i && i->is_pending) /* its new value is being written */
        timers_set(d->mount->env->timers, t, grace_end(d->mount));
    else
        execute(d);
}

static void on_executed(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    struct fs_doomed *d = find_doomed(m, buf_str(&w->key));
    if (d && error && m->notify)
        timers_set(m->env->timers, &d->timer, grace_end(m));
    else if (d)
        free_doomed(d);
    fs_write_wait_free(w);
}

/* ---- the end ---- */

void fs_scratch_settle_all(struct fs_mount *m)
{
    LIST_FOREACH (&m->doomed, l)
        execute(LIST_ITEM(l, struct fs_doomed, link));
    LIST_FOREACH (&m->scratches, k) {
        struct fs_scratch *s = LIST_ITEM(k, struct fs_scratch, link);
        if (s->is_draft && !s->is_becoming_key)
            become_key(s);
    }
}

void fs_scratch_free_all(struct fs_mount *m)
{
    m->env = NULL; /* its timers are gone */
    LIST_FOREACH (&m->doomed, l)
        free_doomed(LIST_ITEM(l, struct fs_doomed, link));
    LIST_FOREACH (&m->scratches, k)
        free_scratch(LIST_ITEM(k, struct fs_scratch, link));
}
