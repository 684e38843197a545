/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /v1/operator/autopilot/...
 */
#ifndef DISCO_API_API_AUTOPILOT_H
#define DISCO_API_API_AUTOPILOT_H

#include "api/api.h"

int api_autopilot_get(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_autopilot_set(struct api_call *c, struct buf *command);
void api_autopilot_done(struct api_call *c, const struct result *result);
void api_autopilot_health(struct api_call *c, struct agent *agent);
void api_autopilot_state(struct api_call *c, struct agent *agent);

#endif
