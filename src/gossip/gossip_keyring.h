/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gossip keys of a pool, and the sealing of packets with them: AES-GCM,
 * 128, 192 or 256 bits. The first key is the primary: it seals. Opening tries
 * all of them. The door to OpenSSL's ciphers.
 *
 * No files here: gossip_keyring_parse and _format are between the object and
 * the text of `serf/local.keyring`. A keyring without keys means a pool
 * without encryption.
 */
#ifndef DISCO_GOSSIP_GOSSIP_KEYRING_H
#define DISCO_GOSSIP_GOSSIP_KEYRING_H

#include "base/buf.h"

#define GOSSIP_KEY_SIZE_MAX 32
#define GOSSIP_KEYS_MAX     64
#define GOSSIP_NONCE_SIZE   12
#define GOSSIP_SEAL_SIZE    29 /* what sealing adds: version, nonce, tag */

struct gossip_keyring;

struct gossip_keyring *gossip_keyring_new(void);
void gossip_keyring_free(struct gossip_keyring *k); /* accepts NULL; the keys are wiped */

/* ERR_INVALID: not 16, 24 or 32 bytes. ERR_TOO_LARGE: GOSSIP_KEYS_MAX are there. A key that is
 * there already is no error; the first one becomes the primary. */
int gossip_keyring_add(struct gossip_keyring *k, struct str key) MUST_USE;
/* Makes it the primary. ERR_NOT_FOUND. */
int gossip_keyring_use(struct gossip_keyring *k, struct str key) MUST_USE;
/* ERR_CONFLICT: it is the primary. A key that is not there is no error. */
int gossip_keyring_remove(struct gossip_keyring *k, struct str key) MUST_USE;
size_t gossip_keyring_count(const struct gossip_keyring *k); /* NULL: 0 */
/* The i-th key's bytes, the primary first; lives until the next change. */
struct str gossip_keyring_at(const struct gossip_keyring *k, size_t i);

/* A JSON array of base64 keys, the primary first. Parsing replaces what is there, or, failing,
 * changes nothing. */
int gossip_keyring_parse(struct gossip_keyring *k, struct str text, struct error *err) MUST_USE;
void gossip_keyring_format(const struct gossip_keyring *k, struct buf *out);
/* One key in base64, as people write it; into `ret`, cleared first. */
int gossip_keyring_parse_key(struct str base64, struct buf *ret, struct error *err) MUST_USE;

/* Appends the sealed form (version 1) of `plain`, bound to `aad` (may be empty). The nonce must
 * never come twice with one key: 12 bytes of rng_secure. */
void gossip_keyring_seal(struct gossip_keyring *k, const uint8_t nonce[GOSSIP_NONCE_SIZE],
                         struct str aad, struct str plain, struct buf *out);
/* Appends the plain form of `sealed` (version 0 or 1). ERR_DENIED: no key opens it. ERR_CORRUPT:
 * it is no sealed form. */
int gossip_keyring_open(struct gossip_keyring *k, struct str aad, struct str sealed,
                        struct buf *out) MUST_USE;

#endif
