/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole store as a stream of bytes and back, for snapshots.
 *
 * The stream is chunks of whole rows, each chunk at most DUMP_CHUNK_SIZE_MAX
 * (or one row when that is larger), so that neither side holds all of it.
 */
#ifndef DISCO_STORE_DUMP_H
#define DISCO_STORE_DUMP_H

#include "store/store.h"

#define DUMP_CHUNK_SIZE_MAX ((size_t)256 * 1024)

/* Calls put(data, chunk) in order; stops at the first negative return and returns it. */
int dump_write(struct store_view *v, int (*put)(void *data, struct str chunk), void *data) MUST_USE;
/* Adds the rows of one chunk; ERR_CORRUPT when it is not one. The caller empties the store first.
 */
int dump_load_chunk(struct store_txn *t, struct str chunk) MUST_USE;
/* All tables emptied but those that are local. */
void dump_clear(struct store_txn *t);

#endif
