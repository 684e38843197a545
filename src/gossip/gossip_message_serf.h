/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Serf's messages: the body of a memberlist user message, one type byte and a
 * msgpack map; its tags (meta bytes) and coordinates (payload of an ack).
 * Rules as in gossip_message.h. Lists and maps of a message stay encoded: a
 * gossip_list is a count and a slice, checked when decoded, walked with
 * gossip_list_next_*, and written by putting items one after another into a buf.
 */
#ifndef DISCO_GOSSIP_GOSSIP_MESSAGE_SERF_H
#define DISCO_GOSSIP_GOSSIP_MESSAGE_SERF_H

#include "gossip/gossip_message.h"

#define GOSSIP_COORDINATE_DIMENSIONS 8
#define GOSSIP_TAGS_MAX              128

enum gossip_serf_kind {
    GOSSIP_SERF_LEAVE = 0,
    GOSSIP_SERF_JOIN = 1,
    GOSSIP_SERF_PUSH_PULL = 2,
    GOSSIP_SERF_EVENT = 3,
    GOSSIP_SERF_QUERY = 4,
    GOSSIP_SERF_RESPONSE = 5,
    GOSSIP_SERF_CONFLICT = 6,
    GOSSIP_SERF_KEY_REQUEST = 7,
    GOSSIP_SERF_KEY_RESPONSE = 8,
    GOSSIP_SERF_RELAY = 9
};

#define GOSSIP_QUERY_ACK          1U /* flag: acknowledge at once; of a response: this is an ack */
#define GOSSIP_QUERY_NO_BROADCAST 2U /* flag: do not spread it further */

struct gossip_list {
    uint32_t n;
    struct str items; /* encoded; p NULL: nil, or (as a map) none */
};

struct gossip_serf_intent { /* join, leave */
    uint64_t ltime;
    struct str node;
    bool prune; /* leave only */
};
struct gossip_serf_state { /* push/pull */
    uint64_t ltime, event_ltime, query_ltime;
    struct gossip_list left;   /* texts */
    struct gossip_list status; /* text -> number: names and status LTimes */
    struct gossip_list events; /* gossip_list_next_slot */
};
struct gossip_serf_event {
    uint64_t ltime;
    struct str name, payload;
    bool cc; /* may be coalesced */
};
struct gossip_serf_query {
    uint64_t ltime;
    uint32_t id, flags;
    struct str addr; /* of who asks; 4 or 16 bytes */
    uint16_t port;
    uint8_t relay_factor;
    int64_t timeout_ns;
    struct str source_node, name, payload;
    struct gossip_list filters; /* gossip_list_next_filter */
};
struct gossip_serf_response {
    uint64_t ltime;
    uint32_t id, flags;
    struct str from, payload;
};
struct gossip_serf_conflict {
    bool is_nil; /* "I know nobody of that name" */
    struct str node, addr;
    uint16_t port;
    uint8_t vsn[GOSSIP_VSN_SIZE];
    int64_t status;          /* 1 alive, 2 leaving, 3 left, 4 failed */
    struct gossip_list tags; /* text -> text */
};
struct gossip_serf_key_response {
    bool result;
    struct str message, primary;
    struct gossip_list keys; /* texts */
};
struct gossip_serf_relay {
    struct str ip, zone, node;
    uint16_t port;
    struct str message; /* the relayed Serf message, with its type byte */
};

struct gossip_serf_message {
    enum gossip_serf_kind kind;
    union {
        struct gossip_serf_intent intent;
        struct gossip_serf_state state;
        struct gossip_serf_event event;
        struct gossip_serf_query query;
        struct gossip_serf_response response;
        struct gossip_serf_conflict conflict;
        struct str key; /* key request: the bare key */
        struct gossip_serf_key_response key_response;
        struct gossip_serf_relay relay;
    } u;
};

/* ERR_CORRUPT, or ERR_UNSUPPORTED for an unknown type byte. */
int gossip_serf_decode(struct str bytes, struct gossip_serf_message *ret) MUST_USE;
void gossip_serf_encode(const struct gossip_serf_message *m, struct buf *out);

/* Each takes the first item off *l; false: none is left. */
bool gossip_list_next_text(struct gossip_list *l, struct str *ret);
bool gossip_list_next_number(struct gossip_list *l, struct str *ret_name, uint64_t *ret);
bool gossip_list_next_pair(struct gossip_list *l, struct str *ret_name, struct str *ret_value);
/* The event ring: empty slots are passed over; `events` is for gossip_list_next_event. */
bool gossip_list_next_slot(struct gossip_list *l, uint64_t *ret_ltime, struct gossip_list *events);
bool gossip_list_next_event(struct gossip_list *l, struct str *ret_name, struct str *ret_payload);

/* Append one item to the bytes of a list. */
void gossip_list_put_text(struct buf *items, struct str text);
void gossip_list_put_number(struct buf *items, struct str name, uint64_t v);
void gossip_list_put_pair(struct buf *items, struct str name, struct str value);
void gossip_list_put_empty_slot(struct buf *items);
/* A slot: how many events follow by gossip_list_put_event, then _end_slot with the LTime. */
void gossip_list_put_slot(struct buf *items, uint32_t event_n);
void gossip_list_put_event(struct buf *items, struct str name, struct str payload);
void gossip_list_end_slot(struct buf *items, uint64_t ltime);

/* A query's filters: these nodes only, or those whose tag matches a regular expression. */
enum gossip_filter_kind { GOSSIP_FILTER_NODES = 0, GOSSIP_FILTER_TAG = 1, GOSSIP_FILTER_UNKNOWN };
struct gossip_filter {
    enum gossip_filter_kind kind;
    struct gossip_list nodes; /* texts */
    struct str tag, expr;
};
bool gossip_list_next_filter(struct gossip_list *l, struct gossip_filter *ret);
void gossip_list_put_filter(struct buf *items, const struct gossip_filter *filter);

/* Tags as meta bytes: ff and a map; no bytes, no tags. ERR_UNSUPPORTED: the form before Serf's
 * protocol 3, all of which is the tag `role`. ERR_CORRUPT. */
int gossip_tags_decode(struct str meta, struct gossip_list *ret) MUST_USE;
void gossip_tags_encode(const struct gossip_list *tags, struct buf *out);
/* The value of one tag, STR_NONE when there is none. */
struct str gossip_tags_find(struct gossip_list tags, struct str name);

/* What an ack carries. ERR_UNSUPPORTED: another version of it; ERR_CORRUPT: not 8 dimensions. */
struct gossip_coordinate {
    double vec[GOSSIP_COORDINATE_DIMENSIONS];
    double error, adjustment, height;
};
int gossip_coordinate_decode(struct str payload, struct gossip_coordinate *ret) MUST_USE;
void gossip_coordinate_encode(const struct gossip_coordinate *c, struct buf *out);

#endif
