/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "base/rng.h"
#include "tests/lib/unit.h"

/* Go's notation, as time.ParseDuration reads it. */
static void test_parse(void **state)
{
    static const struct {
        const char *text;
        int64_t ns; /* -7: refused */
    } cases[] = {
        {"0", 0},
        {"1h2m3.5s", INT64_C(3723500000000)},
        {"10ms", 10000000},
        {"-1s", -1000000000},
        {"+5s", 5000000000},
        {"1us", 1000},
        {"1\xc2\xb5s", 1000},
        {"1\xce\xbcs", 1000},
        {"1.5h", INT64_C(5400000000000)},
        {".5s", 500000000},
        {"1.s", 1000000000},
        {"100ns", 100},
        {"2540400h10m10s", INT64_C(9145440610000000000)},
        {"9223372036854775807ns", INT64_MAX},
        {"9223372036854775808ns", -7},
        {"9999999h", -7},
        {"", -7},
        {"-", -7},
        {".s", -7},
        {"s", -7},
        {"1", -7},
        {"1x", -7},
        {"1s ", -7},
        {" 1s", -7},
        {"1m1", -7},
        {"1d", -7},
        {"--1s", -7},
        {"1S", -7},
        {"99999999999999999999s", -7},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct duration d = {-7};
        int r = duration_parse(str_z(cases[i].text), (struct duration){0}, &d);

        assert_int_equal(r, cases[i].ns == -7 ? ERR_INVALID : 0);
        assert_true(d.ns == cases[i].ns);
    }
}

/* A bare number counts in the unit given. */
static void test_parse_bare(void **state)
{
    struct duration d;

    (void)state;
    assert_int_equal(duration_parse(STR_LIT("15"), DURATION_S(1), &d), 0);
    assert_true(d.ns == DURATION_S(15).ns);
    assert_int_equal(duration_parse(STR_LIT("15ms"), DURATION_S(1), &d), 0);
    assert_true(d.ns == DURATION_MS(15).ns);
    assert_int_equal(duration_parse(STR_LIT("9999999999999"), DURATION_S(1), &d), ERR_INVALID);
}

/* Go's String(), and that it reads back. */
static void test_format(void **state)
{
    static const struct {
        int64_t ns;
        const char *want;
    } cases[] = {
        {0, "0s"},
        {1, "1ns"},
        {1100, "1.1\xc2\xb5s"},
        {2200000, "2.2ms"},
        {3300000000, "3.3s"},
        {INT64_C(60000000000), "1m0s"},
        {INT64_C(245000000000), "4m5s"},
        {INT64_C(3600000000000), "1h0m0s"},
        {INT64_C(18367001000000), "5h6m7.001s"},
        {-150000000, "-150ms"},
        {INT64_MAX, "2562047h47m16.854775807s"},
    };
    struct buf b = {0};
    struct rng rng;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&b);
        duration_format((struct duration){cases[i].ns}, &b);
        assert_string_equal(buf_z(&b), cases[i].want);
    }
    rng_init(&rng, 4);
    for (int i = 0; i < 10000; i++) {
        struct duration d = {(int64_t)(rng_u64(&rng) >> (1 + rng_below(&rng, 62)))}, back;

        buf_clear(&b);
        duration_format(d, &b);
        assert_int_equal(duration_parse(buf_str(&b), (struct duration){0}, &back), 0);
        assert_in_range(back.ns - d.ns + 2, 0, 4); /* fractions go through a double */
    }
    buf_fini(&b);
}

/* Instants saturate instead of wrapping. */
static void test_instants(void **state)
{
    struct instant t = {100};

    (void)state;
    assert_true(instant_add(t, (struct duration){5}).ns == 105);
    assert_true(instant_add(t, (struct duration){INT64_MAX}).ns == INT64_MAX);
    assert_true(instant_add(INSTANT_NEVER, (struct duration){-5}).ns == INT64_MAX);
    assert_true(instant_since(INSTANT_NEVER, (struct instant){-5}).ns == INT64_MAX);
    assert_true(instant_since(t, instant_add(t, (struct duration){7})).ns == -7);
    assert_true(instant_before(t, INSTANT_NEVER) && !instant_before(t, t));
    assert_int_equal(duration_ms((struct duration){1}), 1);
    assert_int_equal(duration_ms((struct duration){1000000}), 1);
    assert_int_equal(duration_ms((struct duration){-1}), 0);
    assert_false(instant_before(clock_now(), clock_now()) &&
                 instant_before(clock_now(), (struct instant){0}));
}

/* Calendar time in UTC, leap days and times before 1970 as well. */
static void test_wall(void **state)
{
    static const struct {
        int64_t ns;
        const char *want;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1709210096789000000), "2024-02-29T12:34:56.789Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[32];

        clock_format_wall(cases[i].ns, text);
        assert_string_equal(text, cases[i].want);
    }
    assert_true(clock_wall_ns() > INT64_C(1700000000000000000));
}

UNIT_MAIN(UNIT(test_parse), UNIT(test_parse_bare), UNIT(test_format), UNIT(test_instants),
          UNIT(test_wall))
