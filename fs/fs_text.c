/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_text.h"

#include <errno.h>

#include "base/mem.h"
#include "fs/fs_change.h"
#include "fs/fs_errno.h"
#include "fs/fs_file.h"
#include "fs/fs_rights.h"
#include "fs/fs_write.h"
#include "state/catalog.h"
#include "state/health.h"

#define TEXT_SEED 0x6469736b6f747874u /* the same on all hosts: st_ino depends on it */

static uint64_t version_of(struct str text)
{
    uint64_t hash = str_hash(text, TEXT_SEED);
    return hash ? hash : 1;
}

/* Nothing in services/ and nodes/ changes without one of these. */
static uint64_t catalog_index(struct view *v)
{
    uint64_t nodes = catalog_nodes_index(v), services = catalog_services_index(v);
    uint64_t checks = health_checks_index(v), newest = nodes > services ? nodes : services;
    return newest > checks ? newest : checks;
}

bool fs_text_is_kept(const struct fs_mount *m, enum fs_kind kind)
{
    return fs_node_is_catalog(kind) && fs_rights_are_alike(m);
}

/* A token may expire, or a policy change, with no change of the catalog. */
static bool is_proved(const struct fs_mount *m, const struct fs_inode *i, uint64_t index)
{
    return i->is_current && i->proved == index && !m->judges;
}

void fs_text_find(struct fs_mount *m, struct view *v, struct fs_found *found)
{
    struct buf text;
    if (fs_node_is_dir(found->node.kind))
        return;
    struct fs_inode *i = fs_inode_find(&m->inodes, &found->node);
    uint64_t index = catalog_index(v);
    if (i && is_proved(m, i, index)) {
        found->version = i->version;
        found->size = i->size;
        return;
    }
    buf_init(&text, 0);
    if (fs_tree_read(&m->tree, v, &found->node, &text) == 0) {
        found->version = version_of(buf_str(&text));
        found->size = text.n;
        if (i && i->version == found->version)
            i->proved = index;
    }
    buf_fini(&text);
}

int64_t fs_text_time(struct fs_mount *m, struct view *v)
{
    return fs_times_get(&m->times, catalog_index(v));
}

void fs_text_name(struct fs_inode *i, struct str name)
{
    if (!i->kept_name.p)
        i->kept_name = str_make(mem_dup(name.p, name.n), name.n);
    i->is_alias = !str_eq(i->kept_name, name);
}

void fs_text_open(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, struct fuse_file_info *fi)
{
    struct fs_node node = fs_inode_node(i);
    struct buf text;
    struct view v = fs_mount_view(m);
    uint64_t index = catalog_index(&v);
    bool is_known = i->reader_n > 0 && is_proved(m, i, index);
    buf_init(&text, 0);
    int r = is_known ? 0 : fs_tree_read(&m->tree, &v, &node, &text);
    env_view_end(&v);
    bool is_newest = is_known || (r == 0 && version_of(buf_str(&text)) == i->version);
    if (!is_newest || !i->is_current) {
        fs_change_retire(m, i);
        if (r < 0) {
            fuse_reply_err(req, fs_errno_of(r));
        } else { /* past what is kept; the name leads to the newest from now on */
            struct fs_handle *h = fs_write_handle_new(m, i);
            buf_put_str(&h->data, buf_str(&text));
            i->size = text.n;
            fs_notify_attr(m->notify, i->number);
            fs_notify_flush(m->notify);
            fs_file_reply_open(req, m, h, fi);
        }
        buf_fini(&text);
        return;
    }
    i->proved = index;
    if (i->reader_n++ == 0)
        buf_put_str(&i->value, buf_str(&text));
    buf_fini(&text);
    fi->fh = 0;
    fi->keep_cache = 1;
    fi->noflush = 1;
    if (fuse_reply_open(req, fi) == -ENOENT && --i->reader_n == 0) {
        buf_fini(&i->value);
        fs_inode_settle(&m->inodes, i);
    }
}

void fs_text_reread(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, size_t size,
                    off_t offset)
{
    struct fs_node node = fs_inode_node(i);
    struct buf text;
    buf_init(&text, 0);
    struct view v = fs_mount_view(m);
    int r = fs_tree_read(&m->tree, &v, &node, &text);
    env_view_end(&v);
    struct str part = str_take(str_drop(buf_str(&text), (size_t)offset), size);
    if (r == 0 && version_of(buf_str(&text)) == i->version)
        fuse_reply_buf(req, part.p, part.n);
    else
        fuse_reply_err(req, ESTALE);
    buf_fini(&text);
}

/* ---- changes ---- */

void fs_text_forget(struct fs_mount *m, struct fs_inode *i)
{
    struct fs_inode *dir = fs_inode_get(&m->inodes, i->parent);
    if (dir && i->kept_name.p && m->notify)
        fs_notify_name(m->notify, dir->number, i->kept_name);
}

static bool is_there(struct fs_mount *m, struct view *v, const struct fs_inode *i)
{
    struct fs_inode *dir = fs_inode_get(&m->inodes, i->parent);
    struct fs_found found;
    struct buf text;
    if (!i->kept_name.p) /* of a former life, and not asked for since */
        return true;
    if (!dir)
        return false;
    struct fs_node node = fs_inode_node(dir);
    buf_init(&text, 0);
    bool there = fs_tree_lookup(&m->tree, v, &node, i->kept_name, &text, &found) == 0;
    buf_fini(&text);
    return there;
}

/* A directory that is still there keeps its name: somebody may be in it, or have mounted there. */
static void change(struct fs_mount *m, struct view *v, struct fs_inode *i)
{
    if (!i->is_current)
        return;
    if (fs_node_is_dir(i->kind) && is_there(m, v, i)) {
        fs_change_listing(m, i);
        return;
    }
    fs_inode_retire(&m->inodes, i);
    fs_text_forget(m, i);
}

static void change_listing(struct fs_mount *m, enum fs_kind kind)
{
    struct fs_inode *i = fs_inode_find(&m->inodes, &(struct fs_node){kind, STR_LIT(""), STR_NONE});
    if (i)
        fs_change_listing(m, i);
}

void fs_text_change(struct fs_mount *m, struct view *v, enum watch_kind kind, struct str name)
{
    if (kind == WATCH_SERVICES)
        change_listing(m, FS_SERVICES);
    if (kind == WATCH_NODES)
        change_listing(m, FS_NODES);
    if (kind != WATCH_SERVICE && kind != WATCH_NODE)
        return;
    struct list *kin = fs_inode_kin(&m->inodes, kind == WATCH_NODE ? FS_NODE : FS_SERVICE, name);
    for (struct list *l = kin ? kin->next : NULL; l && l != kin; l = l->next)
        change(m, v, LIST_ITEM(l, struct fs_inode, kin));
}

void fs_text_change_all(struct fs_mount *m, struct view *v)
{
    change_listing(m, FS_SERVICES);
    change_listing(m, FS_NODES);
    for (uint32_t s = 0; s < m->inodes.slot_n; s++) {
        struct fs_inode *i = fs_inode_slot(&m->inodes, s);
        if (i && fs_node_is_catalog(i->kind))
            change(m, v, i);
    }
}
