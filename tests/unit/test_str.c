/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/str.h"
#include "tests/lib/unit.h"

static void test_compare(void **state)
{
    (void)state;
    assert_true(str_eq(STR_NONE, STR_LIT("")));
    assert_true(str_eq_z(STR_LIT("ab"), "ab") && !str_eq_z(STR_LIT("ab"), "abc"));
    assert_true(str_eq_z(STR_LIT(""), NULL));
    assert_true(str_cmp(STR_LIT("a"), STR_LIT("b")) < 0);
    assert_true(str_cmp(STR_LIT("a"), STR_LIT("a\0")) < 0);
    assert_true(str_cmp(STR_LIT("\xff"), STR_LIT("a")) > 0);
    assert_int_equal(str_cmp(STR_NONE, STR_LIT("")), 0);
    assert_true(str_eq_nocase(STR_LIT("Sp aCe["), STR_LIT("sp ace[")));
    assert_false(str_eq_nocase(STR_LIT("a["), STR_LIT("a{")));
    assert_false(str_eq_nocase(STR_LIT("\xc3\x84"), STR_LIT("\xc3\xa4"))); /* ASCII only */
}

static void test_parts(void **state)
{
    struct str s = STR_LIT("hello");

    (void)state;
    assert_true(str_has_prefix(s, STR_LIT("he")) && str_has_prefix(s, STR_NONE));
    assert_false(str_has_prefix(STR_LIT("he"), s));
    assert_true(str_has_suffix(s, STR_LIT("lo")) && !str_has_suffix(s, STR_LIT("l")));
    assert_str(str_drop(s, 2), STR_LIT("llo"));
    assert_str(str_drop(s, 9), STR_LIT(""));
    assert_str(str_take(s, 2), STR_LIT("he"));
    assert_str(str_take(s, 9), s);
    assert_null(str_drop(STR_NONE, 1).p);
    assert_str(str_trim(STR_LIT(" \t\n a b \r")), STR_LIT("a b"));
    assert_str(str_trim(STR_LIT("  ")), STR_LIT(""));
    assert_int_equal(str_find(s, 'l', 0), 2);
    assert_int_equal(str_find(s, 'l', 4), 5);
    assert_int_equal(str_find(s, 'l', 99), 5);
    assert_int_equal(str_search(s, STR_LIT("lo")), 3);
    assert_int_equal(str_search(s, STR_LIT("")), 0);
    assert_int_equal(str_search(s, STR_LIT("lol")), 5);
}

/* Splitting gives all parts, empty ones too, and then ends. */
static void test_split(void **state)
{
    static const char *const want[] = {"a", "", "b", ""};
    struct str rest = STR_LIT("a,,b,");
    size_t n = 0;

    (void)state;
    while (rest.p) {
        assert_true(n < COUNT_OF(want));
        assert_str(str_split(&rest, ','), str_z(want[n++]));
    }
    assert_int_equal(n, COUNT_OF(want));
    rest = STR_LIT("");
    assert_str(str_split(&rest, ','), STR_LIT(""));
    assert_null(rest.p);
}

static void test_numbers(void **state)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1a",
                                      "--1",
                                      "18446744073709551616",
                                      "99999999999999999999"};
    uint64_t u = 0;
    int64_t i = 0;

    (void)state;
    for (size_t k = 0; k < COUNT_OF(bad); k++) {
        assert_int_equal(str_to_u64(str_z(bad[k]), &u), ERR_INVALID);
        assert_int_equal(str_to_i64(str_z(bad[k]), &i), ERR_INVALID);
    }
    assert_int_equal(str_to_u64(STR_LIT("18446744073709551615"), &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(str_to_u64(STR_LIT("-1"), &u), ERR_INVALID);
    assert_int_equal(str_to_i64(STR_LIT("-9223372036854775808"), &i), 0);
    assert_true(i == INT64_MIN);
    assert_int_equal(str_to_i64(STR_LIT("9223372036854775808"), &i), ERR_INVALID);
    assert_int_equal(str_to_i64(STR_LIT("-9223372036854775809"), &i), ERR_INVALID);
    assert_int_equal(str_to_i64(STR_LIT("+007"), &i), 0);
    assert_int_equal(i, 7);
}

static void test_copies(void **state)
{
    char dst[4], *z = str_dup_z(STR_LIT("abc"));
    char text[] = "MiXeD\xc3\x84";

    (void)state;
    assert_string_equal(z, "abc");
    mem_free(z);
    assert_true(str_copy_z(STR_LIT("abc"), dst, sizeof(dst)));
    assert_string_equal(dst, "abc");
    assert_false(str_copy_z(STR_LIT("abcd"), dst, sizeof(dst)));
    assert_string_equal(dst, "abc");
    str_lower(str_z(text), text);
    assert_string_equal(text, "mixed\xc3\x84");
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static void test_utf8(void **state)
{
    static const struct str good[] = {STR_LIT(""),
                                      STR_LIT("a\0b"),
                                      STR_LIT("\xc2\x80"),
                                      STR_LIT("\xe0\xa0\x80"),
                                      STR_LIT("\xed\x9f\xbf"),
                                      STR_LIT("\xf0\x90\x80\x80"),
                                      STR_LIT("\xf4\x8f\xbf\xbf")};
    static const struct str bad[] = {STR_LIT("\x80"),
                                     STR_LIT("\xc1\xbf"),
                                     STR_LIT("\xc2"),
                                     STR_LIT("\xe0\x9f\xbf"),
                                     STR_LIT("\xed\xa0\x80"),
                                     STR_LIT("\xf0\x8f\xbf\xbf"),
                                     STR_LIT("\xf4\x90\x80\x80"),
                                     STR_LIT("\xf5\x80\x80\x80"),
                                     STR_LIT("a\xff"),
                                     STR_LIT("\xe2\x82")};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(str_is_utf8(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(str_is_utf8(bad[i]));
    assert_int_equal(str_utf8_size(STR_LIT("\xe2\x82\xacx")), 3);
}

/* Hashes of near texts differ, and differ by seed. */
static void test_hash(void **state)
{
    uint64_t seen[512];
    size_t n = 0;
    char text[40];

    (void)state;
    memset(text, 0, sizeof(text));
    for (size_t i = 0; i < 40; i++)
        for (int seed = 0; seed < 2; seed++) {
            seen[n++] = str_hash(str_make(text, i), (uint64_t)seed);
            text[i] ^= 1;
            seen[n++] = str_hash(str_make(text, i + 1), (uint64_t)seed + 2);
            text[i] ^= 1;
        }
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < a; b++)
            assert_true(seen[a] != seen[b]);
}

UNIT_MAIN(UNIT(test_compare), UNIT(test_parts), UNIT(test_split), UNIT(test_numbers),
          UNIT(test_copies), UNIT(test_utf8), UNIT(test_hash))
