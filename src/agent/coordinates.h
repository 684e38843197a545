/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network coordinates on their way from gossip to the state. The leader's prober hears each
 * member's coordinate with every answer; what changed noticeably goes into the state, many in one
 * command. So agents send nothing for it (Consul's each call a server now and then).
 */
#ifndef DISCO_AGENT_COORDINATES_H
#define DISCO_AGENT_COORDINATES_H

#include "gossip/gossip.h"
#include "state/coordinate.h"

#define COORDINATES_PERIOD DURATION_S(5) /* consul: coordinate_update_period */

/* The command for what was learned since then; false: there is nothing to tell. */
bool coordinates_encode(const struct gossip *g, struct view *v, struct instant since,
                        struct buf *command);
/* As the state keeps it; node borrowed. */
void coordinates_of(const struct gossip_coordinate *from, struct str node, struct coordinate *ret);

#endif
