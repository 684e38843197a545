/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `?cached`: what Consul's agent cache would say of an answer. The answer itself is as fresh as
 * any.
 */
#ifndef DISCO_API_API_CACHE_H
#define DISCO_API_API_CACHE_H

#include "api/api.h"

/* Cache-Control of a request; what cannot be read is refused. False: the reply is made. */
bool api_cache_check(struct api_call *c);
/* X-Cache and Age of a finished reply, where the endpoint has them and the client asked. */
void api_cache_tell(struct api_call *c);
/* Does a cache stand before this call? */
bool api_cache_is_asked(const struct api_call *c);

#endif
