/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns of the filter: what of Go's regular expressions the C library's
 * extended ones can do. Pure.
 */
#ifndef DISCO_API_FILTER_PATTERN_H
#define DISCO_API_FILTER_PATTERN_H

#include <regex.h>

#include "base/str.h"

/* ERR_INVALID words err. Counted repetition is limited, as it multiplies the compiled pattern. */
int filter_pattern_compile(struct str pattern, regex_t *ret, struct error *err) MUST_USE;
bool filter_pattern_fits(const regex_t *pattern, struct str text);

#endif
