/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The payload of a user event as Consul fires them (Serf name "consul:event:"
 * and the event's own): msgpack in the new dialect, with str8 and bin.
 */
#ifndef DISCO_GOSSIP_GOSSIP_MESSAGE_EVENT_H
#define DISCO_GOSSIP_GOSSIP_MESSAGE_EVENT_H

#include "gossip/gossip_message_serf.h"

#define GOSSIP_MESSAGE_EVENT_PREFIX  "consul:event:"
#define GOSSIP_MESSAGE_EVENT_VERSION 1

struct gossip_message_event {
    struct str id, name, payload;                       /* id: a UUID */
    struct str node_filter, service_filter, tag_filter; /* regular expressions; empty: all */
    int64_t version;
};

int gossip_message_event_decode(struct str bytes, struct gossip_message_event *ret) MUST_USE;
void gossip_message_event_encode(const struct gossip_message_event *e, struct buf *out);

#endif
