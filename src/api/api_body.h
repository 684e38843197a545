/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON bodies as Go's decoder takes them. Each answers 400 "Request decode failed: ..." and returns
 * false when something does not fit; null and what is absent leave *ret as it is.
 */
#ifndef DISCO_API_API_BODY_H
#define DISCO_API_API_BODY_H

#include "api/api.h"
#include "base/jread.h"
#include "state/catalog.h"

#define API_BODY_PAIRS_MAX 1024

/* The root is the caller's: jread_free. An empty body is "EOF". */
bool api_body_parse(struct api_call *c, struct jvalue **ret);
bool api_body_failed(struct api_call *c, const char *what);
bool api_body_wrong_type(struct api_call *c, const char *name, const char *type);
/* All members of the object must be among `names`, which end in NULL; Go ignores case here. */
bool api_body_known(struct api_call *c, const struct jvalue *object, const char *const *names);
bool api_body_is_object_or_null(const struct jvalue *v);
bool api_body_str(struct api_call *c, const struct jvalue *object, const char *name,
                  struct str *ret);
bool api_body_i64(struct api_call *c, const struct jvalue *object, const char *name, int64_t *ret);
bool api_body_bool(struct api_call *c, const struct jvalue *object, const char *name, bool *ret);
/* Packed as the rows hold them. */
bool api_body_pairs(struct api_call *c, const struct jvalue *object, const char *name,
                    struct pairs *ret);
bool api_body_texts(struct api_call *c, const struct jvalue *object, const char *name,
                    struct str *ret);
/* Moves what was packed into the call. */
struct str api_body_keep(struct api_call *c, struct buf *b);

#endif
