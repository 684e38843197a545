/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Joining a pool by what people write: addresses and names, with and without ports. Core thread.
 *
 * A join tries all it was given at once and counts. A retry joins again and again until one worked.
 */
#ifndef DISCO_AGENT_JOIN_H
#define DISCO_AGENT_JOIN_H

#include "agent/pool.h"

struct join;
/* joined: how many addresses worked; errors: the others', worded as Consul words them ("" when
 * there are none); status: 0 when any worked or none was given, else a negative. */
typedef void (*join_fn)(void *data, size_t joined, int status, struct str errors);

struct joins { /* all that are under way for one pool */
    struct agent *agent;
    struct pool *pool;
    void *uv_loop;
    struct list list, ended; /* those that are told of wait for their exchanges */
    struct list exchanges;
};
void join_all_init(struct joins *j, struct agent *a, struct pool *p, void *uv_loop);
/* Copies what it is given; the callback comes once, later. */
void join_start(struct joins *j, const struct str *texts, size_t n, join_fn done, void *data);
/* Ends all with ERR_CLOSED, from inside. */
void join_all_stop(struct joins *j);
/* After the pool was closed: what its end left behind. */
void join_all_fini(struct joins *j);

/* start_join and retry_join of the configuration; see cluster.h. */
struct join_retry {
    struct joins *joins;
    const struct config_list *names;
    struct duration interval;
    int64_t max, tries;
    const char *cluster; /* "LAN" */
    struct timer timer;
    bool stopped;
    void *data;
    void (*gave_up)(void *data, const char *why); /* max was reached */
};
void join_retry_start(struct join_retry *r);
void join_retry_stop(struct join_retry *r);

#endif
