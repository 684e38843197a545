/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LZW as in GIF: least significant bit first, 8-bit literals, codes of 9 to 12
 * bits, late change of width. The encoder gives the bytes of Go's
 * compress/lzw; the decoder takes any valid sequence.
 */
#ifndef DISCO_GOSSIP_GOSSIP_LZW_H
#define DISCO_GOSSIP_GOSSIP_LZW_H

#include "base/buf.h"

/* The tables: some tens of KiB, used again for each call. */
struct gossip_lzw;
struct gossip_lzw *gossip_lzw_new(void);
void gossip_lzw_free(struct gossip_lzw *z); /* accepts NULL */

void gossip_lzw_encode(struct gossip_lzw *z, struct str plain, struct buf *out);
/* Appends at most plain_max bytes. ERR_TOO_LARGE: it would be more. ERR_CORRUPT: an invalid code,
 * or the end of the input before the end code. */
int gossip_lzw_decode(struct gossip_lzw *z, struct str bytes, size_t plain_max,
                      struct buf *out) MUST_USE;

#endif
