/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_rename.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "fs/fs_change.h"
#include "fs/fs_echo.h"
#include "fs/fs_heir.h"
#include "fs/fs_name.h"
#include "fs/fs_ops.h"
#include "fs/fs_path.h"
#include "fs/fs_rights.h"
#include "fs/fs_scratch.h"
#include "fs/fs_write.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#define RENAME_EXCHANGE  (1 << 1)
#endif

static void on_renamed(struct fs_wait *w, int error);
static int rename_check(struct fs_mount *m, struct view *v, struct fs_wait *w, struct fs_inode *dir,
                        struct fs_inode *dir2, const char *name, const char *name2);
static bool may_back_up(const struct fs_wait *w);
static bool rename_locally(struct fs_mount *m, struct fs_wait *w, struct fs_inode *i, int *error);
static int rename_scratch(struct fs_mount *m, struct fs_wait *w, struct fs_inode *i);
static int rename_pending(struct fs_mount *m, struct fs_wait *w, struct fs_inode *i);
static void move_inodes(struct fs_mount *m, struct fs_wait *w);

/* Files that no command names, on either side, may be another user's. */
static int check_scratch(struct fs_mount *m, const struct fs_wait *w)
{
    struct str keys[] = {buf_str(&w->key), buf_str(&w->to)};
    int error = 0;
    for (int k = 0; k < 2 && !error; k++) {
        struct fs_node node = {FS_KV_FILE, keys[k], STR_NONE};
        const struct fs_inode *i = fs_inode_find(&m->inodes, &node);
        if (i && (i->scratch || i->is_pending))
            error = fs_rights_check(m, i, R_OK | W_OK);
    }
    return error;
}

/* By the life before, which did not come to answer it. */
static bool was_renamed(struct fs_mount *m, struct view *v, const struct fs_wait *w,
                        struct fs_inode *dir, const char *name)
{
    struct fs_found found;
    struct buf text;
    buf_init(&text, 0);
    bool is_there =
        w->is_resent && !w->exchange && fs_ops_lookup(m, v, dir, str_z(name), &text, &found) == 0;
    buf_fini(&text);
    return is_there;
}

void fs_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned int flags)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *dir2 = fs_inode_get(&m->inodes, new_parent);
    struct fs_inode *dir = fs_name_begin(req, parent);
    if (!dir || fs_echo_done(m, req))
        return;
    struct fs_wait *w = fs_write_wait_new(m, req, on_renamed);
    w->no_replace = flags & RENAME_NOREPLACE;
    w->exchange = flags & RENAME_EXCHANGE;
    int error = 0;
    bool is_done = false;
    if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
        error = EINVAL;
    else if (!dir2 || dir2->kind != FS_KV_DIR)
        error = dir2 ? EROFS : ESTALE;
    if (!error)
        error = fs_rights_check_mode(m, dir2, W_OK | X_OK);
    if (!error) {
        struct view v = fs_mount_view(m);
        error = rename_check(m, &v, w, dir, dir2, name, new_name);
        is_done = error == ENOENT && was_renamed(m, &v, w, dir2, new_name);
        env_view_end(&v);
    }
    if (!error)
        error = check_scratch(m, w);
    if (!error) {
        fs_heir_renamed(m, buf_str(&w->key), w->is_tree);
        if (w->exchange)
            fs_heir_renamed(m, buf_str(&w->to), w->is_tree);
        fs_write_busy(w, dir, dir2);
        struct fs_node node = {w->is_tree ? FS_KV_DIR : FS_KV_FILE, buf_str(&w->key), STR_NONE};
        struct fs_inode *i = fs_inode_find(&m->inodes, &node);
        bool is_local = i && i->scratch && !i->scratch->is_becoming_key;
        if (!w->is_tree && (is_local || may_back_up(w)) && rename_locally(m, w, i, &error)) {
            if (!error)
                fs_change_listing(m, dir);
            if (!error && dir2 != dir)
                fs_change_listing(m, dir2);
            if (m->notify)
                fs_notify_flush(m->notify);
            fs_write_reply(w, error);
            fs_write_wait_free(w);
            return;
        }
        if (is_local) {
            error = rename_scratch(m, w, i);
        } else if (i && i->is_pending) {
            error = rename_pending(m, w, i);
        } else if (i && i->is_ghost) { /* nothing to move but the directory itself */
            struct kv_op op = {.verb = KV_SET, .key = buf_str(&w->to)};
            fs_write_submit_op(w, &op, NULL);
        } else {
            kv_encode_rename(buf_str(&w->key), buf_str(&w->to), w->is_tree, w->no_replace,
                             w->exchange, &w->write.command);
            fs_write_submit(w);
        }
    }
    if (error) {
        fs_write_reply(w, is_done ? 0 : error);
        fs_write_wait_free(w);
    }
}

/* Fills w->key and w->to; 0 or an errno. */
static int rename_check(struct fs_mount *m, struct view *v, struct fs_wait *w, struct fs_inode *dir,
                        struct fs_inode *dir2, const char *name, const char *name2)
{
    struct fs_found from, to;
    struct buf text;
    enum fs_path_kind kind;
    int error = 0;
    buf_init(&text, 0);
    int r = fs_ops_lookup(m, v, dir, str_z(name), &w->key, &from);
    w->is_tree = r == 0 && from.node.kind == FS_KV_DIR;
    /* The inside of a cut component is no prefix of whole names. */
    if (r == 0 && w->is_tree && from.node.a.p[from.node.a.n - 1] != '/')
        r = -EINVAL;
    if (r == 0) {
        r = fs_path_parse(fs_inode_node(dir2).a, str_z(name2), &w->to, &kind);
        if (r == ERR_INVALID || (r == 0 && (kind == FS_PATH_CONTINUED || w->to.n == 0)))
            r = -EINVAL;
        else if (r == 0 && kind == (w->is_tree ? FS_PATH_VALUE : FS_PATH_TREE))
            r = -EINVAL;
        else if (r == 0 && w->to.n >= KV_KEY_SIZE_MAX)
            r = -ENAMETOOLONG;
    }
    if (r == 0 && w->is_tree)
        buf_put_c(&w->to, '/');
    if (r == 0 && fs_ops_lookup(m, v, dir2, str_z(name2), &text, &to) == 0) {
        bool to_tree = to.node.kind == FS_KV_DIR;
        if (w->no_replace)
            error = EEXIST;
        else if (to_tree != w->is_tree)
            error = w->exchange ? EINVAL : w->is_tree ? ENOTDIR : EISDIR;
        else if (to_tree && !w->exchange && !fs_tree_dir_is_empty(v, to.node.a))
            error = ENOTEMPTY;
    } else if (r == 0 && w->exchange) {
        error = ENOENT;
    }
    if (r == 0 && !error && w->is_tree && str_has_prefix(buf_str(&w->to), buf_str(&w->key)))
        error = EINVAL;
    buf_fini(&text);
    return r < 0 ? -r : error;
}

static enum fs_scratch_kind kind_of(struct str key)
{
    size_t at = key.n;
    while (at > 0 && key.p[at - 1] != '/')
        at--;
    return fs_scratch_name(str_drop(key, at));
}

static bool has_key(struct fs_mount *m, struct str key)
{
    struct kv_entry e;
    uint64_t index;
    struct view v = fs_mount_view(m);
    bool is_there = kv_get(&v, key, &e, &index);
    env_view_end(&v);
    return is_there;
}

/* Is this an editor that puts the old value aside before it writes a new one? */
static bool may_back_up(const struct fs_wait *w)
{
    return !w->exchange && kind_of(buf_str(&w->to)) == FS_SCRATCH_LOCAL &&
           kind_of(buf_str(&w->key)) == FS_SCRATCH_NONE;
}

/* Of this mount alone before and after: nothing is committed. False: the target is a key. */
static bool rename_locally(struct fs_mount *m, struct fs_wait *w, struct fs_inode *i, int *error)
{
    struct str to = buf_str(&w->to);
    enum fs_scratch_kind kind = kind_of(to);
    if (!i || kind == FS_SCRATCH_NONE || i->is_pending || w->exchange || has_key(m, to))
        return false;
    if (!i->scratch) {
        *error = fs_scratch_back_up(m, i, to);
        return true;
    }
    i->scratch->is_draft = kind == FS_SCRATCH_DRAFT;
    fs_scratch_move(m, i, to);
    fs_scratch_closed(m, i);
    return true;
}

/* The commit that a save is. */
static int rename_scratch(struct fs_mount *m, struct fs_wait *w, struct fs_inode *i)
{
    struct fs_scratch *s = i->scratch;
    if (w->exchange)
        return EINVAL;
    timers_cancel(m->env->timers, &s->timer);
    if (s->value.n > m->value_max) {
        fs_scratch_closed(m, i);
        return EFBIG;
    }
    struct kv_op op = {.verb = w->no_replace ? KV_CAS : KV_SET,
                       .key = buf_str(&w->to),
                       .value = buf_str(&s->value)};
    w->size = s->value.n;
    i->open_n++;
    w->inode = i;
    fs_write_submit_op(w, &op, s->has_flags ? &s->flags : NULL);
    return 0;
}

/* A file that its writer has not closed yet gets its first commit under the new name. */
static int rename_pending(struct fs_mount *m, struct fs_wait *w, struct fs_inode *i)
{
    struct list *last = i->writers.prev;
    if (w->exchange || last == &i->writers)
        return w->exchange ? EINVAL : ENOENT;
    struct fs_handle *h = LIST_ITEM(last, struct fs_handle, link);
    if (h->poison)
        return h->poison;
    struct kv_op op = {.verb = w->no_replace ? KV_CAS : KV_SET,
                       .key = buf_str(&w->to),
                       .value = buf_str(&h->data)};
    w->size = h->data.n;
    w->handle = h;
    h->is_dirty = h->is_touched = false;
    i->open_n++;
    w->inode = i;
    fs_write_submit_op(w, &op, h->has_flags ? &h->flags : NULL);
    return 0;
}

static void on_renamed(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    struct fs_inode *i = w->inode;
    if (!error && !w->ok)
        error = EEXIST;
    /* When the kernel was already told that it failed (too late), the names are where they were,
     * and fs_change.c has dealt with them as with anybody's change. */
    bool in_time = w->dir != NULL;
    if (!error && in_time)
        move_inodes(m, w);
    if (!error && in_time && i) { /* was pending */
        i->is_pending = false;
        i->size = w->size;
        fs_scratch_drop(m, i);
        LIST_FOREACH (&i->writers, l) {
            struct fs_handle *h = LIST_ITEM(l, struct fs_handle, link);
            h->is_exclusive = false;
            if (h == w->handle && h->appends) {
                buf_clear(&h->data);
                h->is_dirty = false;
            }
        }
    }
    if (!error && in_time)
        fs_change_listing(m, w->dir);
    if (!error && w->dir2)
        fs_change_listing(m, w->dir2);
    if (!error && in_time)
        fs_scratch_spare(m, buf_str(&w->to));
    fs_write_reply(w, error);
    fs_write_wait_free(w);
    if (!i)
        return;
    if (i->scratch) {
        fs_scratch_closed(m, i);                    /* it failed: still a draft */
    } else if (i->is_current && i->writer_n == 0) { /* the next lookup finds one to be cached */
        fs_inode_retire(&m->inodes, i);
        fs_change_inode(m, i);
        if (m->notify)
            fs_notify_flush(m->notify);
    }
    i->open_n--;
    fs_inode_settle(&m->inodes, i);
}

/* Inodes follow their keys: the kernel moved their names already. Under a name that now holds
 * another version than the inode stands for, the name is forgotten too. */
static void move_one(struct fs_mount *m, struct fs_wait *w, struct fs_inode *i, struct str from,
                     struct str to)
{
    struct buf key;
    buf_init(&key, 0);
    struct fs_node node = fs_inode_node(i);
    buf_put_str(&key, to);
    buf_put_str(&key, str_drop(node.a, from.n));
    struct fs_node moved = {node.kind, buf_str(&key), STR_NONE};
    struct fs_inode *old = fs_inode_find(&m->inodes, &moved);
    if (old && old != i) {
        old->is_unlinked = !w->exchange;
        fs_inode_set_ghost(&m->inodes, old, false);
    }
    fs_inode_move(&m->inodes, i, &moved);
    uint64_t was = i->version;
    if (i->kind == FS_KV_FILE) {
        LIST_FOREACH (&i->writers, l) {
            struct fs_handle *h = LIST_ITEM(l, struct fs_handle, link);
            if (h->base_version == was)
                h->base_version = w->version;
        }
        i->version = w->version;
    }
    buf_fini(&key);
}

static void move_value(struct fs_mount *m, struct fs_wait *w, struct str from, struct str to)
{
    struct fs_node node = {FS_KV_FILE, from, STR_NONE}, target = {FS_KV_FILE, to, STR_NONE};
    struct fs_inode *i = fs_inode_find(&m->inodes, &node);
    struct fs_inode *other = fs_inode_find(&m->inodes, &target);
    if (other && other != i && !w->exchange && other->scratch) { /* replaced */
        other->is_unlinked = true;
        fs_inode_retire(&m->inodes, other);
        fs_scratch_drop(m, other);
        other = NULL;
    }
    if (w->exchange) { /* both names are looked up afresh */
        struct fs_inode *both[] = {i, other};
        for (int k = 0; k < 2; k++)
            if (both[k]) {
                both[k]->is_misnamed = true;
                fs_inode_retire(&m->inodes, both[k]);
                fs_change_inode(m, both[k]);
            }
    } else if (i) {
        move_one(m, w, i, from, to);
        i->parent = (w->dir2 ? w->dir2 : w->dir)->number;
    } else if (other) {
        other->is_unlinked = true;
        fs_inode_retire(&m->inodes, other);
    }
}

static void move_inodes(struct fs_mount *m, struct fs_wait *w)
{
    struct str from = buf_str(&w->key), to = buf_str(&w->to);
    if (!w->is_tree) {
        move_value(m, w, from, to);
        return;
    }
    for (uint32_t s = 0; s < m->inodes.slot_n; s++) {
        struct fs_inode *i = fs_inode_slot(&m->inodes, s);
        if (!i || (i->kind != FS_KV_DIR && i->kind != FS_KV_FILE))
            continue;
        struct str key = fs_inode_node(i).a;
        bool is_from = str_has_prefix(key, from), is_to = str_has_prefix(key, to);
        if (!i->is_current) { /* a name may still lead to it, and went along */
            i->is_misnamed = i->is_misnamed || is_from || is_to;
            fs_inode_changed(&m->inodes, i);
        } else if (w->exchange && (is_from || is_to)) {
            i->is_misnamed = true;
            fs_change_inode(m, i);
            fs_inode_retire(&m->inodes, i);
        } else if (is_from) {
            fs_inode_set_ghost(&m->inodes, i, false);
            if (str_eq(key, from) && i->kind == FS_KV_DIR)
                i->parent = (w->dir2 ? w->dir2 : w->dir)->number;
            move_one(m, w, i, from, to);
        }
    }
}
