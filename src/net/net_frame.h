/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames: a stream of bytes cut into messages. Pure.
 *
 *     size u32 (of the payload, not 0), CRC-32C u32 of the payload, payload
 *
 * A reader holds no more than it was given bytes for: a frame that announces
 * much and sends little costs what was sent. TCP's own sum lets one broken
 * segment in some millions through; what goes into a log must not depend on it.
 */
#ifndef DISCO_NET_NET_FRAME_H
#define DISCO_NET_NET_FRAME_H

#include "base/buf.h"

#define NET_FRAME_HEADER 8

struct net_frame_reader {
    size_t max;       /* of a payload */
    struct buf bytes; /* of a frame that is not whole yet */
};
void net_frame_init(struct net_frame_reader *r, size_t max);
void net_frame_fini(struct net_frame_reader *r);
/* Hands each whole payload over, borrowed during the call. Returns 0, ERR_TOO_LARGE or ERR_CORRUPT
 * (nothing more can be read from this stream), or the first negative that `each` returned. */
int net_frame_feed(struct net_frame_reader *r, struct str bytes,
                   int (*each)(void *data, struct str payload), void *data) MUST_USE;
/* A frame has begun and is not whole. */
bool net_frame_is_partial(const struct net_frame_reader *r);

/* Writing into `out`: begin gives the place to hand to end, once the payload stands behind it. A
 * payload that failed to fit (out->failed), is empty or larger than max is taken out again:
 * ERR_TOO_LARGE. */
size_t net_frame_begin(struct buf *out);
int net_frame_end(struct buf *out, size_t at, size_t max) MUST_USE;

#endif
