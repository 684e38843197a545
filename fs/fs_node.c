/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_node.h"

bool fs_node_is_dir(enum fs_kind kind)
{
    return kind == FS_ROOT || kind == FS_KV_DIR || kind == FS_SERVICES || kind == FS_SERVICE ||
           kind == FS_SERVICE_TAGS || kind == FS_NODES || kind == FS_NODE || kind == FS_NODE_DIR ||
           kind == FS_STATUS || kind == FS_LOCKS || kind == FS_AGENT || kind == FS_AGENT_SERVICES ||
           kind == FS_EVENTS || kind == FS_SNAPSHOTS || kind == FS_SNAPSHOT ||
           kind == FS_SNAPSHOT_DIR || kind == FS_INSTANCES || kind == FS_INSTANCE ||
           kind == FS_INSTANCE_DIR;
}

bool fs_node_is_fixed(enum fs_kind kind)
{
    return kind == FS_ROOT || kind == FS_SERVICES || kind == FS_NODES || kind == FS_STATUS ||
           kind == FS_LOCKS || kind == FS_AGENT || kind == FS_AGENT_SERVICES ||
           kind == FS_CHANGES || kind == FS_EVENTS;
}

bool fs_node_is_catalog(enum fs_kind kind)
{
    return (kind >= FS_SERVICE && kind <= FS_INSTANCE_CHECK) ||
           (kind >= FS_NODE && kind <= FS_NODE_CHECK);
}

void fs_node_pack(const struct fs_node *node, struct buf *id)
{
    size_t size = FS_NODE_HEAD_SIZE + node->a.n + node->b.n;
    buf_clear(id);
    fs_node_write(node, buf_reserve(id, size));
    id->n = size;
}

void fs_node_write(const struct fs_node *node, char *dst)
{
    uint32_t n = (uint32_t)node->a.n;
    char head[FS_NODE_HEAD_SIZE] = {(char)node->kind, (char)(n >> 24), (char)(n >> 16),
                                    (char)(n >> 8), (char)n};
    memcpy(dst, head, sizeof(head));
    if (node->a.n > 0)
        memcpy(dst + sizeof(head), node->a.p, node->a.n);
    if (node->b.n > 0)
        memcpy(dst + sizeof(head) + node->a.n, node->b.p, node->b.n);
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

bool fs_node_is_packed(struct str id)
{
    struct cursor c = cursor_make(id);
    uint8_t kind = cursor_u8(&c);
    (void)cursor_bytes(&c, cursor_u32(&c));
    return !c.bad && kind <= FS_FACT;
}
