/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /v1/coordinate/: where nodes are in the network, and ?near= of other endpoints.
 */
#ifndef DISCO_API_API_COORDINATE_H
#define DISCO_API_API_COORDINATE_H

#include "api/api.h"

bool api_coordinate_check(struct api_call *c); /* 401 when it is disabled */
void api_coordinate_datacenters(struct api_call *c, struct agent *agent);
int api_coordinate_nodes(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_coordinate_node(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_coordinate_update(struct api_call *c, struct buf *command);
void api_coordinate_updated(struct api_call *c, const struct result *result);

#endif
