/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transactions that touch the catalog too: COMMAND_TXN_MIXED, an array of [kind, operation].
 *
 * Result body as in txn.h, but that results of the catalog are [kind, row].
 */
#ifndef DISCO_STATE_TXN_MIXED_H
#define DISCO_STATE_TXN_MIXED_H

#include "state/health.h"
#include "state/txn.h"

enum txn_kind { TXN_KV, TXN_NODE, TXN_SERVICE, TXN_CHECK, TXN_KINDS };
enum txn_verb { TXN_GET, TXN_SET, TXN_CAS, TXN_DELETE, TXN_DELETE_CAS, TXN_VERBS };

struct txn_op {
    enum txn_kind kind;
    enum txn_verb verb; /* not of a key; the index of a cas is the row's modify_index */
    union {
        struct kv_op kv;
        struct catalog_node node;
        struct catalog_service service; /* with its node */
        struct health_check check;
    };
};

void txn_mixed_encode(const struct txn_op *ops, size_t n, struct buf *out);
/* One operation of the list; ERR_INVALID. */
int txn_mixed_unpack(struct unpack *u, struct txn_op *ret) MUST_USE;
int txn_mixed_apply(struct apply *a, struct str body);
bool txn_mixed_is_read(const struct txn_op *op);
/* Only such operations; body as above. */
void txn_mixed_read(struct view *v, const struct txn_op *ops, size_t n, struct buf *ret_body);
/* The rows of results; false when it is none. */
bool txn_mixed_node(struct str row, struct catalog_node *ret);
bool txn_mixed_service(struct str row, struct catalog_service *ret);
bool txn_mixed_check(struct str row, struct health_check *ret);

#endif
