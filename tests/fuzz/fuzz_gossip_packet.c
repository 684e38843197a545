/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams: what opens decodes, and what decodes encodes to something that decodes to the same. */
#include "base/mem.h"
#include "gossip/gossip_message_event.h"
#include "gossip/gossip_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct gossip_serf_message *m)
{
    struct gossip_message_event event;
    struct gossip_list l, inner;
    struct gossip_filter f;
    struct str a, b;
    uint64_t v;

    if (m->kind == GOSSIP_SERF_PUSH_PULL) {
        for (l = m->u.state.left; gossip_list_next_text(&l, &a);)
            ;
        for (l = m->u.state.status; gossip_list_next_number(&l, &a, &v);)
            ;
        for (l = m->u.state.events; gossip_list_next_slot(&l, &v, &inner);)
            while (gossip_list_next_event(&inner, &a, &b))
                ;
    } else if (m->kind == GOSSIP_SERF_QUERY) {
        for (l = m->u.query.filters; gossip_list_next_filter(&l, &f);)
            while (f.kind == GOSSIP_FILTER_NODES && gossip_list_next_text(&f.nodes, &a))
                ;
    } else if (m->kind == GOSSIP_SERF_EVENT) {
        (void)(gossip_message_event_decode(m->u.event.payload, &event) != 0);
    }
}

static void each(void *data, struct str message)
{
    struct gossip_serf_message serf, serf_again;
    struct gossip_coordinate c;
    struct gossip_message m, again;
    struct gossip_list tags;
    struct buf out = {0};

    (void)data;
    if (gossip_message_decode(message, &m) != 0)
        return;
    gossip_message_encode(&m, &out);
    ASSERT(gossip_message_decode(buf_str(&out), &again) == 0 && again.kind == m.kind);
    if (m.kind == GOSSIP_ACK)
        (void)(gossip_coordinate_decode(m.u.ack.payload, &c) != 0);
    if (m.kind == GOSSIP_ALIVE && gossip_tags_decode(m.u.alive.meta, &tags) == 0)
        gossip_tags_find(tags, STR_LIT("role"));
    if (m.kind == GOSSIP_USER && gossip_serf_decode(m.u.user, &serf) == 0) {
        walk(&serf);
        buf_clear(&out);
        gossip_serf_encode(&serf, &out);
        ASSERT(gossip_serf_decode(buf_str(&out), &serf_again) == 0);
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gossip_packet p;

    gossip_packet_init(&p);
    (void)(gossip_packet_open(&p, str_make(data, size), each, NULL) != 0);
    gossip_packet_fini(&p);
    return 0;
}
