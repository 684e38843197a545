/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/jread.h"
#include "base/jwrite.h"
#include "base/rng.h"
#include "tests/lib/unit.h"

static struct jvalue *parse(const char *text)
{
    struct jvalue *v = NULL;
    struct error err = {0};

    if (jread_parse(str_z(text), &v, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return v;
}

/* Numbers as Go reads them into an int64, a uint64 and a float64. */
static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        bool i64, u64;
        uint64_t bits;
        double real;
    } cases[] = {
        {"0", true, true, 0, 0},
        {"-0", true, true, 0, 0},
        {"42", true, true, 42, 42},
        {"-42", true, false, (uint64_t)-42, -42},
        {"999999999999999999", true, true, 999999999999999999, 1e18},
        {"9223372036854775807", true, true, INT64_MAX, 0x1p63},
        {"-9223372036854775808", true, false, (uint64_t)INT64_MIN, -0x1p63},
        {"9223372036854775808", false, true, (uint64_t)1 << 63, 0x1p63},
        {"18446744073709551615", false, true, UINT64_MAX, 0x1p64},
        {"18446744073709551616", false, false, 0, 0x1p64},
        {"-9223372036854775809", false, false, 0, -0x1p63},
        {"1.5", false, false, 0, 1.5},
        {"1.0", false, false, 0, 1},
        {"1e3", false, false, 0, 1000},
        {"-2.5E-1", false, false, 0, -0.25},
        {"0.5", false, false, 0, 0.5},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct jvalue *v = parse(cases[i].text);
        int64_t i64 = 7;
        uint64_t u64 = 7;
        double real = 7;

        assert_int_equal(jread_type(v), JREAD_NUMBER);
        assert_int_equal(jread_i64(v, &i64), cases[i].i64 ? 0 : ERR_INVALID);
        assert_true(i64 == (cases[i].i64 ? (int64_t)cases[i].bits : 7));
        assert_int_equal(jread_u64(v, &u64), cases[i].u64 ? 0 : ERR_INVALID);
        assert_true(u64 == (cases[i].u64 ? cases[i].bits : 7));
        assert_int_equal(jread_double(v, &real), 0);
        assert_true(real == cases[i].real);
        jread_free(v);
    }
}

/* What is no document is refused, with its place, also around the numbers that are set aside. */
static void test_refused(void **state)
{
    static const char *const cases[] = {
        "",         "{",        "{}x",     "[1,]",  "01",          "1.",
        "-",        ".5",       "1e",      "1e5e5", "1e5.5",       "1.5.5",
        "01.5",     "-01.5",    "1.5-2.5", "+1",    "1.5true",     "0x10",
        "nul",      "'a'",      "\"\\x\"", "\"",    "\"\n\"",      "[1.5 2.5]",
        "{1.5:1}",  "NaN",      "[\"a\"",  "1 2",   "{\"a\" 1.5}", "\"\\ud800\"",
        "\"\xff\"", "1.5e5e-5", "--1.5",
    };
    struct error err;
    struct jvalue *v;
    char deep[10000], big[500];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        memset(&err, 0, sizeof(err));
        if (jread_parse(str_z(cases[i]), &v, &err) != ERR_INVALID)
            fail_msg("accepted: %s", cases[i]);
        assert_non_null(strstr(err.text, "line 1, column"));
    }
    memset(deep, '[', sizeof(deep));
    assert_int_equal(jread_parse(str_make(deep, sizeof(deep)), &v, &err), ERR_INVALID);
    memset(big, '1', sizeof(big));
    big[1] = '.';
    assert_int_equal(jread_parse(str_make(big, sizeof(big)), &v, &err), ERR_INVALID);
    big[1] = '1';
    assert_int_equal(jread_parse(str_make(big, sizeof(big)), &v, &err), ERR_INVALID);
    assert_int_equal(jread_parse(STR_NONE, &v, &err), ERR_INVALID);
    assert_int_equal(jread_parse(STR_LIT("[1.5,\n 2.5,\n x]"), &v, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "line 3, column 2"));
}

/* Names: the exact one first, else case ignored; of names that are alike the last counts. */
static void test_names(void **state)
{
    struct jvalue *v = parse("{\"key\":1,\"KEY\":2,\"a\":3,\"A\":4,\"d\":5,\"d\":6,\"n\":null}");
    int64_t n = 0;
    size_t pos = 0, count = 0;
    struct str name;
    const struct jvalue *value;

    (void)state;
    assert_int_equal(jread_i64(jread_get(v, "Key"), &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(jread_i64(jread_get(v, "a"), &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(jread_i64(jread_get(v, "d"), &n), 0);
    assert_int_equal(n, 6);
    assert_null(jread_get(v, "none"));
    n = 9;
    assert_int_equal(jread_i64(jread_get(v, "none"), &n), 0);
    assert_int_equal(jread_i64(jread_get(v, "n"), &n), 0);
    assert_int_equal(n, 9);
    while (jread_next(v, &pos, &name, &value))
        if (count++ == 2)
            assert_str(name, STR_LIT("a"));
    assert_int_equal(count, 6);
    assert_int_equal(jread_count(v), 6);
    assert_null(jread_get(jread_at(v, 0), "x"));
    jread_free(v);
}

/* A getter of the wrong type fails and leaves what was there. */
static void test_types(void **state)
{
    struct jvalue *v = parse("[null,true,1,\"s\",[],{},\"10s\",\"a\\u0000b\"]");
    struct str s = STR_LIT("old");
    bool b = true;
    uint64_t u = 3;
    double real = 3;
    struct duration d = {3};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        const struct jvalue *item = jread_at(v, i);

        assert_int_equal(jread_type(item), i);
        assert_int_equal(jread_bool(item, &b), i == 0 || i == 1 ? 0 : ERR_INVALID);
        assert_int_equal(jread_u64(item, &u), i == 0 || i == 2 ? 0 : ERR_INVALID);
        assert_int_equal(jread_double(item, &real), i == 0 || i == 2 ? 0 : ERR_INVALID);
        if (i != 3)
            assert_int_equal(jread_str(item, &s), i == 0 ? 0 : ERR_INVALID);
    }
    assert_true(b && u == 1 && real == 1);
    assert_str(s, STR_LIT("old"));
    assert_int_equal(jread_str(jread_at(v, 7), &s), 0);
    assert_str(s, STR_LIT("a\0b"));
    assert_int_equal(jread_duration(jread_at(v, 6), &d), 0);
    assert_true(d.ns == DURATION_S(10).ns);
    assert_int_equal(jread_duration(jread_at(v, 2), &d), 0);
    assert_true(d.ns == 1);
    assert_int_equal(jread_duration(jread_at(v, 3), &d), ERR_INVALID);
    assert_null(jread_at(v, 8));
    assert_int_equal(jread_count(jread_at(v, 3)), 0);
    jread_free(v);
    jread_free(NULL);
}

/* Any double and any uint64 that we write reads back as itself. */
static void test_write_and_read(void **state)
{
    struct buf b = {0};
    struct jwrite w;
    struct rng rng;

    (void)state;
    rng_init(&rng, 21);
    for (int i = 0; i < 20000; i++) {
        union {
            uint64_t bits;
            double real;
        } v = {rng_u64(&rng)};
        struct jvalue *root = NULL;
        uint64_t bits = 0;
        double real = 0;

        if (!isfinite(v.real))
            continue;
        buf_clear(&b);
        jwrite_init(&w, &b, i % 2);
        jwrite_array(&w);
        jwrite_double(&w, v.real);
        jwrite_u64(&w, v.bits);
        jwrite_close(&w);
        jwrite_end(&w);
        assert_int_equal(jread_parse(buf_str(&b), &root, NULL), 0);
        assert_int_equal(jread_double(jread_at(root, 0), &real), 0);
        assert_int_equal(jread_u64(jread_at(root, 1), &bits), 0);
        assert_true(real == v.real && bits == v.bits);
        jread_free(root);
    }
    buf_fini(&b);
}

UNIT_MAIN(UNIT(test_numbers), UNIT(test_refused), UNIT(test_names), UNIT(test_types),
          UNIT(test_write_and_read))
