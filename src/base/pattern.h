/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Regular expressions of filters and of query templates: what of Go's the C library's extended ones
 * can do. Pure.
 */
#ifndef DISCO_BASE_PATTERN_H
#define DISCO_BASE_PATTERN_H

#include <regex.h>

#include "base/str.h"

#define PATTERN_SIZE_MAX   512
#define PATTERN_TEXT_MAX   8192 /* more of a text is not looked at */
#define PATTERN_GROUPS_MAX 32

/* ERR_INVALID words err. Counted repetition is limited, as it multiplies the compiled pattern. */
int pattern_compile(struct str pattern, regex_t *ret, struct error *err) MUST_USE;
bool pattern_fits(const regex_t *pattern, struct str text);
/* What each group matched, the whole first; groups that did not are STR_NONE. 0 when the pattern
 * does not fit. */
size_t pattern_groups(const regex_t *pattern, struct str text, struct str ret[PATTERN_GROUPS_MAX]);

#endif
