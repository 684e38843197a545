/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recorded packets in tests/gossip-vectors: a line of JSON each, with the
 * bytes and what they mean.
 */
#ifndef DISCO_TESTS_LIB_GOSSIP_VECTORS_H
#define DISCO_TESTS_LIB_GOSSIP_VECTORS_H

#include "base/buf.h"
#include "base/jread.h"

struct vector {
    struct str name, transport, label; /* borrowed from `root` */
    struct buf bytes, key;
    const struct jvalue *decoded; /* { layers, messages, ... } */
    bool is_error;                /* must be refused */
    struct jvalue *root;
};

/* Calls `each` for every line of FILE.jsonl; gives how many. */
int gossip_vectors_each(const char *file, void (*each)(const struct vector *v));
/* The layer of that name, or NULL; `ret_i` (may be NULL) its place. */
const struct jvalue *gossip_vectors_layer(const struct vector *v, const char *name);
/* The bytes a JSON value stands for: text, {"$hex": ...}, or nothing when null or absent. */
void gossip_vectors_bytes(const struct jvalue *value, struct buf *out);
/* Fail the test when body.name is something else. */
void gossip_vectors_same_text(const struct vector *v, const struct jvalue *body, const char *name,
                              struct str got);
void gossip_vectors_same_number(const struct vector *v, const struct jvalue *body, const char *name,
                                int64_t got);

#endif
