/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What servers say to each other, and its form on the wire.
 *
 * A message owns its entries (references) and its chunk. Decoding trusts
 * nothing: every size is checked against the bytes that are there before
 * anything is allocated, and every number against what the protocol allows.
 */
#ifndef DISCO_RAFT_RAFT_MESSAGE_H
#define DISCO_RAFT_RAFT_MESSAGE_H

#include "raft/raft_entry.h"

/* One append holds at most this much, or one entry when that is larger. */
#define RAFT_MESSAGE_ENTRIES_MAX 1024
#define RAFT_MESSAGE_BYTES_MAX   ((size_t)1 << 20)
#define RAFT_CHUNK_SIZE_MAX      ((size_t)256 * 1024)
#define RAFT_MESSAGE_SIZE_MAX    (RAFT_ENTRY_SIZE_MAX + RAFT_MESSAGE_BYTES_MAX)
/* No honest server gets to higher terms, indexes, rounds or offsets; so sums do not wrap. */
#define RAFT_NUMBER_MAX (UINT64_MAX >> 2)

/* Numbers are on the wire: for ever. */
enum raft_message_kind {
    RAFT_VOTE = 1,
    RAFT_VOTE_REPLY = 2,
    RAFT_APPEND = 3, /* also the heartbeat */
    RAFT_APPEND_REPLY = 4,
    RAFT_SNAPSHOT = 5, /* one chunk */
    RAFT_SNAPSHOT_REPLY = 6,
    RAFT_TIMEOUT_NOW = 7, /* leadership transfer (3.10) */
    RAFT_MESSAGE_KINDS
};

struct raft_message {
    enum raft_message_kind kind;
    uint64_t from, to; /* server ids */
    uint64_t term;
    bool pre;      /* vote and reply: a pre-vote (9.6); term is then the term it would be */
    bool reject;   /* replies */
    bool transfer; /* vote: the leader asked for it, so voters need not protect him */
    /* vote: the candidate's last entry. append: the entry before the first. snapshot: its last.
     * append reply: the last entry now known to match or, refused, the one that did not. */
    uint64_t index, log_term;
    /* append reply, refused: where the logs may agree, and that term. snapshot: the file's size,
     * and a number that no other file of that index and term is likely to have (the sender's shell
     * sets both): a file is only ever put together from chunks whose two numbers are the same. */
    uint64_t hint, hint_term;
    uint64_t commit; /* append */
    uint64_t round;  /* append and reply: echoed; proves that the leader led when it was sent */
    /* snapshot: this chunk begins here; reply: the offset wanted next */
    uint64_t offset;
    bool last;        /* snapshot: the last chunk; reply: the whole is installed */
    struct str chunk; /* owned (mem_free) */
    uint32_t entry_n;
    struct raft_entry **entries; /* owned, with one reference each */
};

struct raft_message *raft_message_new(enum raft_message_kind kind, uint64_t to);
void raft_message_free(struct raft_message *m); /* accepts NULL */
/* Could an honest server have sent it? */
bool raft_message_is_sane(const struct raft_message *m);
void raft_message_encode(const struct raft_message *m, struct buf *out);
/* ERR_CORRUPT on anything else than one whole valid message. */
int raft_message_decode(struct str bytes, struct raft_message **ret) MUST_USE;

#endif
