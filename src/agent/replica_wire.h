/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server tells those who keep a copy of its state (agent/replica.h).
 */
#ifndef DISCO_AGENT_REPLICA_WIRE_H
#define DISCO_AGENT_REPLICA_WIRE_H

#include "base/buf.h"
#include "state/watch.h"

/* A group that was applied: [index, everything, [kind, key, ...], rows, lost]. lost: the rows were
 * too many, the copy is to be made anew. */
void replica_wire_put_group(const struct change_batch *b, struct str rows, bool lost,
                            struct buf *out);
/* Adds to b; *ret_rows is borrowed from the bytes. */
int replica_wire_get_group(struct str bytes, struct change_batch *b, struct str *ret_rows,
                           bool *ret_lost) MUST_USE;

/* Asked for: the rows of `table` behind the key `after` (from its first one when is_first). */
struct replica_wire_ask {
    int table;
    bool is_first;
    struct str after;
};
void replica_wire_put_ask(const struct replica_wire_ask *ask, struct buf *out);
int replica_wire_get_ask(struct str bytes, struct replica_wire_ask *ret) MUST_USE;

/* Answered: some of them (store/store_rows.h), and whether those are the table's last. */
void replica_wire_put_page(struct str rows, bool is_last, struct buf *out);
int replica_wire_get_page(struct str bytes, struct str *ret_rows, bool *ret_is_last) MUST_USE;

/* How the server stands: [applied index, does it know a leader, ms since it heard one]. */
struct replica_wire_news {
    uint64_t applied, last_contact_ms;
    bool knows_leader;
};
void replica_wire_put_news(const struct replica_wire_news *news, struct buf *out);
int replica_wire_get_news(struct str bytes, struct replica_wire_news *ret) MUST_USE;

#endif
