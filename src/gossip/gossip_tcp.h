/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The streams of a pool, on a loop: a listener that answers, and dials. Each
 * connection carries one exchange, has a deadline, and its bytes are bounded:
 * per stream by gossip_packet.h, and over all streams by the sum below.
 */
#ifndef DISCO_GOSSIP_GOSSIP_TCP_H
#define DISCO_GOSSIP_GOSSIP_TCP_H

#include "base/timers.h"
#include "gossip/gossip_packet.h"

#define GOSSIP_TCP_INCOMING_MAX 128 /* as memberlist; further ones are closed at once */
#define GOSSIP_TCP_DIALS_MAX    512
#define GOSSIP_TCP_HELD_MAX     ((size_t)128 << 20) /* received bytes of unfinished messages */

struct gossip_tcp;
struct gossip_tcp_options {
    void *loop; /* uv_loop_t * */
    struct timers *timers;
    struct gossip_packet *packet;
    struct duration timeout; /* of a stream that somebody opens */
    void *data;
    /* A whole message came; what is appended to `answer` is sent. Negative: closed without. */
    int (*answer)(void *data, const struct addr *from, struct str message, struct buf *answer);
    /* A dial ended; exactly once, never before gossip_tcp_dial has returned. */
    void (*dialed)(void *data, uint64_t id, int status, struct str answer);
    /* A stream was dropped: why. */
    void (*dropped)(void *data, const struct addr *from, int why);
};

int gossip_tcp_open(const struct gossip_tcp_options *o, const struct addr *bind,
                    struct gossip_tcp **ret) MUST_USE;
void gossip_tcp_dial(struct gossip_tcp *t, uint64_t id, const struct addr *to, struct str message,
                     bool is_answered, struct instant deadline);
void gossip_tcp_hang_up(struct gossip_tcp *t, uint64_t id); /* harmless when it has ended */
/* Streams end without a word; no callback comes after it but `closed`. */
void gossip_tcp_close(struct gossip_tcp *t, void (*closed)(void *data), void *data);

#endif
