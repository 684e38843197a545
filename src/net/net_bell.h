/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wakes a loop from another thread: what mailboxes ring.
 *
 * An eventfd, not a uv_async_t: with that (libuv 1.44) the woken thread spins, and yields, until
 * the waking one has returned from its system call; on a busy machine the woken one has just taken
 * its CPU.
 */
#ifndef DISCO_NET_NET_BELL_H
#define DISCO_NET_NET_BELL_H

#include "base/error.h"

struct net_bell;

/* on_ring is called on the loop's thread, once for any number of rings. */
int net_bell_open(void *uv_loop, void (*on_ring)(void *data), void *data,
                  struct net_bell **ret) MUST_USE;
/* Any thread, until net_bell_free. */
void net_bell_ring(struct net_bell *b);
/* The loop is rung no more; closed (may be NULL) is called in a later turn. */
void net_bell_close(struct net_bell *b, void (*closed)(void *data));
/* After closed, and when nobody rings any more. */
void net_bell_free(struct net_bell *b);

#endif
