/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What runs checks on a loop: processes (script_uv.c), HTTP requests (web_uv.c), sockets. Nothing
 * blocks the loop: names are resolved by libuv's and libcurl's threads.
 */
#ifndef DISCO_CHECK_RUNNER_H
#define DISCO_CHECK_RUNNER_H

#include "check/check.h"

struct runner;

/* uv_loop as void *: no header names uv. */
int runner_open(void *uv_loop, struct timers *timers, struct instant (*clock)(void),
                struct runner **ret, struct error *err) MUST_USE;
struct check_runner runner_interface(struct runner *r);
/* After all checks were stopped. cb comes when the last handle is closed, maybe from inside. */
void runner_close(struct runner *r, void (*cb)(void *data), void *data);

/* ---- for the kinds of checks ---- */

typedef void (*runner_done_fn)(void *data, enum check_status s, struct str output);

/* Embedded in each kind's object, which counts from runner_begin to runner_end. */
struct check_run {
    struct runner *runner;
    const struct check_type *type; /* until it is told */
    size_t output_max;
    runner_done_fn done; /* NULL: told, or cancelled */
    void *done_data;
    void (*cancel)(struct check_run *run);
    struct timer timer;
};

void *runner_loop(struct runner *r);
struct timers *runner_timers(struct runner *r);
struct web *runner_web(struct runner *r);
void runner_begin(struct runner *r, struct check_run *run);
void runner_end(struct check_run *run); /* its memory is the caller's to free, before or after */
/* Tells the result, once; what comes later is not heard. */
void runner_tell(struct check_run *run, enum check_status s, struct str output);
void runner_tellf(struct check_run *run, enum check_status s, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* `fire` after the check's timeout, or what is given when it has none. */
void runner_set_timeout(struct check_run *run, struct duration otherwise,
                        void (*fire)(struct timer *t, struct instant now));
struct check_run *runner_of_timer(struct timer *t);

#endif
