/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server that does not lead asks of the one that does: commands and read
 * indexes. For consensus*.c alone.
 *
 *     wanted here ──> WAITING for a leader ── sent, once ──> SENT ── answer ──> done
 *                        │ CONSENSUS_WAIT is over              │ connection lost, too long
 *                        v                                     v
 *                  ERR_NO_LEADER                     ERR_UNCERTAIN; a read waits again
 *
 * A leader that answers "not me" has done nothing: then it waits again.
 */
#ifndef DISCO_CONSENSUS_CONSENSUS_FORWARD_H
#define DISCO_CONSENSUS_CONSENSUS_FORWARD_H

#include "base/list.h"
#include "consensus/consensus.h"
#include "consensus/consensus_wire.h"

struct consensus_conn;

void consensus_forward_open(struct consensus *c);
/* Not led here. The deadline of one that comes again stays. */
void consensus_forward_submit(struct consensus *c, struct consensus_submit *s);
void consensus_forward_read(struct consensus *c, struct consensus_read *r);
/* In each turn: sends what waits, gives up what is late. */
void consensus_forward_step(struct consensus *c, struct instant now);
/* Another leader, or none. */
void consensus_forward_leader(struct consensus *c, struct instant now);
void consensus_forward_gone(struct consensus *c, uint64_t serial);
int consensus_forward_answer(struct consensus *c, enum consensus_wire_kind kind,
                             struct str bytes) MUST_USE;
/* Those whose answer has come, up to what is applied here; after CONSENSUS_WAIT all, for a server
 * that was removed from the configuration applies nothing any more. */
void consensus_forward_finish(struct consensus *c, uint64_t applied);
void consensus_forward_close(struct consensus *c);
bool consensus_forward_is_empty(const struct consensus *c);

/* consensus_serve.c: the other side. */
int consensus_serve_frame(struct consensus_conn *conn, enum consensus_wire_kind kind,
                          struct str bytes) MUST_USE;
void consensus_serve_gone(struct consensus_conn *conn);

#endif
