/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/param.h"

static struct arena arena;

static struct param parse(const char *query)
{
    struct param p;

    param_parse(str_z(query), &arena, &p);
    return p;
}

static void assert_text(struct str got, const char *want)
{
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.p ? got.p : "", want, got.n);
}

/* Pairs are found by name, decoded once, the first of a name wins. */
static void pairs(void **state)
{
    struct param p = parse("a=1&b&c=%41+%2B&a=2&=x&d=");

    assert_text(param_get(&p, "a"), "1");
    assert_text(param_get_nth(&p, "a", 1), "2");
    assert_null(param_get_nth(&p, "a", 2).p);
    assert_true(param_has(&p, "b"));
    assert_false(param_is_given(&p, "b"));
    assert_text(param_get(&p, "c"), "A +");
    assert_true(param_has(&p, "d"));
    assert_false(param_has(&p, "e"));
    p = parse("");
    assert_int_equal(p.n, 0);
}

/* What Go leaves out is left out: bad escapes, semicolons; too many pairs are cut. */
static void odd_pairs(void **state)
{
    struct param p = parse("a=%4&b=%zz&c=1;d=2&e=3&&");
    char many[4 * PARAM_PAIRS_MAX];

    assert_int_equal(p.n, 1);
    assert_text(param_get(&p, "e"), "3");
    for (size_t i = 0; i < sizeof(many); i++)
        many[i] = i % 2 ? '&' : 'x';
    param_parse(str_make(many, sizeof(many)), &arena, &p);
    assert_int_equal(p.n, PARAM_PAIRS_MAX);
}

static void refused(const char *query, const char *why)
{
    struct param p = parse(query);
    struct error err = {0};

    assert_int_equal(param_options(&p, &err), ERR_INVALID);
    assert_string_equal(err.text, why);
}

/* Bad options are worded as Consul words them. */
static void bad_options(void **state)
{
    refused("index=abc", "Invalid index");
    refused("index=-1", "Invalid index");
    refused("index=1.5", "Invalid index");
    refused("wait=5", "Invalid wait time");
    refused("wait=abc", "Invalid wait time");
    refused("max_stale=bogus", "Invalid max_stale value \"bogus\"");
    refused("stale&consistent", "Cannot specify ?stale with ?consistent, conflicting semantics.");
    refused("max_stale=5s&consistent",
            "Cannot specify ?stale with ?consistent, conflicting semantics.");
    refused("cached&consistent", "Cannot specify ?cached with ?consistent, conflicting semantics.");
}

/* Good ones set mode, index and wait; empty ones are absent; a negative wait is none. */
static void good_options(void **state)
{
    struct param p = parse("index=7&wait=1m30s&stale=false");
    struct error err;

    assert_int_equal(param_options(&p, &err), 0);
    assert_int_equal(p.index, 7);
    assert_true(p.wait.ns == DURATION_S(90).ns);
    assert_int_equal(p.mode, READ_STALE);
    p = parse("index=&wait=&consistent");
    assert_int_equal(param_options(&p, &err), 0);
    assert_int_equal(p.index, 0);
    assert_int_equal(p.mode, READ_CONSISTENT);
    p = parse("wait=-5s");
    assert_int_equal(param_options(&p, &err), 0);
    assert_true(p.wait.ns == 0);
}

/* Encoded again, pairs are sorted by name and keep their order within one. */
static void encode(void **state)
{
    struct param p = parse("release=q+r&cas=1&flags=%26&cas=0");
    struct buf out;

    buf_init(&out, 0);
    param_encode(&p, &out);
    assert_text(buf_str(&out), "cas=1&cas=0&flags=%26&release=q+r");
    buf_fini(&out);
}

static void numbers(void **state)
{
    struct error err = {0};
    uint64_t n;

    assert_int_equal(param_u64(STR_LIT("18446744073709551615"), &n, &err), 0);
    assert_true(n == UINT64_MAX);
    assert_int_equal(param_u64(STR_LIT("18446744073709551616"), &n, &err), ERR_INVALID);
    assert_string_equal(err.text, "strconv.ParseUint: parsing \"18446744073709551616\": "
                                  "value out of range");
    assert_int_equal(param_u64(STR_LIT(""), &n, &err), ERR_INVALID);
    assert_string_equal(err.text, "strconv.ParseUint: parsing \"\": invalid syntax");
}

static int free_all(void **state)
{
    arena_fini(&arena);
    assert_int_equal(mem_outstanding(), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(pairs, free_all),
        cmocka_unit_test_teardown(odd_pairs, free_all),
        cmocka_unit_test_teardown(bad_options, free_all),
        cmocka_unit_test_teardown(good_options, free_all),
        cmocka_unit_test_teardown(encode, free_all),
        cmocka_unit_test_teardown(numbers, free_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
