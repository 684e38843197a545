/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes as text: base64, hex, percent-encoding, UUIDs.
 */
#ifndef DISCO_BASE_ENCODE_H
#define DISCO_BASE_ENCODE_H

#include "base/buf.h"

/* Standard alphabet with padding. Decoding refuses anything else (ERR_INVALID), line breaks too. */
void encode_base64(struct str bytes, struct buf *out);
int encode_base64_parse(struct str text, struct buf *out) MUST_USE;
void encode_hex(struct str bytes, struct buf *out); /* lower case */
int encode_hex_parse(struct str text, struct buf *out) MUST_USE;
/* %XX decoded once; a stray % is ERR_INVALID; '+' becomes a space when `plus_is_space`. */
int encode_percent_parse(struct str text, bool plus_is_space, struct buf *out) MUST_USE;
/* Everything but unreserved characters (and '/' when `keep_slash`) becomes %XX. */
void encode_percent(struct str bytes, bool keep_slash, struct buf *out);
bool encode_is_uuid(struct str text);

#endif
