/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On an agent without rows: what a token permits at the agent's own endpoints is asked before they
 * are begun (agent/token_fetch.h). What is shipped is judged where it is run.
 */
#ifndef DISCO_API_API_TOKEN_H
#define DISCO_API_API_TOKEN_H

#include "api/api.h"

bool api_token_is_needed(const struct api_call *c);
/* api_token_known comes later, on this thread. */
void api_token_start(struct api_call *c);
/* The client left: what is asked is not begun any more. */
void api_token_cancel(struct api_call *c);
/* For a read of what the worker itself holds; NULL when nothing was asked. */
const struct acl_set *api_token_acl(const struct api_call *c);
void api_token_fini(struct api_call *c);

#endif
