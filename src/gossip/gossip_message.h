/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages of the membership layer (SWIM as memberlist speaks it): one
 * type byte and a msgpack map, in the old dialect (no str8, no bin), keys in
 * byte order. Serf's messages, which ride inside, are in gossip_message_serf.h;
 * what surrounds a message in a datagram or stream in gossip_packet.h.
 *
 * Decoding allocates nothing: texts and bytes are slices of the input. Every
 * form the reference decoder takes is taken; unknown keys are skipped, numbers
 * must fit, depth and lengths are bounded. Encoding gives the reference's
 * bytes.
 */
#ifndef DISCO_GOSSIP_GOSSIP_MESSAGE_H
#define DISCO_GOSSIP_GOSSIP_MESSAGE_H

#include "base/addr.h"
#include "base/buf.h"

#define GOSSIP_META_SIZE_MAX       512
#define GOSSIP_NODE_SIZE_MAX       255 /* of names we take; Consul allows far fewer */
#define GOSSIP_NODES_MAX           (1U << 20)
#define GOSSIP_USER_STATE_SIZE_MAX ((size_t)20 << 20)
#define GOSSIP_VSN_SIZE            6

/* Type bytes: on the wire, for ever. */
enum gossip_kind {
    GOSSIP_PING = 0,
    GOSSIP_INDIRECT = 1, /* please ping him for me */
    GOSSIP_ACK = 2,
    GOSSIP_SUSPECT = 3,
    GOSSIP_ALIVE = 4,
    GOSSIP_DEAD = 5,
    GOSSIP_PUSH_PULL = 6,
    GOSSIP_COMPOUND = 7,
    GOSSIP_USER = 8, /* a Serf message inside */
    GOSSIP_COMPRESS = 9,
    GOSSIP_ENCRYPT = 10,
    GOSSIP_NACK = 11,
    GOSSIP_CRC = 12,
    GOSSIP_ERROR = 13,
    GOSSIP_LABEL = 244
};

/* Of a member in a push/pull list. */
enum gossip_state {
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_SUSPECT,
    GOSSIP_STATE_DEAD,
    GOSSIP_STATE_LEFT
};

struct gossip_ping {
    uint32_t seq;
    struct str node;        /* whom the sender means */
    struct str source_addr; /* 4 or 16 bytes; empty from old senders, as the next two */
    uint16_t source_port;
    struct str source_node;
};
struct gossip_indirect {
    uint32_t seq;
    struct str node, target; /* target: 4 or 16 bytes */
    uint16_t port;
    bool nack; /* the sender wants to hear when it failed */
    struct str source_addr;
    uint16_t source_port;
    struct str source_node;
};
struct gossip_ack {
    uint32_t seq; /* nack too */
    struct str payload;
};
/* suspect and dead: what `from` says about `node` */
struct gossip_claim {
    uint32_t incarnation;
    struct str node, from;
};
/* alive, and an entry of a push/pull list (which alone uses `state`) */
struct gossip_node {
    struct str node;
    struct str addr; /* 4 or 16 bytes; IPv4 always as 4 */
    uint16_t port;
    uint32_t incarnation;
    struct str meta, vsn; /* vsn: see GOSSIP_VSN_*; of any length when received */
    int64_t state;        /* enum gossip_state, or whatever came */
};

/* Where in vsn which number stands: memberlist's protocol, then Serf's. */
enum {
    GOSSIP_VSN_PROTO_MIN,
    GOSSIP_VSN_PROTO_MAX,
    GOSSIP_VSN_PROTO_CURRENT,
    GOSSIP_VSN_SERF_MIN,
    GOSSIP_VSN_SERF_MAX,
    GOSSIP_VSN_SERF_CURRENT
};

struct gossip_message {
    enum gossip_kind kind;
    union {
        struct gossip_ping ping;
        struct gossip_indirect indirect;
        struct gossip_ack ack;     /* nack too */
        struct gossip_claim claim; /* suspect, dead */
        struct gossip_node alive;
        struct str user;  /* GOSSIP_USER: the bytes after the type byte (a datagram's form) */
        struct str error; /* GOSSIP_ERROR: a text */
    } u;
};

/* One message that is no wrapper (ping .. dead, user, nack, error): type byte and body. Bytes after
 * the body are ignored, as the reference does. ERR_CORRUPT, or ERR_UNSUPPORTED for other types. */
int gossip_message_decode(struct str bytes, struct gossip_message *ret) MUST_USE;
void gossip_message_encode(const struct gossip_message *m, struct buf *out);
/* "ping", "suspect", ... ; "unknown" */
const char *gossip_message_kind_text(int kind);

/* The IP bytes and port of a message as an address, and back (into 16 bytes of the caller; the
 * slice points there). ERR_INVALID unless 4 or 16 bytes. */
int gossip_message_addr(struct str ip, uint16_t port, struct addr *ret) MUST_USE;
struct str gossip_message_ip(const struct addr *a, uint8_t dst[16]);

/*
 * Push/pull: the whole table of a member. To write one: begin, as many nodes
 * as said, then the user state's bytes (buf_put_str).
 */
struct gossip_push_pull {
    bool join;
    uint32_t node_n;
    struct str nodes;      /* for gossip_message_next_node */
    struct str user_state; /* a Serf message */
};
void gossip_message_put_push_pull(struct buf *out, bool join, uint32_t node_n,
                                  size_t user_state_size);
void gossip_message_put_node(struct buf *out, const struct gossip_node *node);
int gossip_message_decode_push_pull(struct str bytes, struct gossip_push_pull *ret) MUST_USE;
/* Takes one entry off *nodes (of a decoded push/pull); false at the end. */
bool gossip_message_next_node(struct str *nodes, struct gossip_node *ret);

/* A user message on a stream has its length in front: type byte, map, bytes. */
void gossip_message_put_stream_user(struct buf *out, struct str user);
int gossip_message_decode_stream_user(struct str bytes, struct str *ret_user) MUST_USE;

/* Of the head alone (type byte and first map) of a push/pull or a stream's user message: how many
 * nodes follow, and how many bytes after them. ERR_CORRUPT, ERR_TOO_LARGE. */
int gossip_message_decode_head(struct str bytes, uint32_t *ret_node_n, uint64_t *ret_size) MUST_USE;

#endif
