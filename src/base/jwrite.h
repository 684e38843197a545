/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON out, byte for byte as Go's encoder writes it: <, >, & and U+2028/9
 * escaped, bytes that are not UTF-8 as U+FFFD, no white space; or with
 * `pretty`, four spaces and a final newline (jwrite_end).
 *
 *     jwrite_object(&w); jwrite_name(&w, "Key"); jwrite_str(&w, key); jwrite_close(&w);
 */
#ifndef DISCO_BASE_JWRITE_H
#define DISCO_BASE_JWRITE_H

#include "base/buf.h"

#define JWRITE_DEPTH_MAX 32

struct jwrite {
    struct buf *out; /* the caller's */
    bool pretty;
    /* private */
    int depth;
    char closers[JWRITE_DEPTH_MAX];
    bool first, after_name;
};

void jwrite_init(struct jwrite *w, struct buf *out, bool pretty);
void jwrite_object(struct jwrite *w);
void jwrite_array(struct jwrite *w);
void jwrite_close(struct jwrite *w); /* of the innermost object or array */
void jwrite_name(struct jwrite *w, const char *name);
void jwrite_name_str(struct jwrite *w, struct str name);
void jwrite_str(struct jwrite *w, struct str s);
void jwrite_z(struct jwrite *w, const char *z);
void jwrite_base64(struct jwrite *w, struct str bytes);
void jwrite_u64(struct jwrite *w, uint64_t v);
void jwrite_i64(struct jwrite *w, int64_t v);
void jwrite_double(struct jwrite *w, double v); /* shortest form that reads back, as Go */
void jwrite_bool(struct jwrite *w, bool v);
void jwrite_null(struct jwrite *w);
/* Already JSON (compact); inserted as it is. */
void jwrite_raw(struct jwrite *w, struct str json);
void jwrite_end(struct jwrite *w); /* asserts that all is closed; newline when pretty */

#endif
