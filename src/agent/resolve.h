/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of machines to addresses, by the system's resolver, off the loop.
 */
#ifndef DISCO_AGENT_RESOLVE_H
#define DISCO_AGENT_RESOLVE_H

#include "base/addr.h"
#include "base/error.h"

#define RESOLVE_ADDRS_MAX 32

struct resolve;
/* The callback comes once, never from inside; after resolve_cancel never. host: at most 255 bytes.
 * addrs have the port given. */
typedef void (*resolve_fn)(void *data, int status, const struct addr *addrs, size_t n);
int resolve_start(void *uv_loop, struct str host, uint16_t port, resolve_fn done, void *data,
                  struct resolve **ret) MUST_USE;
void resolve_cancel(struct resolve *r);

#endif
