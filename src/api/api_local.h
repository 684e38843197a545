/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /v1/agent/{services,service,checks,check,maintenance,health}: the services and checks of this
 * agent (agent/local.h), on the core thread.
 */
#ifndef DISCO_API_API_LOCAL_H
#define DISCO_API_API_LOCAL_H

#include "agent/local.h"
#include "api/api.h"

bool api_local_check_services(struct api_call *c);
void api_local_services(struct api_call *c, struct agent *agent);
/* One service; with ?hash it waits until the content is another. */
void api_local_service(struct api_call *c, struct agent *agent);
void api_local_service_register(struct api_call *c, struct agent *agent);
void api_local_service_deregister(struct api_call *c, struct agent *agent);
void api_local_service_maintenance(struct api_call *c, struct agent *agent);
void api_local_maintenance(struct api_call *c, struct agent *agent);
bool api_local_check_checks(struct api_call *c);
void api_local_checks(struct api_call *c, struct agent *agent);
void api_local_check_register(struct api_call *c, struct agent *agent);
void api_local_check_deregister(struct api_call *c, struct agent *agent);
void api_local_check_pass(struct api_call *c, struct agent *agent);
void api_local_check_warn(struct api_call *c, struct agent *agent);
void api_local_check_fail(struct api_call *c, struct agent *agent);
void api_local_check_update(struct api_call *c, struct agent *agent);

/* ---- api_local_health.c ---- */
void api_local_health_id(struct api_call *c, struct agent *agent);
void api_local_health_name(struct api_call *c, struct agent *agent);
/* False: the token may not read the service; the reply says so. */
bool api_local_may_read(struct api_call *c, struct agent *agent, struct str service);
/* Consul's api.AgentService; hash NULL: without. */
void api_local_put_service(struct jwrite *w, const struct local_service_info *s, const char *hash,
                           const char *datacenter);

#endif
