/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a transaction answers, as Consul's JSON. */
#ifndef DISCO_API_API_TXN_REPLY_H
#define DISCO_API_API_TXN_REPLY_H

#include "base/jwrite.h"
#include "state/txn_mixed.h"

/* The names of the kinds in requests and answers. */
extern const char *const api_txn_kinds[TXN_KINDS];

/* Members "Results" and "Errors" from a result's body (state/txn.h); the number of errors. */
uint32_t api_txn_put_outcome(struct jwrite *w, struct str body);
void api_txn_put_error(struct jwrite *w, uint64_t op_i, struct str what);

#endif
