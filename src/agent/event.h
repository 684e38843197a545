/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * User events: fired on one agent, seen by all; each keeps the last ones that its filters let
 * through. They are news, not state: nothing of them is in the log. Pure.
 *
 * On the core a new event is given to the gossip pool (agent_event.c); when it arrives from there,
 * each worker gets it into its own ring.
 *
 * consul: agent/user_event.go
 */
#ifndef DISCO_AGENT_EVENT_H
#define DISCO_AGENT_EVENT_H

#include "base/buf.h"

#define EVENT_RING_SIZE 256
#define EVENT_VERSION   1

struct event {
    struct str id, name, payload; /* payload STR_NONE: null */
    struct str node_filter, service_filter, tag_filter;
    uint64_t version, ltime;
};

/* As it travels in the pool; the time stays out. */
void event_encode(const struct event *e, struct buf *out);
/* Borrows from the bytes. */
int event_decode(struct str bytes, struct event *ret) MUST_USE;
/* 0, or ERR_INVALID with Consul's words: a tag without a service, filters that are no patterns. */
int event_check(const struct event *e, struct error *err) MUST_USE;
/* Does the filter (a regular expression, "" for any) find its pattern in the text? */
bool event_filter_fits(struct str filter, struct str text);
/* Consul's X-Consul-Index of a list that ends with this event: its id folded into 64 bits. */
uint64_t event_index(struct str id);

struct event_ring;
struct event_ring *event_ring_new(void);
void event_ring_free(struct event_ring *r);                        /* accepts NULL */
void event_ring_push(struct event_ring *r, const struct event *e); /* copies */
/* From the oldest on; i from 0. NULL behind the last; of no ring too. */
const struct event *event_ring_at(const struct event_ring *r, size_t i);

#endif
