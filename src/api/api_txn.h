/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/txn: several operations on keys, all or none. */
#ifndef DISCO_API_API_TXN_H
#define DISCO_API_API_TXN_H

#include "api/api.h"

/* Parses the body; a transaction that only reads becomes a read. */
bool api_txn_check(struct api_call *c);
int api_txn_read(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_txn_prepare(struct api_call *c, struct buf *command);
void api_txn_finish(struct api_call *c, const struct result *result);

#endif
