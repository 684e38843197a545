/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Composite keys whose byte order is the order of their parts: each text part
 * is written with NUL as 00 FF and ended by 00 01, each number as 8 bytes
 * big-endian. Pure.
 */
#ifndef DISCO_STORE_KEYS_H
#define DISCO_STORE_KEYS_H

#include "base/buf.h"

void keys_put_text(struct buf *key, struct str part);
void keys_put_lower(struct buf *key,
                    struct str part); /* ASCII lower case: names of nodes, services */
void keys_put_u64(struct buf *key, uint64_t part);
/* Reads the next part back; the text is appended to `out` (NULL to skip). False: not such a key. */
bool keys_get_text(struct cursor *key, struct buf *out);
bool keys_get_u64(struct cursor *key, uint64_t *ret);

#endif
