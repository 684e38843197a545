/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/status: who leads, who votes. */
#ifndef DISCO_API_API_STATUS_H
#define DISCO_API_API_STATUS_H

#include "api/api.h"

void api_status_leader(struct api_call *c, struct agent *agent);
void api_status_peers(struct api_call *c, struct agent *agent);

#endif
