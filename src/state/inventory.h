/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All that the catalog has of one node, as bytes that can be sent: the node, its services, its
 * checks. For an agent that compares it with its own (agent/local_sync.c).
 */
#ifndef DISCO_STATE_INVENTORY_H
#define DISCO_STATE_INVENTORY_H

#include "state/health.h"

/* Nothing is added when there is no such node. */
void inventory_write(struct view *v, struct str node, struct buf *out);
/* False when the bytes are empty or wrong (then some rows may have been told). Rows borrow from the
 * bytes; *ret_node too. */
bool inventory_read(struct str bytes, struct catalog_node *ret_node,
                    void (*service)(void *data, const struct catalog_service *s),
                    void (*check)(void *data, const struct health_check *c), void *data);

#endif
