/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel asks for security.capability at each open that truncates, and programs for their
 * access lists: what does not begin as ours answers EOPNOTSUPP, which programs remember (ENOSYS
 * would end our own names too).
 */
#include "fs/fs_xattr.h"

#include <errno.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fs/fs_feed.h"
#include "fs/fs_history.h"
#include "fs/fs_ops.h"
#include "fs/fs_rights.h"
#include "fs/fs_scratch.h"
#include "fs/fs_write.h"
#include "state/health.h"
#include "state/session.h"

#define TRIES_MAX 8 /* of a change of flags, while others write the key */

enum attr {
    ATTR_INDEX,
    ATTR_CREATE_INDEX,
    ATTR_LOCK_INDEX,
    ATTR_FLAGS,
    ATTR_SESSION,
    ATTR_HOLDER,
    ATTR_STALE_MS,
    ATTR_CAS, /* from here on not listed */
    ATTR_NONE
};
static const char *const NAMES[] = {"index",  "create_index", "lock_index", "flags", "session",
                                    "holder", "stale_ms",     "cas",        NULL};

static int parse(const char *name, enum attr *ret);
static int read_attr(struct fs_mount *m, struct view *v, const struct fs_inode *i, enum attr attr,
                     struct buf *out);
static int read_key_attr(struct view *v, const struct kv_entry *e, enum attr attr, struct buf *out);
static bool index_of(struct view *v, const struct fs_node *node, uint64_t *ret);
static int set_flags(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, uint64_t flags);
static int set_cas(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, uint64_t index);
static void on_flags_set(struct fs_wait *w, int error);

static void reply(fuse_req_t req, struct str bytes, size_t size)
{
    if (size == 0)
        fuse_reply_xattr(req, bytes.n);
    else if (size < bytes.n)
        fuse_reply_err(req, ERANGE);
    else
        fuse_reply_buf(req, bytes.p, bytes.n);
}

/* A version that is over and that nobody has open: its name may mean another key by now, and is
 * looked up once more. */
static bool is_stale(struct fs_mount *m, fuse_req_t req, const struct fs_inode *i)
{
    if (i->kind != FS_KV_FILE || i->is_current || i->open_n > 0 || i->reader_n > 0)
        return false;
    struct str key = fs_inode_node(i).a;
    int32_t pid = fuse_req_ctx(req)->pid;
    struct instant now = env_now(m->env);
    if (fs_stale_take(&m->stale, key, pid, i->number, now))
        return false;
    fs_stale_note(&m->stale, key, pid, i->number, false, now);
    return true;
}

void fs_xattr_get(fuse_req_t req, fuse_ino_t number, const char *name, size_t size)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    enum attr attr;
    struct buf out;
    int error = i ? parse(name, &attr) : ESTALE;
    if (!error && is_stale(m, req, i))
        error = ESTALE;
    if (i && (i->kind == FS_AGENT_SERVICES || i->kind == FS_AGENT_SERVICE) &&
        m->agent_error.n > 0 && strcmp(name, "user.disco.error") == 0) {
        reply(req, buf_str(&m->agent_error), size);
        return;
    }
    if (error) {
        fuse_reply_err(req, error);
        return;
    }
    buf_init(&out, 0);
    struct view v = fs_mount_view(m);
    error = read_attr(m, &v, i, attr, &out);
    env_view_end(&v);
    if (error)
        fuse_reply_err(req, error);
    else
        reply(req, buf_str(&out), size);
    buf_fini(&out);
}

void fs_xattr_list(fuse_req_t req, fuse_ino_t number, size_t size)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    struct buf names, value;
    if (!i || is_stale(m, req, i)) {
        fuse_reply_err(req, ESTALE);
        return;
    }
    buf_init(&names, 0);
    buf_init(&value, 0);
    struct view v = fs_mount_view(m);
    for (int a = 0; a < ATTR_CAS; a++)
        if (read_attr(m, &v, i, (enum attr)a, &value) == 0) {
            buf_put_z(&names, "user.disco.");
            buf_put(&names, NAMES[a], strlen(NAMES[a]) + 1);
        }
    env_view_end(&v);
    reply(req, buf_str(&names), size);
    buf_fini(&names);
    buf_fini(&value);
}

void fs_xattr_set(fuse_req_t req, fuse_ino_t number, const char *name, const char *value,
                  size_t size, int flags)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    enum attr attr = ATTR_NONE;
    uint64_t n = 0;
    int error = i ? parse(name, &attr) : ESTALE;
    if (!error && is_stale(m, req, i))
        error = ESTALE;
    if (i && i->kind == FS_CHANGES && strcmp(name, "user.disco.repeats") == 0) {
        fuse_reply_err(req, fs_feed_set_repeater(m, req));
        return;
    }
    bool is_number = attr == ATTR_FLAGS || attr == ATTR_CAS;
    if (!error && is_number)
        error = fs_rights_check(m, i, W_OK);
    if (!error && is_number && i->kind != FS_KV_FILE)
        error = EPERM;
    else if (!error && is_number && str_to_u64(str_trim(str_make(value, size)), &n) < 0)
        error = EINVAL;
    else if (!error && (flags & XATTR_CREATE) && attr != ATTR_CAS)
        error = EEXIST;
    if (!error && is_number)
        error = fs_write_preflight(m);
    if (!error && attr == ATTR_FLAGS)
        error = set_flags(m, req, i, n);
    else if (!error && attr == ATTR_CAS)
        error = set_cas(m, req, i, n);
    if (error >= 0)
        fuse_reply_err(req, error);
}

void fs_xattr_remove(fuse_req_t req, fuse_ino_t number, const char *name)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_inode *i = fs_inode_get(&m->inodes, number);
    enum attr attr = ATTR_NONE;
    int error = i ? parse(name, &attr) : ESTALE;
    if (!error && is_stale(m, req, i))
        error = ESTALE;
    if (!error && (attr != ATTR_FLAGS || i->kind != FS_KV_FILE))
        error = EPERM;
    if (!error)
        error = fs_rights_check(m, i, W_OK);
    if (!error)
        error = fs_write_preflight(m);
    if (!error)
        error = set_flags(m, req, i, 0);
    if (error >= 0)
        fuse_reply_err(req, error);
}

/* 0, EOPNOTSUPP for names of others, ENODATA for one of ours that does not exist. */
static int parse(const char *name, enum attr *ret)
{
    struct str s = str_z(name);
    bool is_consul = str_has_prefix(s, STR_LIT("user.consul."));
    if (!is_consul && !str_has_prefix(s, STR_LIT("user.disco.")))
        return EOPNOTSUPP;
    s = str_drop(s, is_consul ? strlen("user.consul.") : strlen("user.disco."));
    if (str_eq_z(s, "modify_index"))
        s = STR_LIT("index");
    for (int a = 0; NAMES[a]; a++)
        if (str_eq_z(s, NAMES[a])) {
            *ret = (enum attr)a;
            return 0;
        }
    return ENODATA;
}

/* 0 or an errno; `out` is cleared first. */
static int read_attr(struct fs_mount *m, struct view *v, const struct fs_inode *i, enum attr attr,
                     struct buf *out)
{
    struct fs_node node = fs_inode_node(i);
    struct kv_entry e;
    uint64_t index;
    buf_clear(out);
    if (attr == ATTR_STALE_MS) {
        buf_put_u64_dec(out, published_get(m->env->published, PUBLISHED_LAST_CONTACT_MS));
        return 0;
    }
    if (i->kind == FS_KV_FILE)
        return kv_get(v, node.a, &e, &index) ? read_key_attr(v, &e, attr, out) : ENODATA;
    if (i->kind == FS_SNAPSHOT_FILE)
        return fs_history_entry(v, &node, &e) ? read_key_attr(v, &e, attr, out) : ENODATA;
    if (attr != ATTR_INDEX || !index_of(v, &node, &index))
        return ENODATA;
    buf_put_u64_dec(out, index);
    return 0;
}

static int read_key_attr(struct view *v, const struct kv_entry *e, enum attr attr, struct buf *out)
{
    struct session s;
    uint64_t index;
    switch (attr) {
    case ATTR_INDEX:
        buf_put_u64_dec(out, e->modify_index);
        return 0;
    case ATTR_CREATE_INDEX:
        buf_put_u64_dec(out, e->create_index);
        return 0;
    case ATTR_LOCK_INDEX:
        buf_put_u64_dec(out, e->lock_index);
        return 0;
    case ATTR_FLAGS:
        buf_put_u64_dec(out, e->flags);
        return 0;
    case ATTR_SESSION:
        buf_put_str(out, e->session);
        return e->session.n > 0 ? 0 : ENODATA;
    case ATTR_HOLDER:
        if (e->session.n == 0 || !session_get(v, e->session, &s, &index))
            return ENODATA;
        buf_putf(out, "%.*s\t%.*s", STR_ARG(s.node), STR_ARG(s.name));
        return 0;
    default:
        return ENODATA;
    }
}

static bool skip_entry(void *data, const struct kv_entry *e)
{
    return true;
}

static bool skip_service(void *data, struct str name, struct str tags_packed)
{
    return true;
}

static bool skip_node(void *data, const struct catalog_node *n)
{
    return true;
}

static bool skip_node_service(void *data, const struct catalog_service *s)
{
    return true;
}

/* The index with which the API would answer the question that the file or directory is. */
static bool index_of(struct view *v, const struct fs_node *node, uint64_t *ret)
{
    struct catalog_node n;
    switch (node->kind) {
    case FS_ROOT:
        *ret = view_index(v);
        return true;
    case FS_KV_DIR:
        kv_list(v, node->a, skip_entry, NULL, ret);
        return true;
    case FS_SERVICES:
        catalog_services(v, skip_service, NULL, ret);
        return true;
    case FS_NODES:
        catalog_nodes(v, skip_node, NULL, ret);
        return true;
    case FS_SERVICE:
    case FS_SERVICE_FILE:
    case FS_SERVICE_TAGS:
    case FS_SERVICE_TAG:
        *ret = health_service_index(v, node->a);
        return true;
    case FS_NODE:
    case FS_NODE_FILE:
    case FS_NODE_DIR:
    case FS_NODE_META:
    case FS_NODE_SERVICE:
    case FS_NODE_CHECK:
        return catalog_node_services(v, node->a, &n, skip_node_service, NULL, ret);
    default:
        return false;
    }
}

/* 0, an errno, or -1 when the request is answered later. A program that has the file open for
 * writing (cp, tar) sets the flags of what it is about to commit. */
static int set_flags(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, uint64_t flags)
{
    struct fs_handle *h = fs_ops_writer_of(i, fuse_req_ctx(req)->pid);
    struct kv_entry e;
    uint64_t index;
    if (i->scratch && !h) {
        i->scratch->has_flags = true;
        i->scratch->flags = flags;
        return 0;
    }
    if (h && !h->appends) {
        h->has_flags = true;
        h->flags = flags;
        h->is_dirty = true;
        return 0;
    }
    struct fs_node node = fs_inode_node(i);
    struct view v = fs_mount_view(m);
    bool is_there = !i->is_unlinked && kv_get(&v, node.a, &e, &index);
    if (!is_there || e.flags == flags) {
        env_view_end(&v);
        return is_there ? 0 : ENOENT;
    }
    struct fs_wait *w = fs_write_wait_new(m, req, on_flags_set);
    w->inode = i;
    w->flags = flags;
    i->open_n++;
    struct kv_op op = {
        .verb = KV_CAS, .key = node.a, .value = e.value, .flags = flags, .index = e.modify_index};
    kv_encode(&op, &w->write.command);
    env_view_end(&v);
    fs_write_submit(w);
    return -1;
}

static void on_flags_set(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    struct fs_inode *i = w->inode;
    fuse_req_t req = !error && !w->ok && w->try_n < TRIES_MAX ? fs_write_take_req(w) : NULL;
    int try_n = w->try_n + 1;
    uint64_t flags = w->flags;
    if (!error && !w->ok)
        error = ESTALE;
    if (!req)
        fs_write_reply(w, error);
    fs_write_wait_free(w);
    if (req) { /* the value changed meanwhile: once more with the new one */
        error = set_flags(m, req, i, flags);
        if (error >= 0)
            fuse_reply_err(req, error);
        else
            LIST_ITEM(m->waits.prev, struct fs_wait, link)->try_n = try_n;
    }
    i->open_n--;
    fs_inode_settle(&m->inodes, i);
}

/* For the writers of this process, or, when it has none (setfattr in a script that has the file
 * open), for all of this file. */
static int set_cas(struct fs_mount *m, fuse_req_t req, struct fs_inode *i, uint64_t index)
{
    struct kv_entry e = {.modify_index = 0};
    uint64_t table_index;
    struct fs_node node = fs_inode_node(i);
    struct view v = fs_mount_view(m);
    bool is_there = !i->is_unlinked && kv_get(&v, node.a, &e, &table_index);
    env_view_end(&v);
    if ((is_there ? e.modify_index : 0) != index)
        return ESTALE;
    struct fs_handle *own = fs_ops_writer_of(i, fuse_req_ctx(req)->pid);
    bool any = false;
    LIST_FOREACH (&i->writers, l) {
        struct fs_handle *h = LIST_ITEM(l, struct fs_handle, link);
        if (own && h->pid != own->pid)
            continue;
        fs_write_make_whole(m, h);
        h->base_version = index;
        h->is_guarded = any = true;
    }
    return any ? 0 : EINVAL;
}
