/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_node.h"

bool fs_node_is_dir(enum fs_kind kind)
{
    return kind == FS_ROOT || kind == FS_KV_DIR || kind == FS_SERVICES || kind == FS_SERVICE ||
           kind == FS_SERVICE_TAGS || kind == FS_NODES || kind == FS_NODE || kind == FS_NODE_DIR ||
           kind == FS_STATUS;
}

void fs_node_pack(const struct fs_node *node, struct buf *id)
{
    buf_clear(id);
    buf_put_u8(id, (uint8_t)node->kind);
    buf_put_u32(id, (uint32_t)node->a.n);
    buf_put_str(id, node->a);
    buf_put_str(id, node->b);
}

struct fs_node fs_node_unpack(struct str id)
{
    struct fs_node node;
    struct cursor c = cursor_make(id);
    node.kind = (enum fs_kind)cursor_u8(&c);
    uint32_t n = cursor_u32(&c);
    node.a = cursor_bytes(&c, n);
    node.b = cursor_bytes(&c, cursor_left(&c));
    ASSERT(!c.bad);
    return node;
}
