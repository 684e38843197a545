/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/lib/unit.h"

static struct {
    int n;
    char last[9000];
} tapped;

static void on_line(void *data, enum log_level l, struct str line)
{
    (void)l;
    tapped.n++;
    str_copy_z(line, tapped.last, sizeof(tapped.last));
}

static void format(enum log_level l, struct str message, bool json, const char *want)
{
    char line[300];
    size_t n;

    log_format(l, "agent.server", message, json, INT64_C(1709210096789000000), line, sizeof(line),
               &n);
    assert_str(str_make(line, n), str_z(want));
}

/* The two shapes of a line, and that no message can forge another line or speak to a terminal. */
static void test_format(void **state)
{
    (void)state;
    format(LOG_INFO, STR_LIT("hello"), false,
           "2024-02-29T12:34:56.789Z [INFO]  agent.server: hello");
    format(LOG_ERROR, STR_LIT("a\nb\x1b[1m\t\xc2\x9b\xff\x7f \xc3\xa9"), false,
           "2024-02-29T12:34:56.789Z [ERROR] agent.server: "
           "a\\nb\\x1b[1m\\t\\xc2\\x9b\\xff\\x7f \xc3\xa9");
    format(LOG_WARN, STR_LIT("a\n\""), true,
           "{\"@level\":\"warn\",\"@message\":\"a\\n\\\"\",\"@module\":\"agent.server\","
           "\"@timestamp\":\"2024-02-29T12:34:56.789Z\"}");
}

/* A line too long for its place loses of its message, never of its form. */
static void test_long(void **state)
{
    char message[3000], line[200];
    size_t n;

    (void)state;
    memset(message, '\x01', sizeof(message));
    for (size_t size = 1; size < sizeof(line); size++) {
        log_format(LOG_INFO, "x", str_make(message, sizeof(message)), true, 0, line, size, &n);
        assert_true(n < size && line[n] == '\0');
        assert_true(n == 0 || line[n - 1] == '}');
    }
}

static void test_levels(void **state)
{
    static const char *const names[] = {"trace", "DEBUG", "Info", "warn", "error", "off"};
    enum log_level l;

    (void)state;
    for (int i = 0; i <= LOG_OFF; i++) {
        assert_int_equal(log_level_parse(str_z(names[i]), &l), 0);
        assert_int_equal(l, i);
        assert_int_equal(log_level_parse(str_z(log_level_name(l)), &l), 0);
        assert_int_equal(l, i);
    }
    assert_int_equal(log_level_parse(STR_LIT("err"), &l), 0);
    assert_int_equal(l, LOG_ERROR);
    assert_int_equal(log_level_parse(STR_LIT("loud"), &l), ERR_INVALID);
}

/* The output gets lines of its level, one write each; the tap those of its own. */
static void test_output_and_tap(void **state)
{
    char text[9000] = "";
    int fds[2];
    ssize_t n;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    log_set_output(fds[1], false);
    log_set_level(LOG_WARN);
    log_info("sub", "not written");
    log_warn("sub", "%s %d", "written", 7);
    n = read(fds[0], text, sizeof(text) - 1);
    assert_true(n > 25);
    assert_string_equal(text + 24, " [WARN]  sub: written 7\n");
    log_set_tap(LOG_OFF, on_line, NULL);
    log_error("sub", "for the output");
    assert_int_equal(tapped.n, 0);
    log_set_tap_level(LOG_DEBUG);
    log_trace("sub", "for none");
    log_debug("sub", "for the tap");
    assert_int_equal(tapped.n, 1);
    assert_string_equal(tapped.last + 24, " [DEBUG] sub: for the tap");
    log_set_tap(LOG_OFF, NULL, NULL);
    log_debug("sub", "for none");
    assert_int_equal(tapped.n, 1);
    n = read(fds[0], text, sizeof(text) - 1);
    text[n] = '\0';
    assert_string_equal(text + 24, " [ERROR] sub: for the output\n");
    log_set_output(STDERR_FILENO, false);
    log_set_level(LOG_INFO);
    close(fds[0]);
    close(fds[1]);
}

UNIT_MAIN(UNIT(test_format), UNIT(test_long), UNIT(test_levels), UNIT(test_output_and_tap))
