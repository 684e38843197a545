/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The HTTP door (libh2o): sockets are opened once by main (http_listen), every worker serves them.
 */
#ifndef DISCO_HTTP_HTTP_H
#define DISCO_HTTP_HTTP_H

#include "agent/door.h"

struct http_listeners;
/* One SO_REUSEPORT socket per address and worker, and the unix socket; bound before any thread
 * starts, so that a port in use is one clear line. */
int http_listen(const struct config *config, int worker_n, struct http_listeners **ret,
                struct error *err) MUST_USE;
void http_listeners_free(struct http_listeners *l); /* closes what no door took */

extern const struct door http_door; /* plan.config: struct http_listeners * */

#endif
