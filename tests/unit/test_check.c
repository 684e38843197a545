/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The check engine on virtual time with a runner that ends when told; and definitions. */
#include "check/check.h"
#include "tests/lib/unit.h"

struct fake_run {
    void (*done)(void *data, enum check_status s, struct str output);
    void *data;
};

static struct {
    struct timers timers;
    struct rng rng;
    struct instant now;
    struct check_engine *engine;
    struct fake_run runs[4096];
    int started, cancelled, updates;
    bool at_once; /* runs end from inside start, as critical */
    enum check_status status;
    char output[128];
} t;

static struct instant clock_of_test(void)
{
    return t.now;
}

static struct check_run *on_start(void *data, const struct check_type *type, size_t output_max,
                                  void (*done)(void *d, enum check_status s, struct str output),
                                  void *done_data)
{
    int i = t.started++;
    if (t.at_once) {
        done(done_data, CHECK_CRITICAL, STR_LIT("cannot"));
        return NULL;
    }
    t.runs[i] = (struct fake_run){done, done_data};
    return (struct check_run *)&t.runs[i];
}

static void on_cancel(void *data, struct check_run *run)
{
    ((struct fake_run *)(void *)run)->done = NULL;
    t.cancelled++;
}

static void on_update(void *data, struct check *c, enum check_status s, struct str output)
{
    t.updates++;
    t.status = s;
    str_copy_z(output, t.output, sizeof t.output);
}

static void open_all(void)
{
    memset(&t, 0, sizeof t);
    t.now = (struct instant){1000000000};
    timers_init(&t.timers);
    rng_init(&t.rng, 7);
    struct check_engine_config conf = {.timers = &t.timers,
                                       .rng = &t.rng,
                                       .clock = clock_of_test,
                                       .runner = {NULL, on_start, on_cancel},
                                       .update = on_update};
    t.engine = check_engine_new(&conf);
}

static void close_all(void)
{
    check_engine_free(t.engine);
    timers_fini(&t.timers);
}

static void pass(int64_t ms)
{
    struct instant end = instant_add(t.now, DURATION_MS(ms));
    while (!instant_before(end, timers_deadline(&t.timers))) {
        if (instant_before(t.now, timers_deadline(&t.timers)))
            t.now = timers_deadline(&t.timers);
        timers_expire(&t.timers, t.now);
    }
    t.now = end;
}

static void end_run(int i, enum check_status s, const char *output)
{
    struct fake_run r = t.runs[i];
    assert_non_null(r.done);
    t.runs[i].done = NULL;
    r.done(r.data, s, str_z(output));
}

/* A run begins within the first interval, and the next an interval after it ended: a check that
 * hangs is not run a second time. */
static void never_piles_up(void **state)
{
    struct check_type type = {.tcp = STR_LIT("x:1"), .interval = DURATION_S(10)};
    struct check c = {0};
    open_all();
    check_start(t.engine, &c, &type, STR_NONE);
    pass(10000);
    assert_int_equal(t.started, 1);
    pass(100000);
    assert_int_equal(t.started, 1);
    end_run(0, CHECK_PASSING, "fine");
    assert_int_equal(t.updates, 1);
    assert_int_equal(t.status, CHECK_PASSING);
    pass(9999);
    assert_int_equal(t.started, 1);
    pass(1);
    assert_int_equal(t.started, 2);
    check_stop(&c);
    assert_int_equal(t.cancelled, 1);
    check_stop(&c);
    pass(100000);
    assert_int_equal(t.started, 2);
    close_all();
}

/* An interval below a second is a second; runs that end at once do no harm. */
static void interval_has_a_floor(void **state)
{
    struct check_type type = {.tcp = STR_LIT("x:1"), .interval = DURATION_MS(1)};
    struct check c = {0};
    open_all();
    t.at_once = true;
    check_start(t.engine, &c, &type, STR_NONE);
    pass(10000);
    assert_in_range(t.started, 9, 11);
    assert_int_equal(t.updates, t.started);
    assert_int_equal(check_engine_running(t.engine), 0);
    check_stop(&c);
    close_all();
}

/* Many checks of one interval do not start together. */
static void starts_spread(void **state)
{
    struct check_type type = {.tcp = STR_LIT("x:1"), .interval = DURATION_S(10)};
    static struct check many[1000];
    open_all();
    memset(many, 0, sizeof many);
    for (int i = 0; i < 1000; i++)
        check_start(t.engine, &many[i], &type, STR_NONE);
    for (int i = 1; i <= 10; i++) {
        pass(1000);
        assert_in_range(t.started, i * 100 - 60, i * 100 + 60);
    }
    for (int i = 0; i < 1000; i++)
        check_stop(&many[i]);
    close_all();
}

/* No more scripts than CHECK_SCRIPTS_MAX run at once; the others wait, and a stop gives a place. */
static void places_are_limited(void **state)
{
    struct str args[] = {STR_LIT("true")};
    struct check_type type = {.args = args, .arg_n = 1, .interval = DURATION_S(10)};
    static struct check many[CHECK_SCRIPTS_MAX + 5];
    open_all();
    memset(many, 0, sizeof many);
    for (size_t i = 0; i < COUNT_OF(many); i++)
        check_start(t.engine, &many[i], &type, STR_NONE);
    pass(10000);
    assert_int_equal(t.started, CHECK_SCRIPTS_MAX);
    end_run(0, CHECK_PASSING, "");
    assert_int_equal(t.started, CHECK_SCRIPTS_MAX + 1);
    for (size_t i = 0; i < COUNT_OF(many); i++)
        check_stop(&many[i]);
    assert_int_equal(check_engine_running(t.engine), 0);
    close_all();
}

static void run_once(struct check *c, enum check_status s)
{
    int n = t.started;
    pass(2000);
    assert_int_equal(t.started, n + 1);
    end_run(n, s, "x");
}

/* Thresholds hold results back until there are enough in a row. */
static void thresholds(void **state)
{
    struct check_type type = {.tcp = STR_LIT("x:1"),
                              .interval = DURATION_S(1),
                              .success_before_passing = 2,
                              .failures_before_warning = 2,
                              .failures_before_critical = 3};
    struct check c = {0};
    open_all();
    check_start(t.engine, &c, &type, STR_NONE);
    run_once(&c, CHECK_PASSING);
    assert_int_equal(t.updates, 0);
    run_once(&c, CHECK_CRITICAL); /* flaps: counts from the beginning again */
    run_once(&c, CHECK_PASSING);
    assert_int_equal(t.updates, 0);
    run_once(&c, CHECK_PASSING);
    assert_int_equal(t.updates, 1);
    assert_int_equal(t.status, CHECK_PASSING);
    run_once(&c, CHECK_CRITICAL);
    assert_int_equal(t.updates, 1);
    run_once(&c, CHECK_CRITICAL);
    assert_int_equal(t.status, CHECK_WARNING);
    run_once(&c, CHECK_CRITICAL);
    assert_int_equal(t.status, CHECK_CRITICAL);
    assert_int_equal(t.updates, 3);
    check_stop(&c);
    close_all();
}

/* A TTL check expires once, says what it said last, and lives again with the next report. */
static void ttl(void **state)
{
    struct check_type type = {.ttl = DURATION_S(10)};
    struct check_type other = {.tcp = STR_LIT("x:1"), .interval = DURATION_S(10)};
    struct check c = {0}, d = {0};
    open_all();
    check_start(t.engine, &c, &type, STR_NONE);
    pass(9999);
    assert_int_equal(t.updates, 0);
    assert_true(check_report(&c, CHECK_PASSING, STR_LIT("ok")));
    assert_int_equal(t.status, CHECK_PASSING);
    pass(9999);
    assert_int_equal(t.updates, 1);
    pass(1);
    assert_int_equal(t.updates, 2);
    assert_int_equal(t.status, CHECK_CRITICAL);
    assert_string_equal(t.output, "TTL expired (last output before timeout follows): ok");
    pass(100000);
    assert_int_equal(t.updates, 2);
    assert_true(check_report(&c, CHECK_WARNING, STR_LIT("")));
    check_stop(&c);
    assert_false(check_report(&c, CHECK_PASSING, STR_NONE));
    check_start(t.engine, &d, &other, STR_NONE);
    assert_false(check_report(&d, CHECK_PASSING, STR_NONE));
    check_stop(&d);
    close_all();
}

static void parse_error(const char *json, const char *want)
{
    struct arena arena = {0};
    struct check_type type;
    struct error err = {0};
    struct jvalue *root;
    assert_int_equal(jread_parse(str_z(json), &root, NULL), 0);
    int rc = check_type_parse(root, &arena, &type, &err);
    if (!rc)
        rc = check_type_validate(&type, &err);
    assert_string_equal(err.text, want);
    assert_int_equal(rc == 0, want[0] == 0);
    jread_free(root);
    arena_fini(&arena);
}

/* What is refused, in Consul's words. */
static void refusals(void **state)
{
    parse_error("{\"TTL\":\"1s\"}", "");
    parse_error("{\"ttl\":\"1s\",\"deregister_critical_service_after\":\"1m\"}", "");
    parse_error("{\"DeregisterCriticalServiceAfter\":\"1m\",\"TLS_Skip_verify\":true,\"http\":"
                "\"h\",\"interval\":\"1s\"}",
                "");
    parse_error("{\"Bogus\":1}", "json: unknown field \"Bogus\"");
    parse_error("{\"_\":1}", "json: unknown field \"_\"");
    parse_error("{\"TTL\":\"x\"}", "time: invalid duration \"x\"");
    parse_error("{}", "TTL must be > 0 for TTL checks");
    parse_error("{\"TCP\":\"x:1\"}", "Interval must be > 0 for Script, HTTP, or TCP checks");
    parse_error("{\"TTL\":\"1s\",\"Interval\":\"1s\"}",
                "Interval and TTL cannot both be specified");
    parse_error("{\"Args\":[1]}", "json: cannot unmarshal value into Go struct field Args");
    parse_error("{\"Header\":{\"a\":[\"b\",1]}}",
                "json: cannot unmarshal value into Go struct field Header");
}

/* What is written parses to the same. */
static void round_trip(void **state)
{
    static const char json[] =
        "{\"CheckID\":\"c\",\"Name\":\"n\",\"ScriptArgs\":[\"a\",\"b\"],\"Header\":{\"x\":[\"1\","
        "\"2\"],\"y\":[\"3\"]},\"Interval\":1000000000,\"TLSSkipVerify\":true,"
        "\"SuccessBeforePassing\":3}";
    struct arena arena = {0};
    struct check_type type, copy;
    struct jvalue *root;
    struct jwrite w;
    struct buf out;
    assert_int_equal(jread_parse(str_z(json), &root, NULL), 0);
    assert_int_equal(check_type_parse(root, &arena, &type, NULL), 0);
    jread_free(root);
    check_type_copy(&type, &arena, &copy);
    buf_init(&out, 0);
    jwrite_init(&w, &out, false);
    check_type_render(&copy, &w);
    jwrite_end(&w);
    assert_str(buf_str(&out), str_z(json));
    assert_int_equal(check_type_kind(&copy), CHECK_KIND_SCRIPT);
    assert_false(check_type_is_empty(&copy));
    assert_true(check_type_is_empty(&(struct check_type){0}));
    buf_fini(&out);
    arena_fini(&arena);
}

UNIT_MAIN(UNIT(never_piles_up), UNIT(interval_has_a_floor), UNIT(starts_spread),
          UNIT(places_are_limited), UNIT(thresholds), UNIT(ttl), UNIT(refusals), UNIT(round_trip))
