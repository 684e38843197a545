/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_create.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fs/fs_change.h"
#include "fs/fs_file.h"
#include "fs/fs_ops.h"
#include "fs/fs_own.h"
#include "fs/fs_path.h"
#include "fs/fs_rights.h"
#include "fs/fs_scratch.h"
#include "fs/fs_write.h"
#include "state/policy.h"

static void reply_create(fuse_req_t req, struct fs_mount *m, struct fs_handle *h,
                         struct fuse_file_info *fi);

/* A file in agent/services; also when there is one, which its close then replaces. */
static void create_service(struct fs_mount *m, fuse_req_t req, struct fs_inode *dir,
                           struct str name, struct fuse_file_info *fi)
{
    struct buf id;
    buf_init(&id, 0);
    int r = fs_own_id(name, &id);
    if (r < 0) {
        fuse_reply_err(req, r == -ENOENT ? EINVAL : -r);
        buf_fini(&id);
        return;
    }
    struct fs_node node = {FS_AGENT_SERVICE, buf_str(&id), STR_NONE};
    struct fs_inode *i = fs_inode_find(&m->inodes, &node);
    if (!i) {
        i = fs_inode_add(&m->inodes, &node, dir->number, 0);
        i->is_pending = true;
        i->mtime_ns = clock_wall_ns();
    }
    reply_create(req, m, fs_file_new_writer(m, i, fi->flags | O_TRUNC, fuse_req_ctx(req)->pid), fi);
    buf_fini(&id);
}

/* A new file: one of this mount alone, by its name or as mkstemp makes them, or a key. */
static int scratch_or_key(struct fs_mount *m, struct fs_handle *h, struct str key, int flags,
                          mode_t mode)
{
    size_t at = key.n;
    while (at > 0 && key.p[at - 1] != '/')
        at--;
    enum fs_scratch_kind kind = fs_scratch_name(str_drop(key, at));
    bool as_mkstemp = (flags & O_ACCMODE) == O_RDWR && (flags & O_EXCL) && (mode & 07777) == 0600;
    if (fs_scratch_is_doomed(m, key)) { /* its next value */
        h->is_exclusive = false;
        h->is_blind = true;
        return 0;
    }
    if (kind == FS_SCRATCH_NONE && as_mkstemp)
        kind = FS_SCRATCH_DRAFT;
    int error =
        kind == FS_SCRATCH_NONE ? fs_write_right(m, key) : fs_scratch_make(m, h->inode, kind);
    if (!error && h->inode->scratch)
        fs_change_listing(m, fs_inode_get(&m->inodes, h->inode->parent));
    return error;
}

/* *ret is there also after an error. */
static int make_new(struct fs_mount *m, const struct fs_inode *dir, struct str key,
                    const struct fuse_file_info *fi, mode_t mode, int32_t pid,
                    struct fs_handle **ret)
{
    struct fs_node node = {FS_KV_FILE, key, STR_NONE};
    (void)fs_stale_take(&m->stale, key, pid, 0, env_now(m->env)); /* it ends here */
    struct fs_inode *i = fs_inode_add(&m->inodes, &node, dir->number, 0);
    i->is_direct = i->is_pending = true;
    i->mtime_ns = clock_wall_ns();
    struct fs_handle *h = *ret = fs_file_new_writer(m, i, fi->flags, pid);
    h->is_touched = true;
    h->is_exclusive = fi->flags & O_EXCL;
    h->appends = h->appends && !h->is_exclusive; /* nobody else's bytes to add to */
    return scratch_or_key(m, h, key, fi->flags, mode);
}

void fs_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *dir = fs_inode_get(&m->inodes, parent), *i = NULL;
    struct fs_handle *h = NULL;
    struct fs_found found;
    struct buf text, key;
    enum fs_path_kind kind;
    int32_t pid = fuse_req_ctx(req)->pid;
    int error = dir ? fs_write_preflight(m) : ESTALE;
    if (!error)
        error = fs_rights_check_mode(m, dir, W_OK | X_OK);
    if (!error && dir->kind == FS_AGENT_SERVICES) {
        create_service(m, req, dir, str_z(name), fi);
        return;
    }
    if (!error && dir->kind != FS_KV_DIR)
        error = EROFS;
    if (error) {
        fuse_reply_err(req, error);
        return;
    }
    buf_init(&text, 0);
    buf_init(&key, 0);
    struct view v = fs_mount_view(m);
    int r = fs_ops_lookup(m, &v, dir, str_z(name), &text, &found);
    if (r == 0 && ((fi->flags & O_EXCL) || found.node.kind != FS_KV_FILE)) {
        error = found.node.kind == FS_KV_FILE || (fi->flags & O_EXCL) ? EEXIST : EISDIR;
    } else if (r == 0) {
        i = fs_ops_inode(m, &v, dir, &found); /* made meanwhile: an open after all */
    } else if (r != -ENOENT) {
        error = -r;
    } else {
        r = fs_path_parse(fs_inode_node(dir).a, str_z(name), &key, &kind);
        if (r < 0 || key.n == 0 || (kind != FS_PATH_PLAIN && kind != FS_PATH_VALUE))
            error = r == -ENAMETOOLONG ? ENAMETOOLONG : EINVAL;
        else if (key.n > KV_KEY_SIZE_MAX)
            error = ENAMETOOLONG;
        else if (!policy_permits(&v, ACL_KEY, buf_str(&key), ACL_WRITE))
            error = EACCES;
        if (error == EACCES)
            fs_rights_note(m, NULL, "create");
    }
    env_view_end(&v);
    if (!error && i && i->scratch)
        error = fs_rights_check(m, i, W_OK);
    if (!error && i) {
        fs_stale_looked_up(&m->stale, fs_inode_node(i).a, pid);
        error = fs_file_open_writer(m, i, fi, pid, &h);
    } else if (!error) {
        error = make_new(m, dir, buf_str(&key), fi, mode, pid, &h);
    }
    buf_fini(&text);
    buf_fini(&key);
    if (error) {
        fuse_reply_err(req, error);
        if (h) {
            h->is_touched = false;
            fs_write_release(m, h);
        }
        return;
    }
    reply_create(req, m, h, fi);
}

static void reply_create(fuse_req_t req, struct fs_mount *m, struct fs_handle *h,
                         struct fuse_file_info *fi)
{
    struct fs_inode *i = h->inode;
    struct fuse_entry_param e;
    struct view v = fs_mount_view(m);
    fs_ops_entry(m, &v, i, &e);
    env_view_end(&v);
    fi->fh = h->number;
    fi->direct_io = 1;
    fs_inode_count(&m->inodes, i);
    if (fuse_reply_create(req, &e, fi) == -ENOENT) {
        h->is_touched = false;
        fs_write_release(m, h);
        fs_inode_forget(&m->inodes, i, 1);
    }
}
