/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command of the log on its way from an agent without a log to a server, and its result back.
 */
#ifndef DISCO_AGENT_SHIP_WRITE_H
#define DISCO_AGENT_SHIP_WRITE_H

#include "agent/ship.h"
#include "state/state.h"

/* Appends the request's bytes. */
void ship_write_encode(struct str token, struct str command, struct buf *out);
/* Takes the answer: 0 with index and result (initialised by the caller), else why it was not
 * applied. */
int ship_write_take(const struct ship *s, uint64_t *ret_index, struct result *ret_result);

#endif
