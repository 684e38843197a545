/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Endpoints without HTTP, threads or a log: a request goes in, the call with its reply comes out.
 * Commands are applied as soon as they arrive at the core, which is a mailbox that is drained here.
 */
#ifndef DISCO_TESTS_LIB_API_WORLD_H
#define DISCO_TESTS_LIB_API_WORLD_H

#include "api/api.h"
#include "tests/lib/state_world.h"

struct api_world {
    struct world world;
    struct config *config;
    struct published published;
    struct timers timers;
    struct rng rng;
    struct env env;
    struct api_call *call; /* the last one, freed by the next */
    int done_n;            /* how often a call's done came */
};

void api_world_open(struct api_world *w);
void api_world_close(struct api_world *w);
/* method and target as on a request line. The call may still wait (see api_is_parked). */
struct api_call *api_world_ask(struct api_world *w, const char *method, struct str target,
                               struct str body);
/* Deadlines up to `later` from now pass. */
void api_world_pass(struct api_world *w, struct duration later);
struct str api_world_header(const struct api_call *c, const char *name); /* STR_NONE: not there */

#endif
