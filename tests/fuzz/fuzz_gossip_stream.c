/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams: in pieces they give what they give as a whole; what is complete decodes or not, both
 * without harm. */
#include <errno.h>

#include "gossip/gossip_message_serf.h"
#include "gossip/gossip_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct str message)
{
    struct gossip_serf_message serf;
    struct gossip_push_pull p;
    struct gossip_message m;
    struct gossip_node n;
    struct str user;

    if (gossip_message_decode_push_pull(message, &p) == 0) {
        while (gossip_message_next_node(&p.nodes, &n))
            ;
        (void)(gossip_serf_decode(p.user_state, &serf) != 0);
    } else if (gossip_message_decode_stream_user(message, &user) == 0) {
        (void)(gossip_serf_decode(user, &serf) != 0);
    } else {
        (void)(gossip_message_decode(message, &m) != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_make(data, size);
    struct gossip_packet_stream whole, pieces;
    struct gossip_packet p;
    int rc, rc_pieces = -EAGAIN;

    gossip_packet_init(&p);
    gossip_packet_stream_init(&whole);
    gossip_packet_stream_init(&pieces);
    rc = gossip_packet_stream_open(&p, &whole, bytes, false);
    for (size_t n = 1; n <= size && rc_pieces == -EAGAIN; n += 1 + n / 8)
        rc_pieces = gossip_packet_stream_open(&p, &pieces, str_take(bytes, n), false);
    if (rc_pieces == -EAGAIN)
        rc_pieces = gossip_packet_stream_open(&p, &pieces, bytes, false);
    ASSERT((rc == 0) == (rc_pieces == 0));
    if (rc == 0) {
        ASSERT(str_eq(whole.message, pieces.message));
        look(whole.message);
    }
    gossip_packet_stream_fini(&whole);
    gossip_packet_stream_fini(&pieces);
    gossip_packet_fini(&p);
    return 0;
}
