/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stream of frames: fed whole and in pieces, the same payloads come out and the same error. */
#include "base/digest.h"
#include "base/mem.h"
#include "net/net_frame.h"

#define PAYLOAD_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int each(void *data, struct str payload)
{
    struct buf *all = data;

    buf_put_u32(all, (uint32_t)payload.n);
    buf_put_str(all, payload);
    return 0;
}

static int feed(struct str in, size_t piece, struct buf *all)
{
    struct net_frame_reader r;
    int rc = 0;

    net_frame_init(&r, PAYLOAD_MAX);
    while (rc == 0 && in.n) {
        size_t n = piece < in.n ? piece : in.n;
        rc = net_frame_feed(&r, str_take(in, n), each, all);
        ASSERT(r.bytes.n <= PAYLOAD_MAX + NET_FRAME_HEADER);
        in = str_drop(in, n);
    }
    net_frame_fini(&r);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = str_make(data, size);
    struct buf whole, pieces;

    buf_init(&whole, 0);
    buf_init(&pieces, 0);
    int rc = feed(in, size ? size : 1, &whole);
    for (size_t piece = 1; piece < 20; piece += 6) {
        buf_clear(&pieces);
        ASSERT(feed(in, piece, &pieces) == rc);
        ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
    }
    buf_fini(&whole);
    buf_fini(&pieces);
    return 0;
}
