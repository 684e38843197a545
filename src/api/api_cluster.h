/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /v1/agent/join, leave, force-leave and /v1/catalog/datacenters: the agent among others.
 */
#ifndef DISCO_API_API_CLUSTER_H
#define DISCO_API_API_CLUSTER_H

#include "api/api.h"

void api_cluster_join(struct api_call *c, struct agent *agent);
void api_cluster_leave(struct api_call *c, struct agent *agent);
void api_cluster_force_leave(struct api_call *c, struct agent *agent);
void api_cluster_datacenters(struct api_call *c, struct agent *agent);

#endif
