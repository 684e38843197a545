/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *            start                    timer              place free
 *     idle ─────────> scheduled ───────────────> waiting ──────────> running
 *                         ^                                             │ done: thresholds, update
 *                         └─────────────────── interval ────────────────┘
 *
 * A TTL check is scheduled for its expiry, and scheduled anew by each report.
 *
 * consul: agent/checks/check.go (CheckMonitor.run, CheckTTL, StatusHandler.updateCheck)
 */
#include "check/check.h"

#include "base/log.h"

#define LOG "agent"

enum { PLACE_ANY, PLACE_SCRIPT, PLACES };

struct check_engine {
    struct check_engine_config conf;
    struct list waiting[PLACES];
    size_t running_n[PLACES];
};

static void on_timer(struct timer *t, struct instant now);
static void on_done(void *data, enum check_status s, struct str output);

static const char *const status_names[] = {"passing", "warning", "critical"};

const char *check_status_name(enum check_status s)
{
    return status_names[s];
}

int check_status_parse(struct str text, enum check_status *ret)
{
    for (int i = 0; i < 3; i++) {
        if (str_eq_z(text, status_names[i])) {
            *ret = (enum check_status)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

struct check_engine *check_engine_new(const struct check_engine_config *config)
{
    struct check_engine *e = mem_new(struct check_engine);
    e->conf = *config;
    if (e->conf.output_max == 0)
        e->conf.output_max = CHECK_OUTPUT_MAX;
    for (int i = 0; i < PLACES; i++)
        list_init(&e->waiting[i]);
    return e;
}

void check_engine_free(struct check_engine *e)
{
    if (!e)
        return;
    for (int i = 0; i < PLACES; i++)
        ASSERT(list_is_empty(&e->waiting[i]) && e->running_n[i] == 0);
    mem_free(e);
}

size_t check_engine_running(const struct check_engine *e)
{
    return e->running_n[PLACE_ANY] + e->running_n[PLACE_SCRIPT];
}

static struct duration interval_of(const struct check *c)
{
    struct duration d = c->type->interval;
    return d.ns < CHECK_INTERVAL_MIN.ns ? CHECK_INTERVAL_MIN : d;
}

static size_t output_max_of(const struct check *c)
{
    return c->type->output_size_max > 0 ? (size_t)c->type->output_size_max
                                        : c->engine->conf.output_max;
}

static void schedule(struct check *c, struct duration after)
{
    struct check_engine *e = c->engine;
    timers_set(e->conf.timers, &c->timer, instant_add(e->conf.clock(), after));
}

void check_start(struct check_engine *e, struct check *c, const struct check_type *t,
                 struct str output)
{
    ASSERT(!c->is_started);
    *c = (struct check){.type = t, .kind = check_type_kind(t), .engine = e};
    c->timer.fire = on_timer;
    list_init(&c->waiting);
    buf_init(&c->output, 0);
    if (c->kind == CHECK_KIND_NONE || c->kind == CHECK_KIND_ALIAS)
        return;
    c->is_started = true;
    if (c->kind == CHECK_KIND_TTL) {
        buf_put_str(&c->output, output);
        schedule(c, t->ttl);
        return;
    }
    struct duration spread = {(int64_t)rng_below(e->conf.rng, (uint64_t)interval_of(c).ns)};
    schedule(c, spread);
}

static int place_of(const struct check *c)
{
    return c->kind == CHECK_KIND_SCRIPT || c->kind == CHECK_KIND_OS_SERVICE ? PLACE_SCRIPT
                                                                            : PLACE_ANY;
}

static void run(struct check *c)
{
    struct check_engine *e = c->engine;
    e->running_n[place_of(c)]++;
    c->is_running = true;
    struct check_run *r =
        e->conf.runner.start(e->conf.runner.data, c->type, output_max_of(c), on_done, c);
    if (r) /* else it is done, and c may be started again or gone */
        c->run = r;
}

static void places_fill(struct check_engine *e, int place)
{
    size_t max = place == PLACE_SCRIPT ? CHECK_SCRIPTS_MAX : CHECK_RUNNING_MAX;
    while (e->running_n[place] < max) {
        struct list *l = list_pop(&e->waiting[place]);
        if (!l)
            return;
        run(LIST_ITEM(l, struct check, waiting));
    }
}

void check_stop(struct check *c)
{
    if (!c->is_started)
        return;
    struct check_engine *e = c->engine;
    int place = place_of(c);
    c->is_started = false;
    timers_cancel(e->conf.timers, &c->timer);
    list_remove(&c->waiting);
    buf_fini(&c->output);
    if (c->is_running) {
        c->is_running = false;
        e->running_n[place]--;
        if (c->run)
            e->conf.runner.cancel(e->conf.runner.data, c->run);
        c->run = NULL;
        places_fill(e, place);
    }
}

static void ttl_expired(struct check *c)
{
    struct check_engine *e = c->engine;
    struct buf text;
    buf_init(&text, 0);
    buf_put_z(&text, "TTL expired");
    if (c->output.n) {
        buf_put_z(&text, " (last output before timeout follows): ");
        buf_put_str(&text, buf_str(&c->output));
    }
    e->conf.update(e->conf.data, c, CHECK_CRITICAL, buf_str(&text));
    buf_fini(&text);
}

static void on_timer(struct timer *t, struct instant now)
{
    (void)now;
    struct check *c = LIST_ITEM(t, struct check, timer);
    struct check_engine *e = c->engine;
    if (c->kind == CHECK_KIND_TTL) {
        ttl_expired(c);
        return;
    }
    list_push(&e->waiting[place_of(c)], &c->waiting);
    places_fill(e, place_of(c));
}

/* The status to tell, or false: a threshold holds it back. */
static bool count(struct check *c, enum check_status s, enum check_status *ret)
{
    const struct check_type *t = c->type;
    *ret = s;
    if (s != CHECK_CRITICAL) {
        c->failure_n = 0;
        return ++c->success_n >= t->success_before_passing;
    }
    c->success_n = 0;
    if (++c->failure_n >= t->failures_before_critical)
        return true;
    /* consul: not given, it is the same as failures_before_critical */
    if (t->failures_before_warning == 0 || c->failure_n < t->failures_before_warning)
        return false;
    *ret = CHECK_WARNING;
    return true;
}

static void on_done(void *data, enum check_status s, struct str output)
{
    struct check *c = data;
    struct check_engine *e = c->engine;
    int place = place_of(c);
    ASSERT(c->is_running);
    c->is_running = false;
    c->run = NULL;
    e->running_n[place]--;
    schedule(c, interval_of(c));
    if (count(c, s, &s))
        e->conf.update(e->conf.data, c, s, output); /* may stop c */
    else
        log_debug(LOG, "Check has not reached its threshold: check=%.*s", STR_ARG(c->type->name));
    places_fill(e, place);
}

void check_output_cut(struct str output, uint64_t total, size_t max, struct buf *out)
{
    if (total > max) {
        output = str_drop(output, output.n > max ? output.n - max : 0);
        buf_putf(out, "Captured %zu of %llu bytes\n...\n", max, (unsigned long long)total);
    }
    buf_put_str(out, output);
}

bool check_report(struct check *c, enum check_status s, struct str output)
{
    if (!c->is_started || c->kind != CHECK_KIND_TTL)
        return false;
    struct check_engine *e = c->engine;
    buf_clear(&c->output);
    check_output_cut(output, output.n, output_max_of(c), &c->output);
    schedule(c, c->type->ttl);
    struct buf text; /* the update may stop c */
    buf_init(&text, 0);
    buf_put_str(&text, buf_str(&c->output));
    e->conf.update(e->conf.data, c, s, buf_str(&text));
    buf_fini(&text);
    return true;
}
