/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keyring of a whole pool: a query to all members, and its answers gathered (`disco keyring`).
 */
#ifndef DISCO_GOSSIP_GOSSIP_KEYS_H
#define DISCO_GOSSIP_GOSSIP_KEYS_H

#include "gossip/gossip.h"

enum gossip_keys_op { GOSSIP_KEYS_INSTALL, GOSSIP_KEYS_USE, GOSSIP_KEYS_REMOVE, GOSSIP_KEYS_LIST };
struct gossip_keys_count {
    struct str key; /* base64 */
    uint32_t n;     /* members that have it */
};
struct gossip_keys_result { /* borrowed for the callback */
    uint32_t members, answers, errors;
    const struct gossip_keys_count *keys, *primaries;
    size_t key_n, primary_n;
    struct str messages; /* of members that refused, "NAME: text" a line each */
};
/* key: its bytes (none for LIST). The callback comes once, later. ERR_BUSY, ERR_TOO_LARGE. */
int gossip_keys(struct gossip *g, struct instant now, enum gossip_keys_op op, struct str key,
                uint8_t relay, void (*done)(void *data, const struct gossip_keys_result *r),
                void *data) MUST_USE;

#endif
