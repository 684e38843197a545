/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections that ask nothing: just accepted, or answered some time ago.
 *
 * A connection costs libh2o some 10 KiB from the moment it is accepted, and a crowd of them leaves
 * holes in the heap when their requests have come and wait elsewhere (http_park.h). So a connection
 * becomes h2o's when its first octets are there: they are read here and handed over, so that h2o
 * has at most a handful of young connections at once. One that has been idle for a sweep comes
 * back.
 */
#ifndef DISCO_HTTP_HTTP_IDLE_H
#define DISCO_HTTP_HTTP_IDLE_H

#include "agent/metrics.h"
#include "http/http_connection.h"

struct http_idle {
    struct http_connections *connections;
    struct metrics *metrics; /* METRIC_HTTP_IDLE */
    struct list all;         /* the longest idle first */
    void *watch;             /* private: the epoll set on the loop */
    int epoll;
    int reserve; /* a descriptor to spend when there is none left to accept with */
    /* h2o was handed octets, and has made of them what it could. */
    void (*handed)(struct http_idle *idle);
};

int http_idle_open(struct http_idle *idle, struct http_connections *cs, struct metrics *metrics,
                   void (*handed)(struct http_idle *idle)) MUST_USE;
void http_idle_close(struct http_idle *idle); /* all of them, too */
/* What waits at a listening descriptor; some of it, the rest comes in the next turn. */
void http_idle_accept(struct http_idle *idle, int listener, bool is_unix, struct instant now);
void http_idle_add(struct http_idle *idle, int fd, bool is_unix, struct instant now); /* takes fd */
/* Closes those that have asked nothing for longer than `patience`. */
void http_idle_expire(struct http_idle *idle, struct instant now, struct duration patience);

#endif
