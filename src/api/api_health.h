/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /v1/health: checks, and services with what their checks say.
 */
#ifndef DISCO_API_API_HEALTH_H
#define DISCO_API_API_HEALTH_H

#include "api/api.h"

bool api_health_check_node(struct api_call *c);
int api_health_node(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_health_check_checks(struct api_call *c);
int api_health_checks(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_health_check_state(struct api_call *c);
int api_health_state(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_health_check_service(struct api_call *c);
int api_health_service(struct api_call *c, struct view *v, uint64_t *ret_index);
/* The document of /v1/health/service/NAME without a call: services/NAME/json of the mount. */
int api_health_document(struct view *v, struct str service, struct buf *out);

#endif
