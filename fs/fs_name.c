/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A directory is there because keys lie below it; mkdir makes one such key, the marker DIR/ with an
 * empty value, so that empty directories are there on every host. The inside of a cut component
 * (NAME%+) has no marker: its mkdir makes a directory of this mount alone, until a key is put in.
 */
#include "fs/fs_name.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "fs/fs_agent.h"
#include "fs/fs_change.h"
#include "fs/fs_echo.h"
#include "fs/fs_ops.h"
#include "fs/fs_path.h"
#include "fs/fs_rights.h"
#include "fs/fs_scratch.h"
#include "fs/fs_write.h"

static void on_made(struct fs_wait *w, int error);
static void on_removed(struct fs_wait *w, int error);
static void on_unlinked(struct fs_wait *w, int error);

struct fs_inode *fs_name_begin(fuse_req_t req, fuse_ino_t parent)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *dir = fs_inode_get(&m->inodes, parent);
    int error = !dir ? ESTALE : dir->kind != FS_KV_DIR ? EROFS : fs_write_preflight(m);
    if (!error)
        error = fs_rights_check_mode(m, dir, W_OK | X_OK);
    if (error)
        fuse_reply_err(req, error);
    return error ? NULL : dir;
}

void fs_name_make(fuse_req_t req, fuse_ino_t parent, const char *name, bool is_dir)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *dir = fs_name_begin(req, parent);
    enum fs_path_kind kind;
    if (!dir || fs_echo_make(m, req, dir, str_z(name)))
        return;
    struct fs_wait *w = fs_write_wait_new(m, req, on_made);
    int r = fs_path_parse(fs_inode_node(dir).a, str_z(name), &w->key, &kind);
    int error = r == -ENAMETOOLONG                                               ? ENAMETOOLONG
                : r < 0 || (is_dir && kind == FS_PATH_VALUE)                     ? EINVAL
                : !is_dir && (kind == FS_PATH_TREE || kind == FS_PATH_CONTINUED) ? EINVAL
                                                                                 : 0;
    if (!error && w->key.n >= KV_KEY_SIZE_MAX)
        error = ENAMETOOLONG;
    if (error) {
        fs_write_reply(w, error);
        fs_write_wait_free(w);
        return;
    }
    if (kind == FS_PATH_CONTINUED) {
        struct fs_node node = {FS_KV_DIR, buf_str(&w->key), STR_NONE};
        struct fs_inode *i = fs_inode_add(&m->inodes, &node, dir->number, 0);
        struct view v = fs_mount_view(m);
        fs_inode_set_ghost(&m->inodes, i, true);
        i->mtime_ns = clock_wall_ns();
        fs_ops_reply_entry(m, &v, fs_write_take_req(w), i);
        env_view_end(&v);
        fs_change_listing(m, dir);
        fs_write_wait_free(w);
        return;
    }
    w->makes_file = !is_dir;
    if (is_dir)
        buf_put_c(&w->key, '/');
    fs_write_busy(w, dir, NULL);
    struct kv_op op = {.verb = KV_CAS, .key = buf_str(&w->key)};
    fs_write_submit_op(w, &op, NULL);
}

static void on_made(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    if (!error && !w->ok && (!w->is_resent || w->makes_file))
        error = EEXIST;
    fuse_req_t req = error ? NULL : fs_write_take_req(w);
    if (req) {
        struct fs_found found = {
            .node = {w->makes_file ? FS_KV_FILE : FS_KV_DIR, buf_str(&w->key), STR_NONE},
            .version = w->makes_file ? w->version : 0};
        struct view v = fs_mount_view(m);
        fs_ops_reply_entry(m, &v, req, fs_ops_inode(m, &v, w->dir, &found));
        env_view_end(&v);
    }
    fs_write_reply(w, error);
    fs_write_wait_free(w);
}

void fs_name_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *dir = fs_name_begin(req, parent);
    struct fs_found found;
    struct buf text;
    struct kv_entry e;
    uint64_t index;
    if (!dir || fs_echo_done(m, req))
        return;
    buf_init(&text, 0);
    struct view v = fs_mount_view(m);
    int r = fs_ops_lookup(m, &v, dir, str_z(name), &text, &found);
    bool is_done = r == -ENOENT && m->channel.is_resent; /* by the life before */
    int error = r < 0 ? -r : found.node.kind != FS_KV_DIR ? ENOTDIR : 0;
    if (!error &&
        (!fs_tree_dir_is_empty(&v, found.node.a) || fs_scratch_any_below(m, found.node.a)))
        error = ENOTEMPTY;
    bool has_marker = !error && kv_get(&v, found.node.a, &e, &index);
    env_view_end(&v);
    for (uint32_t s = 0; !error && m->inodes.ghost_n > 0 && s < m->inodes.slot_n; s++) {
        struct fs_inode *i = fs_inode_slot(&m->inodes, s);
        if (i && i->is_ghost && i->is_current && fs_inode_node(i).a.n > found.node.a.n &&
            str_has_prefix(fs_inode_node(i).a, found.node.a))
            error = ENOTEMPTY;
    }
    if (error || !has_marker) {
        struct fs_inode *i = error ? NULL : fs_inode_find(&m->inodes, &found.node);
        fuse_reply_err(req, is_done ? 0 : error ? error : i ? 0 : ENOENT);
        if (i) {
            fs_inode_set_ghost(&m->inodes, i, false);
            fs_inode_retire(&m->inodes, i);
            fs_change_listing(m, dir);
            fs_inode_settle(&m->inodes, i);
        }
        buf_fini(&text);
        return;
    }
    struct fs_wait *w = fs_write_wait_new(m, req, on_removed);
    buf_put_str(&w->key, found.node.a);
    buf_fini(&text);
    fs_write_busy(w, dir, NULL);
    struct kv_op op = {.verb = KV_DELETE, .key = buf_str(&w->key)};
    fs_write_submit_op(w, &op, NULL);
}

static void on_removed(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    struct fs_node node = {FS_KV_DIR, buf_str(&w->key), STR_NONE};
    struct fs_inode *i = fs_inode_find(&m->inodes, &node);
    if (!error && i) {
        fs_inode_set_ghost(&m->inodes, i, false);
        fs_inode_retire(&m->inodes, i);
        fs_inode_settle(&m->inodes, i);
    }
    if (!error && w->dir)
        fs_change_listing(m, w->dir);
    fs_write_reply(w, error);
    fs_write_wait_free(w);
}

void fs_name_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *services = fs_inode_get(&m->inodes, parent);
    if (services && services->kind == FS_AGENT_SERVICES) {
        if (fs_rights_check_mode(m, services, W_OK | X_OK))
            fuse_reply_err(req, EACCES);
        else
            fs_agent_unlink(m, req, services, str_z(name));
        return;
    }
    struct fs_inode *dir = fs_name_begin(req, parent);
    struct fs_found found;
    struct buf text;
    if (!dir || fs_echo_done(m, req))
        return;
    buf_init(&text, 0);
    struct view v = fs_mount_view(m);
    int r = fs_ops_lookup(m, &v, dir, str_z(name), &text, &found);
    env_view_end(&v);
    struct fs_inode *i = r == 0 ? fs_inode_find(&m->inodes, &found.node) : NULL;
    if (r < 0 || found.node.kind != FS_KV_FILE) {
        bool is_done = r == -ENOENT && m->channel.is_resent; /* by the life before */
        fuse_reply_err(req, is_done ? 0 : r < 0 ? -r : EISDIR);
    } else if (i && (i->scratch || i->is_pending) && fs_rights_check(m, i, W_OK)) {
        fuse_reply_err(req, EACCES);
    } else if (i && (i->is_pending || (i->scratch && !i->scratch->is_becoming_key))) {
        /* never was committed, and never will be */
        i->is_unlinked = true;
        fs_inode_retire(&m->inodes, i);
        fuse_reply_err(req, 0);
        fs_change_listing(m, dir);
        fs_notify_flush(m->notify);
        fs_scratch_drop(m, i);
    } else {
        struct fs_wait *w = fs_write_wait_new(m, req, on_unlinked);
        buf_put_str(&w->key, found.node.a);
        fs_write_busy(w, dir, NULL);
        if (i) {
            i->open_n++;
            w->inode = i;
        }
        struct kv_op op = {.verb = KV_DELETE, .key = buf_str(&w->key)};
        fs_write_submit_op(w, &op, NULL);
    }
    buf_fini(&text);
}

static void on_unlinked(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    struct fs_inode *i = w->inode;
    if (i) {
        if (!error) {
            i->is_unlinked = true;
            fs_inode_retire(&m->inodes, i);
        }
        i->open_n--;
        fs_inode_settle(&m->inodes, i);
    }
    fs_write_reply(w, error);
    fs_write_wait_free(w);
}
