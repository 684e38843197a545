/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flags are read, and errors worded, as Go's flag package does it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cli_flags.h"

static const struct cli_flag table[] = {
    {"on", CLI_FLAG_BOOL, NULL, ""},
    {"text", CLI_FLAG_TEXT, "<string>", ""},
    {"number", CLI_FLAG_UINT, "<uint>", ""},
    {"many", CLI_FLAG_LIST, "<value>", ""},
};

struct outcome {
    int status, used;
    bool help;
    struct error err;
    struct cli_flags flags;
};

/* Splits `line` at spaces; "." stands for an empty argument. */
static struct outcome parse(const char *line)
{
    static char copy[256];
    struct outcome o = {0};
    char *argv[16];
    int argc = 0;

    assert_true(str_copy_z(str_z(line), copy, sizeof(copy)));
    char *save = NULL;
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    cli_flags_add(&o.flags, table, 4);
    o.status = cli_flags_parse(&o.flags, argc, argv, &o.used, &o.help, &o.err);
    return o;
}

/* Both dashes, both ways of giving a value, and the end at the first positional. */
static void test_forms(void **state)
{
    struct outcome o = parse("-on --text=a -number 7 --many x -many=y key -text b");

    assert_int_equal(o.status, 0);
    assert_int_equal(o.used, 7);
    assert_true(cli_flags_is_on(&o.flags, "on"));
    assert_string_equal(cli_flags_text(&o.flags, "text"), "a");
    assert_int_equal(cli_flags_get(&o.flags, "number")->number, 7);
    assert_int_equal(cli_flags_get(&o.flags, "many")->item_n, 2);
    assert_string_equal(cli_flags_get(&o.flags, "many")->items[1], "y");
    assert_false(cli_flags_get(&o.flags, "many")->on);
}

/* "-" is a positional, "--" ends the flags, an empty value is a value. */
static void test_ends(void **state)
{
    struct outcome o = parse("- -on");
    assert_int_equal(o.used, 0);
    o = parse("-on -- -text");
    assert_int_equal(o.used, 2);
    o = parse("-text= k");
    assert_int_equal(o.used, 1);
    assert_string_equal(cli_flags_text(&o.flags, "text"), "");
    o = parse("");
    assert_int_equal(o.used, 0);
    assert_null(cli_flags_text(&o.flags, "text"));
    assert_null(cli_flags_find(&o.flags, "other"));
}

static void test_booleans(void **state)
{
    static const struct {
        const char *line;
        bool on;
    } cases[] = {{"-on=true", true},
                 {"-on=1", true},
                 {"-on=T", true},
                 {"-on=false", false},
                 {"-on=F", false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct outcome o = parse(cases[i].line);
        assert_int_equal(o.status, 0);
        assert_int_equal(cli_flags_is_on(&o.flags, "on"), cases[i].on);
    }
}

static void test_errors(void **state)
{
    static const char *const cases[][2] = {
        {"-bogus", "flag provided but not defined: -bogus"},
        {"--bogus=1", "flag provided but not defined: -bogus"},
        {"-text", "flag needs an argument: -text"},
        {"-number x", "invalid value \"x\" for flag -number: parse error"},
        {"-number=-1", "invalid value \"-1\" for flag -number: parse error"},
        {"-on=maybe", "invalid boolean value \"maybe\" for -on: parse error"},
        {"---on", "bad flag syntax: ---on"},
        {"-=1", "bad flag syntax: -=1"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct outcome o = parse(cases[i][0]);
        assert_int_equal(o.status, ERR_INVALID);
        assert_string_equal(o.err.text, cases[i][1]);
    }
}

static void test_help(void **state)
{
    static const char *const lines[] = {"-h", "-help", "--help", "-on --h"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct outcome o = parse(lines[i]);
        assert_int_equal(o.status, 0);
        assert_true(o.help);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),  cmocka_unit_test(test_ends), cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
