/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The check engine: when to run what, and what the results come to. Pure: timers, time, chance and
 * the runner are handed in.
 *
 * A `struct check` is embedded by whoever it belongs to (agent/local). From check_start to
 * check_stop the engine runs it: the first time after a random part of its interval, so that many
 * checks spread; then each time an interval after the last run ended, so that none piles up. What
 * the thresholds let through is told to `update`.
 */
#ifndef DISCO_CHECK_CHECK_H
#define DISCO_CHECK_CHECK_H

#include "base/list.h"
#include "base/rng.h"
#include "base/timers.h"
#include "check/check_type.h"

/* How many run at once; others wait for a place. Scripts are processes: fewer. */
#define CHECK_RUNNING_MAX 1024
#define CHECK_SCRIPTS_MAX 64
/* consul: checks.MinInterval */
#define CHECK_INTERVAL_MIN DURATION_S(1)
/* consul: DefaultBufSize */
#define CHECK_OUTPUT_MAX 4096

enum check_status { CHECK_PASSING, CHECK_WARNING, CHECK_CRITICAL };

/* "passing", "warning", "critical" */
const char *check_status_name(enum check_status s);
/* ERR_INVALID for any other text. */
int check_status_parse(struct str text, enum check_status *ret) MUST_USE;

struct check_run; /* the runner's */

/* What runs checks: runner_uv.c, or a test. */
struct check_runner {
    void *data;
    /* Starts one run of *t, which lives until its end. `done` comes once; when it has come already
     * (from inside), NULL is returned. output_max: bytes of output to keep, the last ones. */
    struct check_run *(*start)(void *data, const struct check_type *t, size_t output_max,
                               void (*done)(void *done_data, enum check_status s,
                                            struct str output),
                               void *done_data);
    void (*cancel)(void *data, struct check_run *run); /* done will not come */
};

struct check {
    const struct check_type *type; /* the owner's */
    /* private */
    enum check_kind kind;
    struct check_engine *engine;
    struct timer timer;
    struct list waiting; /* for a place */
    struct check_run *run;
    bool is_started, is_running;
    int64_t success_n, failure_n; /* in a row */
    struct buf output;            /* TTL: the last one, for its expiry */
};

struct check_engine;
struct check_engine_config {
    struct timers *timers;
    struct rng *rng;
    struct instant (*clock)(void);
    struct check_runner runner;
    size_t output_max; /* 0: CHECK_OUTPUT_MAX */
    void *data;
    void (*update)(void *data, struct check *c, enum check_status s, struct str output);
};

struct check_engine *check_engine_new(const struct check_engine_config *config);
void check_engine_free(struct check_engine *e); /* all checks are stopped */

/* Alias checks and those of kind NONE are not the engine's: nothing happens. `output`: what a TTL
 * check said last. */
void check_start(struct check_engine *e, struct check *c, const struct check_type *t,
                 struct str output);
void check_stop(struct check *c); /* harmless when not started */
/* A TTL check reports. False: it is none. */
bool check_report(struct check *c, enum check_status s, struct str output);
/* "Captured 4096 of 6000 bytes\n...\n" and the last part, when it is longer than max. */
void check_output_cut(struct str output, uint64_t total, size_t max, struct buf *out);
size_t check_engine_running(const struct check_engine *e);

#endif
