/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of a Go string literal in double quotes. Pure.
 */
#ifndef DISCO_API_FILTER_TEXT_H
#define DISCO_API_FILTER_TEXT_H

#include "base/buf.h"

/* Escapes by letter and \xHH; ERR_INVALID for others. */
int filter_text_unquote(struct str s, struct buf *out) MUST_USE;

#endif
