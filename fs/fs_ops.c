/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

#include "fs/fs_barrier.h"
#include "fs/fs_change.h"
#include "fs/fs_create.h"
#include "fs/fs_dir.h"
#include "fs/fs_echo.h"
#include "fs/fs_event.h"
#include "fs/fs_facts.h"
#include "fs/fs_file.h"
#include "fs/fs_handle.h"
#include "fs/fs_history.h"
#include "fs/fs_lock.h"
#include "fs/fs_name.h"
#include "fs/fs_own.h"
#include "fs/fs_path.h"
#include "fs/fs_poll.h"
#include "fs/fs_process.h"
#include "fs/fs_rename.h"
#include "fs/fs_rights.h"
#include "fs/fs_scratch.h"
#include "fs/fs_text.h"
#include "fs/fs_truncate.h"
#include "fs/fs_write.h"
#include "fs/fs_xattr.h"
#include "state/state.h"

static bool is_asked(const struct fs_inode *i);

/* ---- operations ---- */

static void op_init(void *data, struct fuse_conn_info *conn)
{
    struct fs_mount *m = data;
    unsigned want = FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_AUTO_INVAL_DATA |
                    FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
                    FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS | FUSE_CAP_HANDLE_KILLPRIV |
                    FUSE_CAP_ASYNC_DIO | FUSE_CAP_EXPORT_SUPPORT;
    conn->want = want & conn->capable;
    conn->max_background = 128;
    conn->time_gran = 1;
    /* FUSE_NOTIFY_INC_EPOCH came with protocol 7.44. */
    m->has_epoch = conn->proto_major == 7 && conn->proto_minor >= 44;
}

/* "." and "..", which only come from file handles (open_by_handle_at, NFS): of an inode that the
 * kernel has let go, but we have not. What stands for no name any more is stale. */
static void lookup_by_number(struct fs_mount *m, fuse_req_t req, struct fs_inode *i)
{
    bool is_gone = !i || i->is_unlinked || i->is_misnamed || !i->is_current;
    if (is_gone) {
        fuse_reply_err(req, ESTALE);
        return;
    }
    if (is_asked(i)) /* its size is not known yet */
        i->size = 0;
    struct view v = fs_mount_view(m);
    fs_ops_reply_entry(m, &v, req, i);
    env_view_end(&v);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *dir = fs_inode_get(&m->inodes, parent);
    struct fs_found found;
    struct buf text;
    if (!dir || dir->is_misnamed) {
        fuse_reply_err(req, ESTALE);
        return;
    }
    if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]))) {
        lookup_by_number(m, req, name[1] ? fs_inode_get(&m->inodes, dir->parent) : dir);
        return;
    }
    if (fs_echo_lookup(m, req, dir, str_z(name)))
        return;
    if (fs_rights_check_mode(m, dir, X_OK)) {
        fuse_reply_err(req, EACCES);
        return;
    }
    buf_init(&text, 0);
    struct view v = fs_mount_view(m);
    int r = fs_ops_lookup(m, &v, dir, str_z(name), &text, &found);
    if (r == 0 && found.node.kind == FS_KV_FILE)
        fs_walk_looked_up(&m->walk, fuse_req_ctx(req)->pid, parent);
    struct fs_inode *i = r == 0 ? fs_ops_inode(m, &v, dir, &found) : NULL;
    if (dir->kind == FS_KV_DIR) /* text: the key, also when there is none */
        fs_stale_looked_up(&m->stale, i ? fs_inode_node(i).a : buf_str(&text),
                           fuse_req_ctx(req)->pid);
    if (i)
        fs_ops_reply_entry(m, &v, req, i);
    else
        fuse_reply_err(req, -r);
    env_view_end(&v);
    buf_fini(&text);
}

static void forget(struct fs_mount *m, uint64_t number, uint64_t n)
{
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    if (i)
        fs_inode_forget(&m->inodes, i, n);
}

static void op_forget(fuse_req_t req, fuse_ino_t number, uint64_t n)
{
    forget(fuse_req_userdata(req), number, n);
    fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t k = 0; k < count; k++)
        forget(fuse_req_userdata(req), forgets[k].ino, forgets[k].nlookup);
    fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    if (!i)
        fuse_reply_err(req, ESTALE);
    else if (is_asked(i))
        fs_facts_answer(m, req, i, NULL);
    else
        fs_ops_reply_attr(m, req, i);
}

/* Modes, owners and times are accepted and ignored: refusing them makes cp -p, tar, install, touch
 * and rsync fail, ignoring them disturbs no tool. */
static void op_setattr(fuse_req_t req, fuse_ino_t number, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    struct fs_handle *h = fs_handle_of(m, number, fi);
    int error = 0;
    if (!i || fs_history_is(i->kind)) {
        error = i ? EROFS : ESTALE;
    } else if ((to_set & FUSE_SET_ATTR_SIZE) && !(h && h->writes) &&
               (error = fs_rights_check(m, i, W_OK))) {
    } else if ((to_set & FUSE_SET_ATTR_SIZE) && i->kind == FS_AGENT_SERVICE && h && h->writes) {
        error = fs_write_truncate(m, h, (uint64_t)attr->st_size);
    } else if ((to_set & FUSE_SET_ATTR_SIZE) && !fs_echo_is_from(m, req)) {
        if (i->kind != FS_KV_FILE)
            error = EROFS;
        else if ((uint64_t)attr->st_size > m->value_max)
            error = EFBIG;
        else if (i->scratch && (!h || !h->writes))
            fs_scratch_resize(m, i, (size_t)attr->st_size);
        else if ((error = fs_write_preflight(m)) == 0 && (!h || !h->writes)) {
            fs_truncate(m, req, i, (uint64_t)attr->st_size);
            return;
        } else if (!error) {
            error = fs_write_truncate(m, h, (uint64_t)attr->st_size);
        }
    }
    if (error)
        fuse_reply_err(req, error);
    else if (is_asked(i))
        fs_facts_answer(m, req, i, NULL);
    else
        fs_ops_reply_attr(m, req, i);
}

static void op_statfs(fuse_req_t req, fuse_ino_t number)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct statvfs st;
    memset(&st, 0, sizeof(st));
    struct view v = fs_mount_view(m);
    uint64_t keys = store_count(v.store, TABLE_KV);
    uint64_t used = (store_table_size(v.store, TABLE_KV) + 4095) / 4096;
    env_view_end(&v);
    /* Free is what the store's address space could hold; used what the keys take. */
    st.f_bsize = st.f_frsize = 4096;
    st.f_bfree = st.f_bavail = (fsblkcnt_t)1 << 24;
    st.f_blocks = st.f_bfree + used;
    st.f_files = keys + ((fsfilcnt_t)1 << 24);
    st.f_ffree = st.f_favail = (fsfilcnt_t)1 << 24;
    st.f_namemax = FS_PATH_NAME_MAX;
    fuse_reply_statfs(req, &st);
}

/* Refused rather than granted on this host alone. */
static void op_getlk(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi,
                     struct flock *lock)
{
    fuse_reply_err(req, ENOLCK);
}

static void op_setlk(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi,
                     struct flock *lock, int sleep)
{
    fuse_reply_err(req, lock->l_type == F_UNLCK ? 0 : ENOLCK);
}

/* An empty file; of the others none can be a key. */
static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
    if (S_ISREG(mode) || (mode & S_IFMT) == 0)
        fs_name_make(req, parent, name, false);
    else
        fuse_reply_err(req, EPERM);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    fs_name_make(req, parent, name, true);
}

static void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
    fuse_reply_err(req, EPERM);
}

static void op_readlink(fuse_req_t req, fuse_ino_t number)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    struct buf text;
    if (!i || i->kind != FS_SNAPSHOT_LATEST) {
        fuse_reply_err(req, i ? EINVAL : ESTALE);
        return;
    }
    struct fs_node node = fs_inode_node(i);
    buf_init(&text, 0);
    struct view v = fs_mount_view(m);
    int r = fs_tree_read(&m->tree, &v, &node, &text);
    env_view_end(&v);
    if (r < 0)
        fuse_reply_err(req, -r);
    else
        fuse_reply_readlink(req, buf_z(&text));
    buf_fini(&text);
}

static void op_link(fuse_req_t req, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
    fuse_reply_err(req, EPERM);
}

const struct fuse_lowlevel_ops fs_ops_table = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .statfs = op_statfs,
    .getlk = op_getlk,
    .setlk = op_setlk,
    .flock = fs_lock_flock,
    .mknod = op_mknod,
    .symlink = op_symlink,
    .readlink = op_readlink,
    .link = op_link,
    .mkdir = op_mkdir,
    .rmdir = fs_name_rmdir,
    .unlink = fs_name_unlink,
    .rename = fs_rename,
    .open = fs_file_open,
    .create = fs_create,
    .read = fs_file_read,
    .write = fs_file_write,
    .flush = fs_file_flush,
    .fsync = fs_file_fsync,
    .release = fs_file_release,
    .opendir = fs_dir_open,
    .readdir = fs_dir_read,
    .readdirplus = fs_dir_read_plus,
    .releasedir = fs_dir_release,
    .fsyncdir = fs_barrier_wait,
    .access = fs_rights_access,
    .poll = fs_poll_file,
    .getxattr = fs_xattr_get,
    .listxattr = fs_xattr_list,
    .setxattr = fs_xattr_set,
    .removexattr = fs_xattr_remove,
};

/* ---- names to inodes ---- */

/* A name that the view does not hold, or holds as a value only: a directory that lost its keys
 * stays until it is removed, a file being made is there for whoever makes it. */
static int lookup_local(struct fs_mount *m, struct fs_inode *dir, struct str name, struct buf *text,
                        struct fs_found *found, int r)
{
    enum fs_path_kind kind;
    if (fs_path_parse(fs_inode_node(dir).a, name, text, &kind) < 0)
        return r;
    if (r < 0 && kind != FS_PATH_TREE && kind != FS_PATH_CONTINUED) {
        struct fs_node node = {FS_KV_FILE, buf_str(text), STR_NONE};
        struct fs_inode *i = fs_inode_find(&m->inodes, &node);
        if (i && (i->is_pending || i->scratch)) {
            *found = (struct fs_found){.node = node, .size = i->size};
            return 0;
        }
    }
    if (m->inodes.ghost_n > 0 && kind != FS_PATH_VALUE) {
        if (kind != FS_PATH_CONTINUED)
            buf_put_c(text, '/');
        struct fs_node node = {FS_KV_DIR, buf_str(text), STR_NONE};
        struct fs_inode *i = fs_inode_find(&m->inodes, &node);
        if (i && i->is_ghost) {
            *found = (struct fs_found){.node = node};
            return 0;
        }
        if (kind != FS_PATH_CONTINUED)
            text->n--;
    }
    if (r == 0)
        found->node.a = buf_str(text);
    return r;
}

int fs_ops_lookup(struct fs_mount *m, struct view *v, struct fs_inode *dir, struct str name,
                  struct buf *text, struct fs_found *ret)
{
    struct fs_node node = fs_inode_node(dir);
    v->denied = false;
    int r = fs_tree_lookup(&m->tree, v, &node, name, text, ret);
    if (r == -ENOENT && v->denied)
        r = -EACCES;
    if (node.kind == FS_AGENT_SERVICES && r == -ENOENT && fs_own_id(name, text) == 0) {
        ret->node = (struct fs_node){FS_AGENT_SERVICE, buf_str(text), STR_NONE};
        struct fs_inode *i = fs_inode_find(&m->inodes, &ret->node);
        return i && i->is_pending ? 0 : -ENOENT;
    }
    if (r == 0 && fs_text_is_kept(m, ret->node.kind)) {
        ret->name = name;
        fs_text_find(m, v, ret);
    }
    if (node.kind != FS_KV_DIR)
        return r;
    if (str_has_suffix(name, STR_LIT("%v")) || str_has_suffix(name, STR_LIT("%t")))
        m->faces_used = true;
    if (r == 0 && ret->node.kind == FS_KV_FILE && !list_is_empty(&m->doomed) &&
        fs_scratch_is_doomed(m, ret->node.a))
        r = -ENOENT;
    if (r == -ENOENT || (r == 0 && ret->node.kind == FS_KV_FILE && m->inodes.ghost_n > 0))
        r = lookup_local(m, dir, name, text, ret, r);
    return r;
}

struct fs_inode *fs_ops_inode(struct fs_mount *m, struct view *v, struct fs_inode *dir,
                              const struct fs_found *found)
{
    struct fs_inode *i = fs_inode_find(&m->inodes, &found->node);
    uint64_t index = view_index(v);
    bool is_awaited = found->node.kind == FS_KV_FILE && fs_file_is_awaited(m, &found->node);
    bool is_text = fs_text_is_kept(m, found->node.kind);
    bool is_versioned = is_text || found->node.kind == FS_KV_FILE;
    if (i && is_versioned && !i->is_direct &&
        (i->version != found->version || (is_awaited && i->reader_n > 0))) {
        fs_change_retire(m, i); /* its readers keep the version that they opened */
        fs_inode_settle(&m->inodes, i);
        i = NULL;
    }
    fs_mount_note_time(m, index);
    if (!i) {
        i = fs_inode_add(&m->inodes, &found->node, dir->number, found->version);
        i->mtime_ns = is_text ? fs_text_time(m, v)
                              : fs_times_get(&m->times, found->version ? found->version : index);
        i->size = found->size;
    } else if (i->kind == FS_KV_FILE && i->is_direct && found->version > 0) {
        i->version = found->version;
        i->size = found->size;
        i->mtime_ns = fs_times_get(&m->times, found->version);
        i->is_pending = false;
    }
    i->is_direct = i->is_direct || is_awaited;
    i->parent = dir->number;
    if (is_text)
        fs_text_name(i, found->name);
    return i;
}

/* ---- inodes to attributes ---- */

double fs_ops_attr(struct fs_mount *m, struct view *v, struct fs_inode *i, int32_t pid,
                   struct stat *ret)
{
    struct fs_node node = fs_inode_node(i);
    bool is_dir = fs_node_is_dir(i->kind), is_kv = i->kind == FS_KV_DIR || i->kind == FS_KV_FILE;
    bool is_text = fs_text_is_kept(m, i->kind);
    double good_s = is_kv || fs_node_is_fixed(i->kind) || is_text ? FS_MOUNT_FOREVER_S : 0;
    uint64_t size = i->size;
    if (i->kind == FS_KV_FILE && i->is_direct) {
        struct kv_entry e;
        uint64_t index;
        good_s = 0;
        if (!i->is_unlinked && !i->is_pending && !i->scratch && kv_get(v, node.a, &e, &index) &&
            e.modify_index != i->version) {
            i->version = e.modify_index;
            i->size = e.value.n;
        }
        if (i->version > 0 && !i->scratch) {
            fs_mount_note_time(m, view_index(v));
            i->mtime_ns = fs_times_get(&m->times, i->version);
        }
        struct fs_handle *h = fs_ops_writer_of(i, pid);
        size = h ? fs_write_size(h) : i->size;
    } else if (i->kind == FS_EVENT) {
        size = fs_event_size(m, i);
    } else if (!is_kv && !is_dir && i->kind == FS_AGENT_SERVICE) {
        if (!list_is_empty(&i->writers))
            size = fs_write_size(LIST_ITEM(i->writers.prev, struct fs_handle, link));
    } else if (!is_kv && !is_dir && !is_text && i->kind != FS_FACT && i->kind != FS_CHANGES) {
        struct buf text;
        buf_init(&text, 0);
        if (fs_tree_read(&m->tree, v, &node, &text) == 0)
            size = text.n;
        buf_fini(&text);
    }
    if (!is_kv && !fs_node_is_fixed(i->kind) && !is_text && i->version == 0 &&
        i->kind != FS_EVENT) {
        fs_mount_note_time(m, view_index(v));
        i->mtime_ns = fs_times_get(&m->times, view_index(v));
    }
    memset(ret, 0, sizeof(*ret));
    ret->st_ino = i->ino;
    ret->st_mode = (is_dir ? S_IFDIR : S_IFREG) | fs_rights_mode(m, v, i);
    if (i->kind == FS_SNAPSHOT_LATEST)
        ret->st_mode = S_IFLNK | 0777;
    ret->st_nlink = i->is_unlinked ? 0 : 1; /* of a directory: "do not count on it" (as btrfs) */
    ret->st_uid = m->uid;
    ret->st_gid = m->gid;
    ret->st_size = is_dir ? 0 : (off_t)size;
    ret->st_blksize = 4096;
    ret->st_blocks = (ret->st_size + 511) / 512;
    ret->st_mtim = (struct timespec){i->mtime_ns / 1000000000, i->mtime_ns % 1000000000};
    ret->st_atim = ret->st_ctim = ret->st_mtim;
    return fs_rights_are_alike(m) ? good_s : 0;
}

void fs_ops_entry(struct fs_mount *m, struct view *v, struct fs_inode *i,
                  struct fuse_entry_param *ret)
{
    bool is_kept = i->kind == FS_KV_DIR || i->kind == FS_KV_FILE || fs_node_is_fixed(i->kind) ||
                   (fs_text_is_kept(m, i->kind) && !i->is_alias && i->is_current);
    memset(ret, 0, sizeof(*ret));
    ret->ino = i->number;
    ret->attr_timeout = fs_ops_attr(m, v, i, 0, &ret->attr);
    ret->entry_timeout = is_kept && fs_rights_are_alike(m) ? FS_MOUNT_FOREVER_S : 0;
}

void fs_ops_reply_entry(struct fs_mount *m, struct view *v, fuse_req_t req, struct fs_inode *i)
{
    struct fuse_entry_param e;
    fs_ops_entry(m, v, i, &e);
    fs_inode_count(&m->inodes, i);
    if (fuse_reply_entry(req, &e) == -ENOENT)
        fs_inode_forget(&m->inodes, i, 1);
}

void fs_ops_reply_attr(struct fs_mount *m, fuse_req_t req, struct fs_inode *i)
{
    struct stat st;
    struct view v = fs_mount_view(m);
    double good_s = fs_ops_attr(m, &v, i, fuse_req_ctx(req)->pid, &st);
    env_view_end(&v);
    fuse_reply_attr(req, &st, good_s);
}

/* Only the core knows what is in it. */
static bool is_asked(const struct fs_inode *i)
{
    return i->kind == FS_FACT || (i->kind == FS_AGENT_SERVICE && list_is_empty(&i->writers));
}

struct fs_handle *fs_ops_writer_of(struct fs_inode *i, int32_t pid)
{
    if (pid == 0 || list_is_empty(&i->writers))
        return NULL;
    LIST_FOREACH (&i->writers, l) {
        struct fs_handle *h = LIST_ITEM(l, struct fs_handle, link);
        if (h->pid == pid)
            return h;
    }
    int32_t process = fs_process_of(pid);
    LIST_FOREACH (&i->writers, l) {
        struct fs_handle *h = LIST_ITEM(l, struct fs_handle, link);
        if (fs_process_of(h->pid) == process)
            return h;
    }
    return NULL;
}
