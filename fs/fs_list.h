/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A directory's listing: names with cookies that stay good across handles. Pure.
 *
 * The kernel may go on with a listing on another open directory, from a cookie that an earlier one
 * gave; so a cookie is made from the name (a 62-bit hash, moved up when two names meet), the items
 * are in the order of their cookies, and the next item is found by search.
 *
 *     fs_list_init(&l); fs_list_add(...); ... fs_list_finish(&l); i = fs_list_after(&l, offset);
 */
#ifndef DISCO_FS_FS_LIST_H
#define DISCO_FS_FS_LIST_H

#include "base/buf.h"

#define FS_LIST_COOKIE_DOT     1
#define FS_LIST_COOKIE_DOT_DOT 2

/* What a name stands for; one that was added as both shows as NAME (the tree) and NAME%v. */
enum { FS_LIST_VALUE = 1, FS_LIST_TREE = 2 };

struct fs_list_item {
    uint64_t cookie;
    uint32_t name_at;
    uint16_t name_n;
    uint8_t what;
    uint32_t size; /* of a value, when `version` is not 0 */
    uint64_t version;
};
struct fs_list {
    struct buf names;
    struct fs_list_item *items; /* owned */
    size_t n, cap;
};

void fs_list_init(struct fs_list *l);
void fs_list_fini(struct fs_list *l);
void fs_list_add(struct fs_list *l, struct str name, int what);
/* A value whose key is just the directory's prefix and the name. */
void fs_list_add_value(struct fs_list *l, struct str name, uint64_t version, uint64_t size);
void fs_list_finish(struct fs_list *l); /* sorts, joins equal names, gives cookies */
struct str fs_list_name(const struct fs_list *l, const struct fs_list_item *item);
/* Place of the first item whose cookie is above; l->n when there is none. */
size_t fs_list_after(const struct fs_list *l, uint64_t cookie);

#endif
