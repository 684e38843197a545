/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of one HTTP request between libh2o and api/: the only place that knows how an h2o
 * request dies. One server per worker; everything on its thread.
 */
#ifndef DISCO_HTTP_HTTP_REQUEST_H
#define DISCO_HTTP_HTTP_REQUEST_H

#include <h2o.h>

#include "agent/env.h"
#include "http/http_park.h"

struct http_server {
    struct env *env;
    struct list calls; /* requests that are not answered yet, streams among them */
    struct list fresh; /* those of them that have just been parked */
    struct list away;  /* those whose connection was taken out of h2o */
    struct http_park park;
    struct timer settle;          /* set: there are fresh ones */
    uint64_t call_n, call_n_peak; /* since memory was given back */
    uint64_t taken_n;             /* connections taken out of h2o since then */
    h2o_generator_t copied;       /* of replies that lie in the request's pool */
};

/* Takes every request of this host. */
void http_request_register(struct http_server *s, h2o_hostconf_t *host);
/* When h2o's context is ready, and before that ends. */
void http_request_open(struct http_server *s, struct env *env, struct http_connections *cs);
void http_request_close(struct http_server *s);
/* An HTTP/1 client that hung up while its request waits is not noticed by h2o, which does not read
 * then (h2o/h2o#1525): asks the kernel about all that are still with h2o at once, and ends those
 * that are gone. */
void http_request_sweep(struct http_server *s);
/* Not from within h2o: what has just been parked is taken out now, not in the next turn. */
void http_request_settle(struct http_server *s);
/* The agent stops: parked reads are answered, streams end. */
void http_request_end_all(struct http_server *s);

#endif
