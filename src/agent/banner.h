/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the agent says first: the shape of Consul's banner, since scripts look
 * for its lines. Pure.
 */
#ifndef DISCO_AGENT_BANNER_H
#define DISCO_AGENT_BANNER_H

#include "agent/config.h"

void banner_write(const struct config *c, const char *node_id, struct buf *out);

#endif
