/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_dir.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "fs/fs_event.h"
#include "fs/fs_handle.h"
#include "fs/fs_list.h"
#include "fs/fs_ops.h"
#include "fs/fs_path.h"
#include "fs/fs_rights.h"
#include "fs/fs_scratch.h"

struct fs_dir {       /* an open directory */
    uint64_t number;  /* fs_handle.h */
    struct list link; /* mount->dirs */
    struct fs_inode *inode;
    struct fs_list list;
    bool is_filled;
    bool gives;      /* the attributes of files, where they can be given (fs_walk.h) */
    uint64_t index;  /* of the state when it was */
    struct buf text; /* of the name at hand */
};

static struct fs_dir *make_dir(struct fs_mount *m, struct fs_inode *i, uint64_t number);
static void free_dir(struct fs_mount *m, struct fs_dir *d);
static int fill(struct fs_mount *m, struct view *v, struct fs_dir *d);
static size_t put_entry(fuse_req_t req, struct fs_mount *m, struct view *v, struct fs_dir *d,
                        const struct fs_list_item *item, bool plus, char *at, size_t left);

void fs_dir_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    if (!i || i->is_misnamed || !fs_node_is_dir(i->kind)) {
        fuse_reply_err(req, i && !i->is_misnamed ? ENOTDIR : ESTALE);
        return;
    }
    if (fs_rights_check(m, i, R_OK)) {
        fuse_reply_err(req, EACCES);
        return;
    }
    struct fs_dir *d = make_dir(m, i, 0);
    fi->fh = d->number;
    /* The kernel keeps listings of keys, services and nodes; others are made each time. */
    bool is_kept = i->kind == FS_KV_DIR || i->kind == FS_SERVICES || i->kind == FS_NODES ||
                   fs_node_is_catalog(i->kind);
    fi->cache_readdir = fi->keep_cache = is_kept && fs_rights_are_alike(m);
    if (fuse_reply_open(req, fi) == -ENOENT)
        free_dir(m, d);
}

static struct fs_dir *make_dir(struct fs_mount *m, struct fs_inode *i, uint64_t number)
{
    struct fs_dir *d = mem_new(struct fs_dir);
    d->inode = i;
    i->open_n++;
    d->number = fs_handle_add(m, d, number);
    list_push(&m->dirs, &d->link);
    fs_list_init(&d->list);
    buf_init(&d->text, 0);
    return d;
}

/* A listing begun in a former life of the mount goes on: its cookies mean the same in any. */
static struct fs_dir *dir_of(struct fs_mount *m, fuse_ino_t number, const struct fuse_file_info *fi)
{
    struct fs_dir *d = fs_handle_find(m, fi->fh);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    return d || !i ? d : make_dir(m, i, fi->fh);
}

static void free_dir(struct fs_mount *m, struct fs_dir *d)
{
    fs_handle_remove(m, d->number);
    d->inode->open_n--;
    fs_inode_settle(&m->inodes, d->inode);
    list_remove(&d->link);
    fs_list_fini(&d->list);
    buf_fini(&d->text);
    mem_free(d);
}

void fs_dir_free_all(struct fs_mount *m)
{
    LIST_FOREACH (&m->dirs, l)
        free_dir(m, LIST_ITEM(l, struct fs_dir, link));
}

static void read_dir(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                     struct fuse_file_info *fi, bool plus)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_dir *d = dir_of(m, number, fi);
    if (!d) {
        fuse_reply_err(req, ESTALE);
        return;
    }
    struct view v = fs_mount_view(m);
    int r = 0;
    if (offset == 0 || !d->is_filled)
        r = fill(m, &v, d);
    if (r < 0) {
        env_view_end(&v);
        fuse_reply_err(req, -r);
        return;
    }
    d->gives = plus && d->list.n <= FS_DIR_PLUS_MAX &&
               (d->list.n <= FS_WALK_SMALL || d->inode->kind != FS_KV_DIR ||
                fs_walk_begin(&m->walk, fuse_req_ctx(req)->pid, d->inode->number));
    char *bytes = mem_alloc(size);
    size_t n = 0;
    static const char *const dots[] = {".", ".."};
    for (uint64_t cookie = (uint64_t)offset + 1; cookie <= FS_LIST_COOKIE_DOT_DOT; cookie++) {
        struct fuse_entry_param e = {.attr = {.st_ino = d->inode->ino, .st_mode = S_IFDIR}};
        const char *name = dots[cookie - FS_LIST_COOKIE_DOT];
        size_t need =
            plus ? fuse_add_direntry_plus(req, bytes + n, size - n, name, &e, (off_t)cookie)
                 : fuse_add_direntry(req, bytes + n, size - n, name, &e.attr, (off_t)cookie);
        if (need > size - n)
            break;
        n += need;
    }
    for (size_t k = fs_list_after(&d->list, (uint64_t)offset); k < d->list.n; k++) {
        size_t need = put_entry(req, m, &v, d, &d->list.items[k], plus, bytes + n, size - n);
        if (need > size - n)
            break;
        n += need;
    }
    env_view_end(&v);
    fuse_reply_buf(req, bytes, n);
    mem_free(bytes);
}

void fs_dir_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                 struct fuse_file_info *fi)
{
    read_dir(req, number, size, offset, fi, false);
}

void fs_dir_read_plus(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset,
                      struct fuse_file_info *fi)
{
    read_dir(req, number, size, offset, fi, true);
}

void fs_dir_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_dir *d = fs_handle_find(m, fi->fh);
    if (d)
        free_dir(m, d);
    fuse_reply_err(req, 0);
}

/* Directories without keys that stay until they are removed (fs_change.c). */
static void add_ghosts(struct fs_mount *m, struct str prefix, struct fs_list *list)
{
    struct fs_path_step step;
    struct buf name;
    buf_init(&name, 0);
    for (uint32_t s = 0; m->inodes.ghost_n > 0 && s < m->inodes.slot_n; s++) {
        struct fs_inode *i = fs_inode_slot(&m->inodes, s);
        if (!i || !i->is_ghost || !i->is_current)
            continue;
        struct str key = fs_inode_node(i).a;
        bool is_cut = key.p[key.n - 1] != '/';
        /* What lies inside a cut component is told by one more byte, whichever. */
        struct buf probe;
        buf_init(&probe, 0);
        buf_put_str(&probe, is_cut ? key : str_take(key, key.n - 1));
        if (is_cut)
            buf_put_z(&probe, "\x01\x01");
        if (fs_path_step(prefix, buf_str(&probe), &name, &step) && step.continued == is_cut &&
            step.key_n == (is_cut ? key.n : key.n - 1))
            fs_list_add(list, buf_str(&name), FS_LIST_TREE);
        buf_fini(&probe);
    }
    buf_fini(&name);
}

static int fill(struct fs_mount *m, struct view *v, struct fs_dir *d)
{
    struct fs_node node = fs_inode_node(d->inode);
    fs_list_fini(&d->list);
    fs_list_init(&d->list);
    int r = fs_tree_list(&m->tree, v, &node, &d->list);
    if (r < 0)
        return r;
    if (node.kind == FS_EVENTS)
        fs_event_list(m, v, &d->list);
    if (node.kind == FS_KV_DIR)
        add_ghosts(m, node.a, &d->list);
    if (node.kind == FS_KV_DIR)
        fs_scratch_list(m, node.a, &d->list);
    fs_list_finish(&d->list);
    d->index = view_index(v);
    d->is_filled = true;
    return 0;
}

/* What the listing knows itself, while the state is the one that it was made of. */
static bool find_listed(const struct fs_mount *m, struct view *v, const struct fs_dir *d,
                        const struct fs_list_item *item, struct str name, struct buf *text,
                        struct fs_found *ret)
{
    if (item->version == 0 || item->what != FS_LIST_VALUE || d->index != view_index(v) ||
        m->inodes.ghost_n > 0 || !list_is_empty(&m->doomed))
        return false;
    buf_clear(text);
    buf_put_str(text, fs_inode_node(d->inode).a);
    buf_put_str(text, name);
    *ret = (struct fs_found){.node = {FS_KV_FILE, buf_str(text), STR_NONE},
                             .version = item->version,
                             .size = item->size};
    return true;
}

/* An entry with an inode: the kernel counts it as looked up, if there is room for it. */
static size_t put_inode(fuse_req_t req, struct fs_mount *m, struct view *v, struct fs_dir *d,
                        const struct fs_list_item *item, const struct fs_found *found,
                        const char *name, char *at, size_t left)
{
    struct fuse_entry_param e;
    size_t need = fuse_add_direntry_plus(req, NULL, 0, name, NULL, 0);
    if (need > left)
        return need;
    struct fs_inode *i = fs_ops_inode(m, v, d->inode, found);
    fs_ops_entry(m, v, i, &e);
    fs_inode_count(&m->inodes, i);
    return fuse_add_direntry_plus(req, at, left, name, &e, (off_t)item->cookie);
}

/* Returns the bytes needed; nothing is put (and no lookup counted) when they are more than left. */
static size_t put_entry(fuse_req_t req, struct fs_mount *m, struct view *v, struct fs_dir *d,
                        const struct fs_list_item *item, bool plus, char *at, size_t left)
{
    struct fuse_entry_param e = {.ino = 0}; /* without an inode: only name, number and type */
    struct str listed = fs_list_name(&d->list, item);
    char name[FS_PATH_NAME_MAX + 1];
    if (!str_copy_z(listed, name, sizeof(name)))
        return 0;
    bool is_tree = item->what & FS_LIST_TREE, is_large = d->list.n > FS_DIR_PLUS_MAX;
    bool gives = d->gives || (plus && is_tree && !is_large); /* what is below will be looked at */
    struct fs_found found;
    struct buf text = d->text; /* reused */
    int r = 0;
    if (!find_listed(m, v, d, item, listed, &text, &found))
        r = is_large ? -ENOENT : fs_ops_lookup(m, v, d->inode, listed, &text, &found);
    size_t size;
    if (r == 0 && gives) {
        size = put_inode(req, m, v, d, item, &found, name, at, left);
    } else {
        e.attr.st_ino = r == 0 ? fs_inode_ino(&found.node, found.version) : item->cookie;
        e.attr.st_mode = is_tree ? S_IFDIR : S_IFREG;
        if (r == 0 && found.node.kind == FS_SNAPSHOT_LATEST)
            e.attr.st_mode = S_IFLNK;
        size = plus ? fuse_add_direntry_plus(req, at, left, name, &e, (off_t)item->cookie)
                    : fuse_add_direntry(req, at, left, name, &e.attr, (off_t)item->cookie);
    }
    d->text = text;
    return size;
}
