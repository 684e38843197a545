/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON in: the door to jansson. Values are opaque; object members are found
 * as Go's decoder finds them (exact name first, then ASCII case ignored).
 * Depth is limited by the parser, sizes by the caller. uint64 numbers above
 * INT64_MAX are kept exactly.
 *
 * Texts are borrowed from the value and live as long as the root.
 */
#ifndef DISCO_BASE_JREAD_H
#define DISCO_BASE_JREAD_H

#include "base/clock.h"
#include "base/str.h"

enum jread_type { JREAD_NULL, JREAD_BOOL, JREAD_NUMBER, JREAD_STRING, JREAD_ARRAY, JREAD_OBJECT };
struct jvalue;

/* One JSON document; trailing white space allowed, other bytes after it not. err gets line and
 * column. NUL inside strings is allowed (\u0000). The root is the caller's: jread_free. */
int jread_parse(struct str text, struct jvalue **ret, struct error *err) MUST_USE;
void jread_free(struct jvalue *root);

enum jread_type jread_type(const struct jvalue *v); /* NULL pointer: JREAD_NULL */
const struct jvalue *jread_get(const struct jvalue *object, const char *name); /* NULL if absent */
size_t jread_count(const struct jvalue *array_or_object);
const struct jvalue *jread_at(const struct jvalue *array, size_t i);
/* Iterates an object in the document's order; *pos starts at 0. False at the end. */
bool jread_next(const struct jvalue *object, size_t *pos, struct str *ret_name,
                const struct jvalue **ret_value);

/* Each: 0, or ERR_INVALID when the type does not fit; JSON null leaves *ret as it is, as Go does.
 */
int jread_str(const struct jvalue *v, struct str *ret) MUST_USE;
int jread_bool(const struct jvalue *v, bool *ret) MUST_USE;
int jread_i64(const struct jvalue *v, int64_t *ret) MUST_USE;
int jread_u64(const struct jvalue *v, uint64_t *ret) MUST_USE;
int jread_double(const struct jvalue *v, double *ret) MUST_USE;
/* A string in Go's notation, or a number of nanoseconds. */
int jread_duration(const struct jvalue *v, struct duration *ret) MUST_USE;

#endif
