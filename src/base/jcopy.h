/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A JSON value that was read, written again: compact, numbers exact, members in their order.
 */
#ifndef DISCO_BASE_JCOPY_H
#define DISCO_BASE_JCOPY_H

#include "base/jread.h"
#include "base/jwrite.h"

#define JCOPY_DEPTH_MAX 16

/* ERR_TOO_LARGE, and nothing written, when it is nested deeper than JCOPY_DEPTH_MAX. */
int jcopy_value(struct jwrite *w, const struct jvalue *v) MUST_USE;
/* The same as a text of its own, added to out. */
int jcopy_text(const struct jvalue *v, struct buf *out) MUST_USE;

#endif
