/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "base/jwrite.h"
#include "tests/lib/unit.h"

/* Strings, byte for byte as Go's json.Marshal writes them. */
static void test_strings(void **state)
{
    static const struct {
        struct str in, want;
    } cases[] = {
        {STR_LIT(""), STR_LIT("\"\"")},
        {STR_LIT("plain ~"), STR_LIT("\"plain ~\"")},
        {STR_LIT("\"\\/"), STR_LIT("\"\\\"\\\\/\"")},
        {STR_LIT("<a&b>"), STR_LIT("\"\\u003ca\\u0026b\\u003e\"")},
        {STR_LIT("\n\r\t\b\f\0\x1f\x7f"), STR_LIT("\"\\n\\r\\t\\u0008\\u000c\\u0000\\u001f\x7f\"")},
        {STR_LIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
         STR_LIT("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"")},
        {STR_LIT("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"),
         STR_LIT("\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\"")},
        {STR_LIT("\xff\xfe"), STR_LIT("\"\\ufffd\\ufffd\"")},
        {STR_LIT("\xef\xbf\xbd"), STR_LIT("\"\xef\xbf\xbd\"")},
        {STR_LIT("\xc3"), STR_LIT("\"\\ufffd\"")},
        {STR_LIT("\xc3("), STR_LIT("\"\\ufffd(\"")},
        {STR_LIT("\xed\xa0\x80"), STR_LIT("\"\\ufffd\\ufffd\\ufffd\"")},
        {STR_LIT("\xc0\xaf"), STR_LIT("\"\\ufffd\\ufffd\"")},
        {STR_LIT("\xf4\x90\x80\x80"), STR_LIT("\"\\ufffd\\ufffd\\ufffd\\ufffd\"")},
    };
    struct buf b = {0};
    struct jwrite w;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&b);
        jwrite_init(&w, &b, false);
        jwrite_str(&w, cases[i].in);
        jwrite_end(&w);
        assert_str(buf_str(&b), cases[i].want);
    }
    buf_fini(&b);
}

/* Numbers as Go's encoder writes a float64. */
static void test_doubles(void **state)
{
    static const struct {
        double v;
        const char *want;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {100, "100"},
        {123456.789, "123456.789"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {-1.25e22, "-1.25e+22"},
        {0.000001, "0.000001"},
        {0.0000001, "1e-7"},
        {1.5e-10, "1.5e-10"},
        {1.0 / 3, "0.3333333333333333"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
    };
    struct buf b = {0};
    struct jwrite w;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&b);
        jwrite_init(&w, &b, false);
        jwrite_double(&w, cases[i].v);
        assert_string_equal(buf_z(&b), cases[i].want);
    }
    buf_clear(&b);
    jwrite_init(&w, &b, false);
    jwrite_double(&w, (double)NAN);
    assert_string_equal(buf_z(&b), "null");
    buf_fini(&b);
}

static void write_all(struct buf *b, bool pretty)
{
    struct jwrite w;

    jwrite_init(&w, b, pretty);
    jwrite_array(&w);
    jwrite_object(&w);
    jwrite_name(&w, "a<");
    jwrite_u64(&w, UINT64_MAX);
    jwrite_name_str(&w, STR_LIT("b"));
    jwrite_i64(&w, INT64_MIN);
    jwrite_name(&w, "c");
    jwrite_array(&w);
    jwrite_bool(&w, true);
    jwrite_null(&w);
    jwrite_base64(&w, STR_LIT("hi"));
    jwrite_raw(&w, STR_LIT("{\"x\":1}"));
    jwrite_close(&w);
    jwrite_name(&w, "d");
    jwrite_object(&w);
    jwrite_close(&w);
    jwrite_close(&w);
    jwrite_array(&w);
    jwrite_close(&w);
    jwrite_z(&w, "z");
    jwrite_close(&w);
    jwrite_end(&w);
}

/* Nesting and commas, compact and as json.MarshalIndent with four spaces. */
static void test_layout(void **state)
{
    struct buf b = {0};

    (void)state;
    write_all(&b, false);
    assert_string_equal(buf_z(&b), "[{\"a\\u003c\":18446744073709551615,"
                                   "\"b\":-9223372036854775808,"
                                   "\"c\":[true,null,\"aGk=\",{\"x\":1}],\"d\":{}},[],\"z\"]");
    buf_clear(&b);
    write_all(&b, true);
    assert_string_equal(buf_z(&b), "[\n"
                                   "    {\n"
                                   "        \"a\\u003c\": 18446744073709551615,\n"
                                   "        \"b\": -9223372036854775808,\n"
                                   "        \"c\": [\n"
                                   "            true,\n"
                                   "            null,\n"
                                   "            \"aGk=\",\n"
                                   "            {\"x\":1}\n"
                                   "        ],\n"
                                   "        \"d\": {}\n"
                                   "    },\n"
                                   "    [],\n"
                                   "    \"z\"\n"
                                   "]\n");
    buf_fini(&b);
}

UNIT_MAIN(UNIT(test_strings), UNIT(test_doubles), UNIT(test_layout))
