/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /v1/operator/raft: the servers of the log, by hand.
 */
#ifndef DISCO_API_API_OPERATOR_H
#define DISCO_API_API_OPERATOR_H

#include "api/api.h"

void api_operator_configuration(struct api_call *c, struct agent *agent);
int api_operator_render(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_operator_check_peer(struct api_call *c);
void api_operator_remove_peer(struct api_call *c, struct agent *agent);
void api_operator_transfer(struct api_call *c, struct agent *agent);

#endif
