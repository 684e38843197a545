/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_poll.h"

#include <errno.h>
#include <poll.h>

#include "base/mem.h"
#include "fs/fs_event.h"
#include "fs/fs_feed.h"
#include "fs/fs_handle.h"
#include "fs/fs_leave.h"
#include "fs/fs_ops.h"

struct fs_poll {
    struct list link; /* mount->polls, the oldest first */
    uint64_t number;
    uint64_t wire; /* as the kernel has it */
    struct fuse_pollhandle *handle;
};

static bool has_changed(struct fs_mount *m, const struct fs_inode *i, const struct fs_handle *h);

static void wake(struct fs_mount *m, struct fs_poll *p)
{
    fuse_lowlevel_notify_poll(p->handle);
    fuse_pollhandle_destroy(p->handle);
    fs_leave_no_poll(m, p->wire);
    list_remove(&p->link);
    m->poll_n--;
    mem_free(p);
}

void fs_poll_file(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *fi,
                  struct fuse_pollhandle *ph)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_handle *h = fs_handle_of(m, number, fi);
    struct fs_inode *i = h ? h->inode : fs_inode_get(&m->inodes, number);
    if (h && h->feed) {
        if (h->feed->poll)
            fuse_pollhandle_destroy(h->feed->poll);
        h->feed->poll = ph;
        if (ph)
            fs_leave_poll(m, m->channel.poll);
        fuse_reply_poll(req, fs_feed_is_ready(h->feed) ? POLLIN | POLLRDNORM : 0);
        return;
    }
    unsigned ready = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
    bool is_event = h && i->kind == FS_EVENT;
    if (is_event && !fs_event_is_ready(m, h))
        ready = h->writes ? POLLOUT | POLLWRNORM : 0;
    if (i && i->kind == FS_KV_FILE && has_changed(m, i, h))
        ready |= POLLPRI | POLLERR;
    if (ph && i && (i->kind == FS_KV_FILE || is_event)) {
        struct fs_poll *p = mem_new(struct fs_poll);
        p->number = i->number;
        p->handle = ph;
        p->wire = m->channel.poll;
        fs_leave_poll(m, p->wire);
        list_push(&m->polls, &p->link);
        if (++m->poll_n > FS_POLL_MAX)
            wake(m, LIST_ITEM(list_first(&m->polls), struct fs_poll, link));
    } else if (ph) {
        fuse_pollhandle_destroy(ph);
    }
    fuse_reply_poll(req, ready);
}

/* Since this file was opened; a writer knows of his own commits. */
static bool has_changed(struct fs_mount *m, const struct fs_inode *i, const struct fs_handle *h)
{
    struct kv_entry e = {.modify_index = 0};
    uint64_t index;
    struct fs_node node = fs_inode_node(i);
    if (i->has_lost_lock)
        return true;
    struct view v = fs_mount_view(m);
    bool is_there = kv_get(&v, node.a, &e, &index);
    env_view_end(&v);
    if (h)
        return !h->appends && h->base_version != (is_there ? e.modify_index : 0);
    return i->is_unlinked || !is_there || e.modify_index != i->version;
}

void fs_poll_wake(struct fs_mount *m, uint64_t number)
{
    LIST_FOREACH (&m->polls, l) {
        struct fs_poll *p = LIST_ITEM(l, struct fs_poll, link);
        if (p->number == number)
            wake(m, p);
    }
}

void fs_poll_wake_key(struct fs_mount *m, struct str key)
{
    LIST_FOREACH (&m->polls, l) {
        struct fs_poll *p = LIST_ITEM(l, struct fs_poll, link);
        const struct fs_inode *i = fs_inode_get(&m->inodes, p->number);
        if (i && i->kind == FS_KV_FILE && str_eq(fs_inode_node(i).a, key))
            wake(m, p);
    }
}

void fs_poll_free_all(struct fs_mount *m)
{
    LIST_FOREACH (&m->polls, l) {
        struct fs_poll *p = LIST_ITEM(l, struct fs_poll, link);
        list_remove(&p->link);
        fuse_pollhandle_destroy(p->handle);
        mem_free(p);
    }
}
