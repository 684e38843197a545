/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What surrounds messages in a datagram. From the outside: label, encryption,
 * CRC, compression, compound. Opening peels in that order and hands over each
 * single message; sealing wraps.
 *
 * One struct gossip_packet per pool holds the settings, the counters and the
 * memory that is used again for each packet. Everything outside bytes can make
 * us do is bounded below, per packet.
 */
#ifndef DISCO_GOSSIP_GOSSIP_PACKET_H
#define DISCO_GOSSIP_GOSSIP_PACKET_H

#include "gossip/gossip_keyring.h"
#include "gossip/gossip_message.h"

#define GOSSIP_PACKET_SIZE_MAX     65536
#define GOSSIP_PACKET_INFLATED_MAX ((size_t)256 * 1024) /* all decompressed bytes of a packet */
#define GOSSIP_PACKET_MESSAGES_MAX 4096
#define GOSSIP_PACKET_DEPTH_MAX    4   /* of compounds and compressions in each other */
#define GOSSIP_COMPOUND_MAX        127 /* parts we write: memberlist <= 0.2.3 loses more */
#define GOSSIP_COMPOUND_SIZE       2   /* the head of a compound; each part takes 2 more */
#define GOSSIP_CRC_SIZE            5   /* not part of the size budget */

/* Why packets were dropped; a counter each. */
enum gossip_drop {
    GOSSIP_DROP_LABEL,
    GOSSIP_DROP_SEAL, /* no key opens it, or not sealed though it must be */
    GOSSIP_DROP_CRC,
    GOSSIP_DROP_COMPRESSION,
    GOSSIP_DROP_COMPOUND,
    GOSSIP_DROP_TYPE,
    GOSSIP_DROP_BODY,  /* counted by who decodes the messages */
    GOSSIP_DROP_LIMIT, /* depth, messages, inflated bytes */
    GOSSIP_DROPS
};

struct gossip_packet {
    /* settings, the owner's */
    struct gossip_keyring *keyring;      /* borrowed; NULL or empty: no encryption */
    struct str label;                    /* at most 255 bytes; empty: none */
    bool accept_plain;                   /* "verify incoming" off */
    bool send_plain;                     /* "verify outgoing" off */
    bool no_compression;                 /* of what we send */
    void (*random)(void *dst, size_t n); /* nonces; NULL: rng_secure */
    uint64_t dropped[GOSSIP_DROPS];
    /* private */
    struct buf opened;                            /* decrypted */
    struct buf inflated[GOSSIP_PACKET_DEPTH_MAX]; /* decompressed */
    struct buf work, sealing; /* of what we send: it may be sent from within `each` */
    struct gossip_lzw *lzw;   /* the encoder's table */
    size_t inflated_left, messages_left;
};

void gossip_packet_init(struct gossip_packet *p);
void gossip_packet_fini(struct gossip_packet *p);

/* Calls `each` for every message of the datagram, in order: type byte and body, neither compound
 * nor compress. A negative result says that (from there on) it was dropped; it has been counted. */
typedef void (*gossip_packet_fn)(void *data, struct str message);
int gossip_packet_open(struct gossip_packet *p, struct str datagram, gossip_packet_fn each,
                       void *data);

/* Bytes that label and encryption take of the budget of a datagram. */
size_t gossip_packet_overhead(const struct gossip_packet *p);
/* Appends a compound of n parts (1 .. GOSSIP_COMPOUND_MAX); one part stands alone. */
void gossip_packet_compound(const struct str *parts, size_t n, struct buf *out);
/* Appends the datagram for one message or compound; `crc`: the receiver's proto max is >= 5. */
void gossip_packet_seal(struct gossip_packet *p, struct str body, bool crc, struct buf *out);

/*
 * Streams. One exchange is one message each way, which ends by itself: a
 * reader feeds all bytes received so far until it is complete.
 */
struct gossip_packet_stream {
    struct str message;   /* type byte and body; borrowed from `plain` or from what was received */
    uint64_t stream_size; /* bytes of the received ones that belong to it */
    /* private */
    struct buf plain, inflated;
    bool is_open, is_counted; /* unwrapped; push/pull's header read */
    size_t wrap_size;         /* label and envelope */
    size_t scanned;           /* bytes of the message passed already */
    uint64_t nodes_left, tail_size;
};
#define GOSSIP_STREAM_SIZE_MAX     ((size_t)20 << 20) /* of the sealed or plain form */
#define GOSSIP_STREAM_INFLATED_MAX ((size_t)40 << 20)

void gossip_packet_stream_init(struct gossip_packet_stream *s);
void gossip_packet_stream_fini(struct gossip_packet_stream *s);
/* `received`: all bytes so far, the old ones unchanged. 0: complete, s->message is there. -EAGAIN:
 * more is needed. ERR_DENIED: sealed though we have no key, or the other way round, or by an
 * unknown key. ERR_CORRUPT, ERR_TOO_LARGE. `is_answer`: the initiator reads (no label there). */
int gossip_packet_stream_open(struct gossip_packet *p, struct gossip_packet_stream *s,
                              struct str received, bool is_answer) MUST_USE;
/* Appends the stream form of `message`. */
void gossip_packet_stream_seal(struct gossip_packet *p, struct str message, bool is_answer,
                               struct buf *out);
/* What the reference tells a peer whose stream it cannot open: for GOSSIP_ERROR. */
const char *gossip_packet_stream_refusal(const struct gossip_packet *p, int code,
                                         struct str received);

#endif
