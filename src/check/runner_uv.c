/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <uv.h>

#include "check/runner.h"
#include "check/script.h"
#include "check/socket.h"
#include "check/web.h"

struct runner {
    uv_loop_t *loop;
    struct timers *timers;
    struct instant (*clock)(void);
    struct web *web;
    size_t live_n;
    bool closing;
    void (*closed)(void *data);
    void *closed_data;
};

static void on_web_closed(void *data);

int runner_open(void *uv_loop, struct timers *timers, struct instant (*clock)(void),
                struct runner **ret, struct error *err)
{
    struct runner *r = mem_new(struct runner);
    r->loop = uv_loop;
    r->timers = timers;
    r->clock = clock;
    int rc = web_open(r->loop, timers, clock, &r->web);
    if (rc) {
        mem_free(r);
        return error_set(err, rc, "libcurl cannot be used for HTTP checks");
    }
    *ret = r;
    return 0;
}

static void close_look(struct runner *r)
{
    if (!r->closing || r->live_n > 0 || r->web)
        return;
    void (*cb)(void *data) = r->closed;
    void *data = r->closed_data;
    mem_free(r);
    cb(data);
}

static void on_web_closed(void *data)
{
    struct runner *r = data;
    r->web = NULL;
    close_look(r);
}

void runner_close(struct runner *r, void (*cb)(void *data), void *data)
{
    r->closing = true;
    r->closed = cb;
    r->closed_data = data;
    web_close(r->web, on_web_closed, r);
}

void *runner_loop(struct runner *r)
{
    return r->loop;
}

struct timers *runner_timers(struct runner *r)
{
    return r->timers;
}

struct web *runner_web(struct runner *r)
{
    return r->web;
}

void runner_begin(struct runner *r, struct check_run *run)
{
    run->runner = r;
    r->live_n++;
}

void runner_end(struct check_run *run)
{
    struct runner *r = run->runner;
    ASSERT(r->live_n > 0);
    r->live_n--;
    close_look(r);
}

void runner_tell(struct check_run *run, enum check_status s, struct str output)
{
    runner_done_fn done = run->done;
    timers_cancel(run->runner->timers, &run->timer);
    if (!done)
        return;
    run->done = NULL;
    run->type = NULL;
    done(run->done_data, s, output);
}

void runner_tellf(struct check_run *run, enum check_status s, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    runner_tell(run, s, str_z(text));
}

void runner_set_timeout(struct check_run *run, struct duration otherwise,
                        void (*fire)(struct timer *t, struct instant now))
{
    struct duration d = run->type->timeout.ns > 0 ? run->type->timeout : otherwise;
    run->timer.fire = fire;
    timers_set(run->runner->timers, &run->timer, instant_add(run->runner->clock(), d));
}

struct check_run *runner_of_timer(struct timer *t)
{
    return LIST_ITEM(t, struct check_run, timer);
}

static struct check_run *start(void *data, const struct check_type *t, size_t output_max,
                               runner_done_fn done, void *done_data)
{
    struct runner *r = data;
    const struct check_run run = {
        .runner = r,
        .type = t,
        .output_max = output_max,
        .done = done,
        .done_data = done_data,
    };
    switch (check_type_kind(t)) {
    case CHECK_KIND_SCRIPT:
    case CHECK_KIND_OS_SERVICE:
        return script_start(&run);
    case CHECK_KIND_HTTP:
    case CHECK_KIND_GRPC:
        return web_start(&run);
    case CHECK_KIND_TCP:
    case CHECK_KIND_UDP:
        return socket_start(&run);
    default:
        done(done_data, CHECK_CRITICAL, STR_LIT("this kind of check is not available"));
        return NULL;
    }
}

static void cancel(void *data, struct check_run *run)
{
    (void)data;
    timers_cancel(run->runner->timers, &run->timer);
    run->done = NULL;
    run->type = NULL;
    run->cancel(run);
}

struct check_runner runner_interface(struct runner *r)
{
    return (struct check_runner){.data = r, .start = start, .cancel = cancel};
}
