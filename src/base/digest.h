/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hashes: SHA-256 (the door to OpenSSL's digests), CRC-32C (with the CPU's
 * instruction where there is one), and CRC-32.
 */
#ifndef DISCO_BASE_DIGEST_H
#define DISCO_BASE_DIGEST_H

#include "base/str.h"

void digest_sha256(struct str bytes, uint8_t dst[32]);
/* The same of bytes that come in pieces; the end frees it. */
struct digest;
struct digest *digest_begin(void);
void digest_add(struct digest *d, struct str bytes);
void digest_end(struct digest *d, uint8_t dst[32]);
/* CRC-32C (Castagnoli) of `bytes`, going on from `crc` (0 at first). */
uint32_t digest_crc32c(uint32_t crc, struct str bytes);
/* The same without the instruction; for its test. */
uint32_t digest_crc32c_portable(uint32_t crc, struct str bytes);
/* CRC-32 (IEEE 802.3, zlib's), going on from `crc` (0 at first). */
uint32_t digest_crc32(uint32_t crc, struct str bytes);

#endif
