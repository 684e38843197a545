/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * This node as the catalog should show it: the node, its service `consul`, its
 * check `serfHealth`. Pure.
 */
#ifndef DISCO_AGENT_OWN_NODE_H
#define DISCO_AGENT_OWN_NODE_H

#include "agent/config.h"
#include "base/mem.h"
#include "state/catalog.h"

/* The version of Consul whose API disco speaks: clients ask for it. */
#define OWN_NODE_CONSUL_VERSION "1.9.8"

/* COMMAND_CATALOG_REGISTER */
void own_node_encode(const struct config *c, const char *node_id, struct buf *out);
/* Does what is stored differ from what own_node_encode would store? */
bool own_node_differs(struct view *v, const struct config *c, const char *node_id);
/* The node alone; its texts are in the arena. */
void own_node_describe(const struct config *c, const char *node_id, struct arena *arena,
                       struct catalog_node *ret);
/* node_meta and what disco adds, as a sorted list; out is the caller's to free as a config_value.
 */
void own_node_meta(const struct config *c, struct config_pairs *out);

#endif
