/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes and services as other datacenters reach them: by the addresses tagged "wan", where there
 * are any. For agents with translate_wan_addrs.
 *
 * consul: agent/translate_addr.go
 */
#ifndef DISCO_STATE_WAN_H
#define DISCO_STATE_WAN_H

#include "state/catalog.h"

void wan_node(struct catalog_node *n);
void wan_service(struct catalog_service *s); /* address and port */

#endif
