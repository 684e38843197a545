/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /v1/agent/...: the agent's own affairs, answered on the core thread.
 */
#ifndef DISCO_API_API_AGENT_H
#define DISCO_API_API_AGENT_H

#include "api/api.h"

void api_agent_self(struct api_call *c, struct agent *agent);
bool api_agent_check_members(struct api_call *c);
void api_agent_members(struct api_call *c, struct agent *agent);
bool api_agent_check_metrics(struct api_call *c);
void api_agent_metrics(struct api_call *c, struct agent *agent);
void api_agent_reload(struct api_call *c, struct agent *agent);
/* The log as it grows, until the client leaves. */
void api_agent_monitor(struct api_call *c);

#endif
