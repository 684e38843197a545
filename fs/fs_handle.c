/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_handle.h"

#include "base/mem.h"
#include "fs/fs_feed.h"
#include "fs/fs_heir.h"
#include "fs/fs_leave.h"
#include "fs/fs_write.h"

static struct str key_of(const uint64_t *number)
{
    return str_make((const char *)number, sizeof(*number));
}

void fs_handle_init(struct fs_mount *m)
{
    map_init(&m->numbered, (uint64_t)(uintptr_t)m);
    m->last_handle = 0;
}

void fs_handle_fini(struct fs_mount *m)
{
    LIST_FOREACH (&m->handles, l) {
        struct fs_handle *h = LIST_ITEM(l, struct fs_handle, all);
        list_remove(&h->all);
        fs_feed_free(m, h->feed);
        buf_fini(&h->data);
        mem_free(h);
    }
    map_fini(&m->numbered);
}

uint64_t fs_handle_add(struct fs_mount *m, void *what, uint64_t number)
{
    if (number == 0)
        number = ++m->last_handle;
    else if (number > m->last_handle)
        m->last_handle = number;
    map_set(&m->numbered, key_of(&number), what);
    return number;
}

void fs_handle_remove(struct fs_mount *m, uint64_t number)
{
    map_del(&m->numbered, key_of(&number));
}

void *fs_handle_find(const struct fs_mount *m, uint64_t number)
{
    return number ? map_get(&m->numbered, key_of(&number)) : NULL;
}

struct fs_handle *fs_handle_of(struct fs_mount *m, fuse_ino_t inode,
                               const struct fuse_file_info *fi)
{
    struct fs_handle *h = fi ? fs_handle_find(m, fi->fh) : NULL;
    if (!h && fi && fi->fh)
        h = fs_heir_lost(m, inode, fi->fh);
    if (h)
        fs_leave_handle(m, h);
    return h;
}
