/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The wrappers that datagrams and streams have in common: label and
 * compression.
 */
#ifndef DISCO_GOSSIP_GOSSIP_PACKET_WRAP_H
#define DISCO_GOSSIP_GOSSIP_PACKET_WRAP_H

#include "gossip/gossip_packet.h"

struct gossip_lzw;

/* Takes our label off *body. -EAGAIN: it is cut. ERR_DENIED: another one, one though we have none,
 * or none though we have one. */
int gossip_packet_wrap_label(const struct gossip_packet *p, struct str *body) MUST_USE;
void gossip_packet_wrap_put_label(const struct gossip_packet *p, struct buf *out);

/* A compress message (type byte and map) and what it holds. ERR_CORRUPT, ERR_TOO_LARGE. */
int gossip_packet_wrap_inflate(struct gossip_lzw *z, struct str message, size_t plain_max,
                               struct buf *plain) MUST_USE;
void gossip_packet_wrap_deflate(struct gossip_lzw *z, struct str plain, struct buf *out);

/* Passes over one msgpack value at *at (at most value_max bytes). -EAGAIN: it is cut. ERR_CORRUPT,
 * ERR_TOO_LARGE. */
int gossip_packet_wrap_skip(struct str bytes, size_t value_max, size_t *at) MUST_USE;

#endif
