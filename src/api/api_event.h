/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/event: user events. */
#ifndef DISCO_API_API_EVENT_H
#define DISCO_API_API_EVENT_H

#include "api/api.h"

bool api_event_check_fire(struct api_call *c);
void api_event_fire(struct api_call *c, struct agent *agent);
bool api_event_check_list(struct api_call *c);
int api_event_list(struct api_call *c, struct view *v, uint64_t *ret_index);

#endif
