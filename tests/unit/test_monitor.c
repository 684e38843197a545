/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of the log reach those who watch, at their level, and nobody else is held up. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/monitor.h"
#include "base/mem.h"

struct watcher {
    struct monitor_subscriber subscriber;
    struct env env;
    struct buf got;
    uint64_t dropped_n;
};

static void on_wake(void *data)
{
}

static void on_line(struct monitor_subscriber *s, struct str line, uint64_t dropped_n)
{
    struct watcher *w = LIST_ITEM(s, struct watcher, subscriber);

    buf_put_str(&w->got, str_drop(line, str_find(line, '[', 0))); /* without the time */
    buf_put_c(&w->got, '\n');
    w->dropped_n += dropped_n;
}

static void watcher_open(struct watcher *w, struct monitor *m, enum log_level level)
{
    *w = (struct watcher){0};
    w->env.self = mailbox_new(on_wake, NULL);
    buf_init(&w->got, 0);
    w->subscriber.env = &w->env;
    w->subscriber.level = level;
    w->subscriber.line = on_line;
    monitor_add(m, &w->subscriber);
}

static void watcher_close(struct watcher *w)
{
    mailbox_free(w->env.self);
    buf_fini(&w->got);
}

static void test_levels(void **state)
{
    struct mailbox *core = mailbox_new(on_wake, NULL);
    struct monitor *m = monitor_new(core);
    struct watcher quiet, keen;

    log_info("test", "nobody watches");
    assert_int_equal(mailbox_size(core), 0);
    watcher_open(&quiet, m, LOG_WARN);
    watcher_open(&keen, m, LOG_DEBUG);
    log_trace("test", "too low");
    log_debug("test", "one");
    log_warn("test", "two");
    mailbox_drain(core);
    mailbox_drain(quiet.env.self);
    mailbox_drain(keen.env.self);
    assert_true(str_eq_z(buf_str(&quiet.got), "[WARN]  test: two\n"));
    assert_true(str_eq_z(buf_str(&keen.got), "[DEBUG] test: one\n[WARN]  test: two\n"));

    monitor_remove(m, &keen.subscriber);
    log_debug("test", "three");
    assert_int_equal(mailbox_size(core), 0);
    monitor_remove(m, &quiet.subscriber);
    watcher_close(&quiet);
    watcher_close(&keen);
    monitor_free(m);
    mailbox_free(core);
    assert_int_equal(mem_outstanding(), 0);
}

/* One who does not read loses lines, and hears how many when it reads again. */
static void test_slow(void **state)
{
    struct mailbox *core = mailbox_new(on_wake, NULL);
    struct monitor *m = monitor_new(core);
    struct watcher w;

    watcher_open(&w, m, LOG_INFO);
    for (int i = 0; i < MONITOR_FLIGHT_MAX + 10; i++) {
        log_info("test", "line %d", i);
        mailbox_drain(core);
    }
    assert_int_equal(mailbox_size(w.env.self), MONITOR_FLIGHT_MAX);
    mailbox_drain(w.env.self);
    assert_int_equal(w.dropped_n, 0);
    log_info("test", "after");
    mailbox_drain(core);
    mailbox_drain(w.env.self);
    assert_int_equal(w.dropped_n, 10);

    /* The same on the way to the core. */
    for (int i = 0; i < MONITOR_FLIGHT_MAX + 5; i++)
        log_info("test", "line %d", i);
    assert_int_equal(mailbox_size(core), MONITOR_FLIGHT_MAX);
    mailbox_drain(core);
    mailbox_drain(w.env.self);
    assert_int_equal(w.dropped_n, 15);
    /* The end, with lines still under way. */
    log_info("test", "last");
    monitor_remove(m, &w.subscriber);
    monitor_free(m);
    mailbox_free(core);
    watcher_close(&w);
    assert_int_equal(mem_outstanding(), 0);
}

static void test_json(void **state)
{
    static const char *const cases[][2] = {
        {"2026-01-31T12:00:00.123Z [INFO]  agent: Consul agent running!",
         "{\"@level\":\"info\",\"@message\":\"Consul agent running!\",\"@module\":\"agent\","
         "\"@timestamp\":\"2026-01-31T12:00:00.123Z\"}"},
        {"T [DEBUG] agent.http: Request finished: method=GET url=/v1/kv/x from=127.0.0.1:1 "
         "latency=96µs",
         "{\"@level\":\"debug\",\"@message\":\"Request "
         "finished\",\"@module\":\"agent.http\",\"@timestamp\":\"T\","
         "\"from\":\"127.0.0.1:1\",\"latency\":\"96µs\",\"method\":\"GET\",\"url\":\"/v1/kv/x\"}"},
        {"T [WARN]  a: b: c: error=\"two words\" k=",
         "{\"@level\":\"warn\",\"@message\":\"b: "
         "c\",\"@module\":\"a\",\"@timestamp\":\"T\",\"error\":\"two words\","
         "\"k\":\"\"}"},
        {"T [ERROR] a: bootstrap = true: do not enable",
         "{\"@level\":\"error\",\"@message\":\"bootstrap = true: do not "
         "enable\",\"@module\":\"a\",\"@timestamp\":\"T\"}"},
        {"odd", "{\"@level\":\"\",\"@message\":\"\",\"@module\":\"\",\"@timestamp\":\"odd\"}"},
    };
    struct buf out;

    buf_init(&out, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        buf_clear(&out);
        monitor_format_json(str_z(cases[i][0]), &out);
        assert_string_equal(buf_z(&out), cases[i][1]);
    }
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_json),
    };

    /* The log's own output is of no interest here. */
    log_set_output(open("/dev/null", O_WRONLY), false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
