/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys that no session may lock for a while, since the one that held them was
 * lost and its owner may not know yet (consul: LockDelay). Kept by each server
 * beside the state, as time is no part of the state. Pure: time is handed in.
 */
#ifndef DISCO_AGENT_LOCK_DELAY_H
#define DISCO_AGENT_LOCK_DELAY_H

#include "base/clock.h"

struct lock_delay;

struct lock_delay *lock_delay_new(uint64_t seed);
void lock_delay_free(struct lock_delay *d);
void lock_delay_start(struct lock_delay *d, struct str key, struct duration delay,
                      struct instant now);
bool lock_delay_holds(const struct lock_delay *d, struct str key, struct instant now);
/* Would this command lock such a key? Then *ret_body is what it answers instead of being proposed:
 * false for a single operation, an error for the operation of a transaction. */
bool lock_delay_refuses(const struct lock_delay *d, struct str command, struct instant now,
                        struct buf *ret_body);
size_t lock_delay_count(const struct lock_delay *d);

#endif
