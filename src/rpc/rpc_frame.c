/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpc/rpc_frame.h"

#include <string.h>

static void put_be(uint8_t *dst, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t get_be(const uint8_t *src, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | src[i];
    return v;
}

void rpc_frame_put_head(const struct rpc_frame *f, uint8_t dst[RPC_FRAME_HEAD_SIZE])
{
    memset(dst, 0, RPC_FRAME_HEAD_SIZE);
    dst[0] = (uint8_t)f->type;
    dst[1] = f->kind;
    put_be(dst + 4, (uint32_t)f->status, 4);
    put_be(dst + 8, f->id, 8);
}

int rpc_frame_parse(struct str bytes, struct rpc_frame *ret)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    if (bytes.n < RPC_FRAME_HEAD_SIZE || p[0] < RPC_FRAME_REQUEST || p[0] > RPC_FRAME_CHANGES ||
        p[2] || p[3])
        return ERR_CORRUPT;
    *ret = (struct rpc_frame){.type = (enum rpc_frame_type)p[0],
                              .kind = p[1],
                              .status = (int32_t)(uint32_t)get_be(p + 4, 4),
                              .id = get_be(p + 8, 8),
                              .body = str_drop(bytes, RPC_FRAME_HEAD_SIZE)};
    if (ret->status > 0 || (ret->type != RPC_FRAME_ANSWER && ret->status) ||
        (ret->type != RPC_FRAME_REQUEST && ret->kind) ||
        (ret->type == RPC_FRAME_CANCEL && ret->body.n))
        return ERR_CORRUPT;
    return 0;
}
