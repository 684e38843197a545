/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/agent/host: the machine the agent runs on. */
#ifndef DISCO_API_API_HOST_H
#define DISCO_API_API_HOST_H

#include "api/api.h"

void api_host_tell(struct api_call *c);
/* /v1/agent/version */
void api_host_version(struct api_call *c);

#endif
