/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What travels over a connection between an agent and a server: frames of
 *
 *     byte 0      type
 *     byte 1      kind of the request (requests), else 0
 *     bytes 2-3   0
 *     bytes 4-7   status of an answer: 0 or an error code (big-endian, two's complement)
 *     bytes 8-15  id: chosen by who asks, comes back in the answer
 *     the rest    body
 *
 *     REQUEST  asks; answered exactly once, unless the connection is lost
 *     ANSWER
 *     CANCEL   whoever waited for the answer has left; answered all the same
 *     CHANGES  id 0: a batch of what was touched, to those who subscribed
 */
#ifndef DISCO_RPC_RPC_FRAME_H
#define DISCO_RPC_RPC_FRAME_H

#include "base/buf.h"

#define RPC_FRAME_HEAD_SIZE 16

enum rpc_frame_type {
    RPC_FRAME_REQUEST = 1,
    RPC_FRAME_ANSWER = 2,
    RPC_FRAME_CANCEL = 3,
    RPC_FRAME_CHANGES = 4
};

struct rpc_frame {
    enum rpc_frame_type type;
    uint8_t kind;
    int32_t status;
    uint64_t id;
    struct str body; /* borrowed */
};

void rpc_frame_put_head(const struct rpc_frame *f, uint8_t dst[RPC_FRAME_HEAD_SIZE]);
/* ERR_CORRUPT: not one of ours. */
int rpc_frame_parse(struct str bytes, struct rpc_frame *ret) MUST_USE;

#endif
