/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel asks before it sends a request of the repeater: a name to be made must not be there
 * (for mknod, mkdir and the target of rename it asks again even if it has the name cached), one to
 * be removed must. So for the names of the change in hand, and for the repeater alone, LOOKUP says
 * what was before the change. A removed file gets an inode that no name leads to; the source of a
 * rename is the inode of its target, and the kernel moves it there.
 */
#include "fs/fs_echo.h"

#include <errno.h>

#include "fs/fs_feed.h"
#include "fs/fs_ops.h"
#include "fs/fs_path.h"

bool fs_echo_is_from(const struct fs_mount *m, fuse_req_t req)
{
    return m->repeater && fuse_req_ctx(req)->pid == m->repeater_pid;
}

/* Is it the name of this key, or, for a directory, of this prefix? */
static bool is_name_of(const struct fs_inode *dir, struct str name, struct str key, bool is_dir)
{
    struct buf text;
    enum fs_path_kind kind;
    buf_init(&text, 0);
    bool same =
        fs_path_parse(fs_inode_node(dir).a, name, &text, &kind) == 0 && kind != FS_PATH_CONTINUED;
    if (same && is_dir)
        buf_put_c(&text, '/');
    same = same && str_eq(buf_str(&text), key);
    buf_fini(&text);
    return same;
}

static void reply_gone(struct fs_mount *m, fuse_req_t req, struct fs_inode *dir,
                       const struct fs_node *node)
{
    struct fuse_entry_param e;
    struct fs_inode *i = fs_inode_add_gone(&m->inodes, node, dir->number);
    struct view v = fs_mount_view(m);
    fs_ops_entry(m, &v, i, &e);
    env_view_end(&v);
    e.entry_timeout = e.attr_timeout = 0;
    fs_inode_count(&m->inodes, i);
    if (fuse_reply_entry(req, &e) == -ENOENT)
        fs_inode_forget(&m->inodes, i, 1);
}

/* The inode that the rename's target has now. */
static void reply_moved(struct fs_mount *m, fuse_req_t req, struct fs_inode *dir,
                        const struct fs_feed_change *c)
{
    struct fs_found found = {.node = {c->is_tree ? FS_KV_DIR : FS_KV_FILE, c->to, STR_NONE}};
    struct kv_entry e;
    uint64_t index;
    struct view v = fs_mount_view(m);
    bool is_there = c->is_tree ? fs_tree_has_dir(&v, c->to) : kv_get(&v, c->to, &e, &index);
    if (is_there && !c->is_tree) {
        found.version = e.modify_index;
        found.size = e.value.n;
    }
    struct fs_inode *was = fs_inode_find(&m->inodes, &found.node);
    struct fs_inode *parent = was ? fs_inode_get(&m->inodes, was->parent) : NULL;
    if (is_there)
        fs_ops_reply_entry(m, &v, req, fs_ops_inode(m, &v, parent ? parent : dir, &found));
    env_view_end(&v);
    if (!is_there)
        reply_gone(m, req, dir, &found.node);
}

bool fs_echo_lookup(struct fs_mount *m, fuse_req_t req, struct fs_inode *dir, struct str name)
{
    struct fs_feed_change c;
    if (!fs_echo_is_from(m, req) || dir->kind != FS_KV_DIR || !fs_feed_said(m, &c))
        return false;
    switch (c.what) {
    case FS_FEED_CREATE:
    case FS_FEED_MKDIR:
        if (!is_name_of(dir, name, c.key, c.what == FS_FEED_MKDIR))
            return false;
        fuse_reply_err(req, ENOENT);
        return true;
    case FS_FEED_DELETE:
    case FS_FEED_RMDIR:
        if (!is_name_of(dir, name, c.key, c.what == FS_FEED_RMDIR))
            return false;
        reply_gone(
            m, req, dir,
            &(struct fs_node){c.what == FS_FEED_RMDIR ? FS_KV_DIR : FS_KV_FILE, c.key, STR_NONE});
        return true;
    case FS_FEED_RENAME:
        if (is_name_of(dir, name, c.to, c.is_tree))
            fuse_reply_err(req, ENOENT);
        else if (is_name_of(dir, name, c.key, c.is_tree))
            reply_moved(m, req, dir, &c);
        else
            return false;
        return true;
    default:
        return false;
    }
}

bool fs_echo_make(struct fs_mount *m, fuse_req_t req, struct fs_inode *dir, struct str name)
{
    struct fs_feed_change c;
    struct fs_found found;
    struct buf text;
    if (!fs_echo_is_from(m, req) || !fs_feed_said(m, &c))
        return false;
    buf_init(&text, 0);
    struct view v = fs_mount_view(m);
    int r = dir->kind == FS_KV_DIR ? fs_ops_lookup(m, &v, dir, name, &text, &found) : -EROFS;
    if (r == 0)
        fs_ops_reply_entry(m, &v, req, fs_ops_inode(m, &v, dir, &found));
    else
        fuse_reply_err(req, -r); /* gone again */
    env_view_end(&v);
    buf_fini(&text);
    return true;
}

bool fs_echo_done(struct fs_mount *m, fuse_req_t req)
{
    struct fs_feed_change c;
    if (!fs_echo_is_from(m, req) || !fs_feed_said(m, &c))
        return false;
    fuse_reply_err(req, 0);
    return true;
}
