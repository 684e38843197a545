/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/session: what holds a lock. */
#ifndef DISCO_API_API_SESSION_H
#define DISCO_API_API_SESSION_H

#include "api/api.h"

bool api_session_create(struct api_call *c, struct buf *command);
void api_session_created(struct api_call *c, const struct result *result);
bool api_session_destroy(struct api_call *c, struct buf *command);
bool api_session_check_id(struct api_call *c);
bool api_session_check_node(struct api_call *c);
void api_session_renew(struct api_call *c, struct agent *agent);
int api_session_renewed(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_session_info(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_session_node(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_session_list(struct api_call *c, struct view *v, uint64_t *ret_index);

#endif
