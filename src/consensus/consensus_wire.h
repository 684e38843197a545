/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What servers say to each other on a connection of protocol raft, beside
 * Raft's own messages: who they are, commands and read indexes.
 *
 * A payload is one byte of kind, then:
 *
 *     HELLO     version u16, cluster 16, from, to, address (each: size u8, text)
 *     WELCOME   the same, the answer to it; from then on both may send anything
 *     REFUSED   text
 *     RAFT      a message (raft_message.h)
 *     SUBMIT    id u64, command          RESULT    id, status i32, index u64, result's status i32,
 *                                                  text size u16, text, body
 *     READ      id                       INDEX     id, status, index
 */
#ifndef DISCO_CONSENSUS_CONSENSUS_WIRE_H
#define DISCO_CONSENSUS_CONSENSUS_WIRE_H

#include "raft/raft_message.h"
#include "state/state.h"

#define CONSENSUS_WIRE_VERSION   1
#define CONSENSUS_WIRE_FRAME_MAX (RAFT_MESSAGE_SIZE_MAX + 4096)

/* On the wire: for ever. */
enum consensus_wire_kind {
    CONSENSUS_WIRE_HELLO = 1,
    CONSENSUS_WIRE_WELCOME = 2,
    CONSENSUS_WIRE_REFUSED = 3,
    CONSENSUS_WIRE_RAFT = 4,
    CONSENSUS_WIRE_SUBMIT = 5,
    CONSENSUS_WIRE_RESULT = 6,
    CONSENSUS_WIRE_READ = 7,
    CONSENSUS_WIRE_INDEX = 8
};

struct consensus_wire_hello {
    uint16_t version;
    uint8_t cluster[16]; /* zeros: not known yet */
    char from[RAFT_SERVER_NAME_MAX], to[RAFT_SERVER_NAME_MAX];
    char address[ADDR_TEXT_MAX];
};
struct consensus_wire_reply {
    uint64_t id;
    int32_t status;
    uint64_t index;
    int32_t result;         /* RESULT */
    struct str text, bytes; /* borrowed */
};

/* The kind has been written, or read, by the caller. */
void consensus_wire_put_hello(struct buf *out, const struct consensus_wire_hello *h);
int consensus_wire_get_hello(struct str bytes, struct consensus_wire_hello *ret) MUST_USE;
void consensus_wire_put_reply(struct buf *out, enum consensus_wire_kind kind,
                              const struct consensus_wire_reply *r);
int consensus_wire_get_reply(struct str bytes, enum consensus_wire_kind kind,
                             struct consensus_wire_reply *ret) MUST_USE;

#endif
