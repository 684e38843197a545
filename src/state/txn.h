/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many operations, all or none: COMMAND_TXN.
 *
 * Result body (msgpack): [results, errors]; results: array of kv entries
 * [verb, key, value|nil, flags, lock_index, create_index, modify_index, session] in order of the
 * operations that give one; errors: array of [op_i, text]. Any error: nothing changed,
 * result.status is 0 and errors is not empty.
 */
#ifndef DISCO_STATE_TXN_H
#define DISCO_STATE_TXN_H

#include "state/kv.h"

/* There is no limit to the operations but the size of the command. What they give is bounded, as
 * each may ask for a tree. */
#define TXN_RESULTS_SIZE_MAX ((size_t)64 * 1024 * 1024)

void txn_encode(const struct kv_op *ops, size_t n, struct buf *out);
int txn_apply(struct apply *a, struct str body);
/* Only KV_GET, KV_GET_TREE and checks: answered from a view, body as above. */
bool txn_is_read_only(const struct kv_op *ops, size_t n);
void txn_read(struct view *v, const struct kv_op *ops, size_t n, struct buf *ret_body);

#endif
