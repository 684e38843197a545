/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_handle.h"

#include "base/mem.h"

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

struct fs_handle *fs_handle_of(struct fs_mount *m, const struct fuse_file_info *fi)
{
    return fi ? fs_handle_find(m, fi->fh) : NULL;
}
