/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A door is a table of functions, so that the worker that runs it knows none by name.
 */
#ifndef DISCO_AGENT_DOOR_H
#define DISCO_AGENT_DOOR_H

#include "agent/env.h"

/* A door of this worker; all functions run on the worker's thread. */
struct door {
    const char *name; /* "http", "dns", "mount" */
    /* uv_loop: the worker's loop. Must not block. On failure nothing stays open. */
    int (*open)(void *uv_loop, struct env *env, void *config, void **ret_door, struct error *err);
    /* Closes listeners, answers what is in flight or lets it end within `deadline`, frees the door,
     * then calls closed(data) once, in a later turn. */
    void (*close)(void *door, struct instant deadline, void (*closed)(void *data), void *data);
    /* A batch was applied (after parked reads were woken); may be NULL. */
    void (*changes)(void *door, const struct change_batch *b);
    /* The configuration was replaced (env->config is the new one); may be NULL. */
    void (*reload)(void *door);
};
/* What main hands over: a door and its opaque setting. */
struct door_plan {
    const struct door *door;
    void *config;
};

#endif
