/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a transaction answers, in the making. Private to state/txn*.c.
 */
#ifndef DISCO_STATE_TXN_ANSWERS_H
#define DISCO_STATE_TXN_ANSWERS_H

#include "state/txn.h"

/* Both lists grow while the operations run, and become one body at the end. */
struct txn_answers {
    struct buf results, errors;
    uint32_t result_n, error_n;
};
void txn_answers_init(struct txn_answers *s);
/* False: with what operation op_i gave there is too much. It is an error, and the last one. */
bool txn_answers_fit(struct txn_answers *s, size_t op_i) MUST_USE;
/* Errors, when there are any, are all that is told. */
void txn_answers_finish(struct txn_answers *s, struct buf *out);
void txn_answers_error(struct txn_answers *s, size_t op_i, struct str text);

/* txn.c: one operation on keys. */
void txn_read_kv(struct view *v, const struct kv_op *op, size_t op_i, struct txn_answers *s);
void txn_write_kv(struct apply *a, const struct kv_op *op, size_t op_i, struct txn_answers *s);

#endif
