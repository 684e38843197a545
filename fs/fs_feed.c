/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_feed.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_feed_line.h"
#include "state/catalog.h"

#define NEW_DIR_LOOK_MAX 1000 /* keys looked at to tell whether a directory is new */

struct fs_feed_read {
    struct list link;
    struct fs_mount *mount;
    fuse_req_t req;
    size_t size;
    struct timer timer;
};

/* One batch on its way to the readers. */
struct telling {
    struct fs_mount *m;
    struct view *v;
    struct map seen; /* prefixes and keys told already: &told_new, &told_old */
    struct kv_moved moved;
};
static const char told_new, told_old;

static void answer(struct fs_mount *m, struct fs_feed *f);
static void tell(struct telling *t, enum fs_feed_what what, struct str key, bool is_own);
static void tell_key(struct telling *t, struct str key);
static void tell_moved(struct telling *t, struct str packed);
static void tell_service(struct telling *t, struct str name);
static void tell_node(struct telling *t, struct str name);
static bool dir_is_new(struct telling *t, struct str prefix);
static bool is_own(const struct fs_mount *m, struct str key);

/* ---- readers ---- */

void fs_feed_open(struct fs_mount *m, struct fs_handle *h)
{
    struct fs_feed *f = mem_new(struct fs_feed);
    buf_init(&f->changes, 0);
    buf_init(&f->said, 0);
    buf_init(&f->rest, 0);
    list_init(&f->reads);
    f->token = h->token;
    list_push(&m->feeds, &f->link);
    h->feed = f;
}

void fs_feed_free(struct fs_mount *m, struct fs_feed *f)
{
    if (!f)
        return;
    if (m->repeater == f) {
        m->repeater = NULL;
        m->repeater_pid = 0;
    }
    if (f->poll)
        fuse_pollhandle_destroy(f->poll);
    list_remove(&f->link);
    buf_fini(&f->changes);
    buf_fini(&f->said);
    buf_fini(&f->rest);
    mem_free(f);
}

static void free_read(struct fs_feed_read *r)
{
    timers_cancel(r->mount->env->timers, &r->timer);
    fuse_req_interrupt_func(r->req, NULL, NULL);
    list_remove(&r->link);
    mem_free(r);
}

static void on_stopped(struct timer *t, struct instant now)
{
    struct fs_feed_read *r = LIST_ITEM(t, struct fs_feed_read, timer);
    fuse_req_t req = r->req;
    free_read(r);
    fuse_reply_err(req, EINTR);
}

/* Called by libfuse with a lock held that an answer would take. */
static void on_interrupt(fuse_req_t req, void *data)
{
    struct fs_feed_read *r = data;
    timers_set(r->mount->env->timers, &r->timer, env_now(r->mount->env));
}

void fs_feed_read(struct fs_mount *m, struct fs_feed *f, fuse_req_t req, size_t size)
{
    struct fs_feed_read *r = mem_new(struct fs_feed_read);
    r->mount = m;
    r->req = req;
    r->size = size;
    r->timer.fire = on_stopped;
    list_push(&f->reads, &r->link);
    fuse_req_interrupt_func(req, on_interrupt, r);
    if (m->repeater == f)
        buf_clear(&f->said); /* whoever asks for the next is done with the last */
    if (m->notify)
        answer(m, f);
    else
        fs_feed_end_all(m); /* the mount goes down */
}

bool fs_feed_is_ready(const struct fs_feed *f)
{
    return f->at < f->changes.n || f->rest.n > 0;
}

void fs_feed_end_all(struct fs_mount *m)
{
    LIST_FOREACH (&m->feeds, l) {
        struct fs_feed *f = LIST_ITEM(l, struct fs_feed, link);
        LIST_FOREACH (&f->reads, k) {
            struct fs_feed_read *r = LIST_ITEM(k, struct fs_feed_read, link);
            fuse_req_t req = r->req;
            free_read(r);
            fuse_reply_buf(req, NULL, 0);
        }
    }
}

int fs_feed_set_repeater(struct fs_mount *m, fuse_req_t req)
{
    const struct fuse_ctx *ctx = fuse_req_ctx(req);
    uid_t own = m->users ? geteuid() : m->uid;
    if ((ctx->uid != 0 && ctx->uid != own) || ctx->pid <= 0)
        return EPERM; /* 0: a process that this name space does not see, as many may be */
    LIST_FOREACH (&m->handles, l) {
        struct fs_handle *h = LIST_ITEM(l, struct fs_handle, all);
        if (h->feed && h->pid == ctx->pid) {
            m->repeater = h->feed;
            m->repeater_pid = ctx->pid;
            return 0;
        }
    }
    return EINVAL;
}

/* ---- changes, packed ---- */

static void pack(const struct fs_feed_change *c, struct buf *out)
{
    buf_put_u64(out, c->index);
    buf_put_u8(out, (uint8_t)c->what);
    buf_put_u8(out, c->is_tree);
    buf_put_u32(out, (uint32_t)c->key.n);
    buf_put_str(out, c->key);
    buf_put_u32(out, (uint32_t)c->to.n);
    buf_put_str(out, c->to);
}

static struct fs_feed_change unpack(struct cursor *c)
{
    struct fs_feed_change change = {.index = cursor_u64(c)};
    change.what = (enum fs_feed_what)cursor_u8(c);
    change.is_tree = cursor_u8(c);
    change.key = cursor_bytes(c, cursor_u32(c));
    change.to = cursor_bytes(c, cursor_u32(c));
    ASSERT(!c->bad);
    return change;
}

bool fs_feed_said(const struct fs_mount *m, struct fs_feed_change *ret)
{
    if (!m->repeater || m->repeater->said.n == 0)
        return false;
    struct cursor c = cursor_make(buf_str(&m->repeater->said));
    *ret = unpack(&c);
    return true;
}

static void push(struct fs_mount *m, struct fs_feed *f, const struct fs_feed_change *c)
{
    if (f->changes.n - f->at > FS_FEED_SIZE_MAX) {
        buf_clear(&f->changes);
        f->at = 0;
        pack(&(struct fs_feed_change){.index = c->index, .what = FS_FEED_OVERFLOW}, &f->changes);
        return;
    }
    pack(c, &f->changes);
}

void fs_feed_miss(struct fs_mount *m, struct fs_feed *f)
{
    pack(&(struct fs_feed_change){.index = m->seen_index, .what = FS_FEED_OVERFLOW}, &f->changes);
}

static void take_rest(struct fs_feed *f, size_t size, struct buf *out)
{
    struct buf rest = f->rest;
    buf_init(&f->rest, 0);
    buf_put_str(out, str_take(buf_str(&rest), size));
    buf_put_str(&f->rest, str_drop(buf_str(&rest), size));
    buf_fini(&rest);
}

/* Lines for the first that waits, as many as fit; of a repeater one. */
static void answer(struct fs_mount *m, struct fs_feed *f)
{
    struct list *l;
    struct buf text, line;
    if (!fs_feed_is_ready(f))
        return;
    if (f->poll) {
        fuse_lowlevel_notify_poll(f->poll);
        fuse_pollhandle_destroy(f->poll);
        f->poll = NULL;
    }
    buf_init(&text, 0);
    buf_init(&line, 0);
    while (fs_feed_is_ready(f) && (l = list_first(&f->reads))) {
        struct fs_feed_read *r = LIST_ITEM(l, struct fs_feed_read, link);
        struct view v = fs_mount_view(m);
        bool fits = true;
        buf_clear(&text);
        if (f->rest.n > 0)
            take_rest(f, r->size, &text);
        while (fits && f->at < f->changes.n && text.n < r->size &&
               (m->repeater != f || text.n == 0)) {
            struct cursor c = cursor_make(str_drop(buf_str(&f->changes), f->at));
            struct fs_feed_change change = unpack(&c);
            buf_clear(&line);
            fs_feed_line_put(&v, &change, &line);
            fits = text.n + line.n <= r->size;
            if (!fits && text.n > 0)
                break;
            buf_put_str(&f->rest, str_drop(buf_str(&line), r->size)); /* of a line too long */
            size_t end = f->changes.n - cursor_left(&c);
            if (m->repeater == f) {
                buf_clear(&f->said);
                buf_put(&f->said, f->changes.p + f->at, end - f->at);
            }
            buf_put_str(&text, str_take(buf_str(&line), r->size));
            f->at = end;
        }
        env_view_end(&v);
        if (f->at == f->changes.n) {
            buf_fini(&f->changes);
            f->at = 0;
        }
        fuse_req_t req = r->req;
        free_read(r);
        fuse_reply_buf(req, text.p, text.n);
    }
    buf_fini(&text);
    buf_fini(&line);
}

/* ---- a batch to lines ---- */

void fs_feed_apply(struct fs_mount *m, struct view *v, const struct change_batch *batch)
{
    struct telling t = {.m = m, .v = v};
    enum watch_kind kind;
    struct str key;
    size_t pos = 0;
    if (list_is_empty(&m->feeds))
        return;
    map_init(&t.seen, (uint64_t)(uintptr_t)m);
    if (batch->everything)
        tell(&t, FS_FEED_OVERFLOW, STR_LIT(""), false);
    while (!batch->everything && change_next(batch, &pos, &kind, &key)) {
        if (kind == WATCH_KV)
            tell_key(&t, key);
        else if (kind == WATCH_MOVED)
            tell_moved(&t, key);
        else if (kind == WATCH_SERVICE)
            tell_service(&t, key);
        else if (kind == WATCH_NODE)
            tell_node(&t, key);
    }
    map_fini(&t.seen);
}

/* After the view has ended. */
void fs_feed_flush(struct fs_mount *m)
{
    LIST_FOREACH (&m->feeds, l)
        answer(m, LIST_ITEM(l, struct fs_feed, link));
}

static bool kernel_knows(struct fs_mount *m, enum fs_kind kind, struct str a)
{
    return fs_inode_find(&m->inodes, &(struct fs_node){kind, a, STR_NONE}) != NULL;
}

/* Is there anybody to whom inotify could tell it? The directory it is in must be known, or be made
 * by the same batch below one that is. */
static bool may_be_watched(struct telling *t, const struct fs_feed_change *c)
{
    if (c->what == FS_FEED_OVERFLOW)
        return false;
    if (c->what == FS_FEED_SERVICE)
        return kernel_knows(t->m, FS_SERVICES, STR_LIT("")) ||
               kernel_knows(t->m, FS_SERVICE, c->key);
    if (c->what == FS_FEED_NODE)
        return kernel_knows(t->m, FS_NODES, STR_LIT("")) || kernel_knows(t->m, FS_NODE, c->key);
    size_t n = c->key.n;
    bool is_dir = n > 0 && c->key.p[n - 1] == '/' && c->what != FS_FEED_MODIFY;
    if (is_dir)
        n--;
    while (n > 0 && c->key.p[n - 1] != '/')
        n--;
    struct str parent = str_take(c->key, n);
    return kernel_knows(t->m, FS_KV_DIR, parent) || map_get(&t->seen, parent) == &told_new;
}

/* Judged now, so that what is there to be read can be read. */
static bool may_see(struct telling *t, const struct fs_feed *f, const struct fs_feed_change *c)
{
    struct view v = *t->v;
    if (!t->m->judges)
        return true;
    env_view_as(t->m->env, &v, f->token);
    return fs_feed_line_may_see(&v, c);
}

static void tell_change(struct telling *t, const struct fs_feed_change *c, bool own)
{
    LIST_FOREACH (&t->m->feeds, l) {
        struct fs_feed *f = LIST_ITEM(l, struct fs_feed, link);
        if (f == t->m->repeater ? !own && may_be_watched(t, c) : may_see(t, f, c))
            push(t->m, f, c);
    }
}

static void tell(struct telling *t, enum fs_feed_what what, struct str key, bool own)
{
    struct fs_feed_change c = {.index = view_index(t->v), .what = what, .key = key};
    tell_change(t, &c, own);
}

static bool has_old_key(struct view *v, struct str prefix, uint64_t seen_index)
{
    struct kv_entry e;
    struct buf from;
    bool found = false;
    buf_init(&from, 0);
    buf_put_str(&from, prefix);
    for (int i = 0; i < NEW_DIR_LOOK_MAX && !found && kv_first(v, prefix, buf_str(&from), &e);
         i++) {
        found = e.create_index <= seen_index;
        buf_clear(&from);
        buf_put_str(&from, e.key);
        buf_put_c(&from, '\0');
    }
    buf_fini(&from);
    return found;
}

/* The first time it is asked in a batch. */
static bool dir_is_new(struct telling *t, struct str prefix)
{
    if (map_get(&t->seen, prefix))
        return false;
    bool is_new = !has_old_key(t->v, prefix, t->m->seen_index);
    map_set(&t->seen, prefix, (void *)(uintptr_t)(is_new ? &told_new : &told_old));
    return is_new;
}

static void tell_dirs_made(struct telling *t, struct str key, bool own)
{
    for (size_t n = str_find(key, '/', 0); n < key.n; n = str_find(key, '/', n + 1)) {
        struct str prefix = str_take(key, n + 1);
        if (dir_is_new(t, prefix))
            tell(t, FS_FEED_MKDIR, prefix, own);
    }
}

static void tell_dirs_gone(struct telling *t, struct str key, bool own)
{
    for (size_t n = key.n; n > 0; n--) {
        struct str prefix = str_take(key, n);
        if (prefix.p[n - 1] != '/')
            continue;
        if (kv_any(t->v, prefix))
            return;
        if (!map_get(&t->seen, prefix)) {
            map_set(&t->seen, prefix, (void *)(uintptr_t)&told_old);
            tell(t, FS_FEED_RMDIR, prefix, own);
        }
    }
}

/* Is the key's change a part of the rename that was told before it? */
static bool was_moved(const struct telling *t, struct str key, const struct kv_entry *e)
{
    const struct kv_moved *m = &t->moved;
    if (!m->from.p)
        return false;
    struct str side = e ? m->to : m->from;
    bool is_part = m->tree ? str_has_prefix(key, side) : str_eq(key, side);
    return is_part && (!e || e->modify_index == m->index);
}

static void tell_key(struct telling *t, struct str key)
{
    struct kv_entry e;
    uint64_t index;
    struct buf once;
    bool is_there = kv_get(t->v, key, &e, &index);
    if (key.n == 0 || was_moved(t, key, is_there ? &e : NULL))
        return;
    buf_init(&once, 0);
    buf_put_c(&once, '\0'); /* apart from the prefixes */
    buf_put_str(&once, key);
    bool is_first = !map_get(&t->seen, buf_str(&once));
    map_set(&t->seen, buf_str(&once), (void *)(uintptr_t)&told_old);
    buf_fini(&once);
    if (!is_first)
        return;
    bool own = is_own(t->m, key);
    bool is_marker = key.p[key.n - 1] == '/' && (!is_there || e.value.n == 0);
    if (is_there && e.create_index > t->m->seen_index) {
        tell_dirs_made(t, key, own);
        if (!is_marker)
            tell(t, FS_FEED_CREATE, key, own);
    } else if (is_there) {
        if (!is_marker)
            tell(t, FS_FEED_MODIFY, key, own);
    } else {
        if (!is_marker)
            tell(t, FS_FEED_DELETE, key, own);
        tell_dirs_gone(t, key, own);
    }
}

static void tell_moved(struct telling *t, struct str packed)
{
    if (kv_decode_moved(packed, &t->moved) < 0)
        return;
    struct fs_feed_change c = {.index = t->moved.index,
                               .what = FS_FEED_RENAME,
                               .is_tree = t->moved.tree,
                               .key = t->moved.from,
                               .to = t->moved.to};
    bool own = is_own(t->m, c.key);
    tell_dirs_made(t, c.is_tree ? str_take(c.to, c.to.n - 1) : c.to, own);
    tell_change(t, &c, own);
    tell_dirs_gone(t, c.is_tree ? str_take(c.key, c.key.n - 1) : c.key, own);
}

/* By this mount: its programs had their events when they did it. */
static bool is_own(const struct fs_mount *m, struct str key)
{
    if (fs_write_is_own(m, key))
        return true;
    LIST_FOREACH (&m->waits, l) {
        const struct fs_wait *w = LIST_ITEM(l, struct fs_wait, link);
        const struct fs_inode *i = w->handle ? w->handle->inode : w->inode;
        if (w->is_submitted && i && i->kind == FS_KV_FILE && str_eq(fs_inode_node(i).a, key))
            return true;
    }
    return false;
}

static bool on_spelling(void *data, const struct catalog_node *n, const struct catalog_service *s)
{
    buf_put_str(data, s->name);
    return false;
}

static void tell_service(struct telling *t, struct str name)
{
    struct buf spelled;
    uint64_t index;
    buf_init(&spelled, 0);
    catalog_service_nodes(t->v, name, on_spelling, &spelled, &index);
    tell(t, FS_FEED_SERVICE, spelled.n > 0 ? buf_str(&spelled) : name, false);
    buf_fini(&spelled);
}

static void tell_node(struct telling *t, struct str name)
{
    struct catalog_node node;
    tell(t, FS_FEED_NODE, catalog_node_get(t->v, name, &node) ? node.name : name, false);
}
