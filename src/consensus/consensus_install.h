/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshots between servers: pieces of the leader's file, and a follower that
 * puts them together. For consensus*.c alone.
 */
#ifndef DISCO_CONSENSUS_CONSENSUS_INSTALL_H
#define DISCO_CONSENSUS_CONSENSUS_INSTALL_H

#include "consensus/engine.h"
#include "raft/raft_message.h"

struct consensus;

/* The leader's open file: it may go on being read after a newer one has replaced it. */
struct consensus_source {
    bool is_open;
    int file;
    uint64_t index, term, size, unique;
    struct instant used;
};
struct consensus_install {
    struct engine_work work;
    struct consensus_source source;
    /* the follower's: begun with the chunk at offset 0 */
    bool receiving, importing, ready;
    int file;
    uint64_t index, term, size, unique, offset;
    int status;
    struct error err;
};

/* Fills in the chunk. False: there is no such file (raft was told); free the message. */
bool consensus_install_fill(struct consensus *c, struct raft_message *m) MUST_USE;
/* Takes the message. */
void consensus_install_chunk(struct consensus *c, struct raft_message *m);
/* In each turn: a file that is whole and waits for its moment. */
void consensus_install_step(struct consensus *c);
bool consensus_install_is_quiet(const struct consensus *c);
void consensus_install_close(struct consensus *c);

#endif
