/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys through their endpoint, in memory. What Consul answers to each is in tests/conformance. */
#include <stdio.h>

#include "tests/lib/api_world.h"
#include "tests/lib/unit.h"

static struct api_world w;

static int open_world(void **state)
{
    api_world_open(&w);
    return 0;
}

static int close_world(void **state)
{
    api_world_close(&w);
    return unit_no_leak(state);
}

/* Asks; the reply must have this status and body. */
static void ask(const char *method, const char *target, const char *body, int status,
                const char *want)
{
    struct api_call *c = api_world_ask(&w, method, str_z(target), str_z(body));

    assert_int_equal(c->reply.status, status);
    assert_str(buf_str(&c->reply.body), str_z(want));
}

static void assert_header(const char *name, const char *want)
{
    assert_str(api_world_header(w.call, name), str_z(want));
}

/* A value goes in and comes out, as JSON and raw, with the headers of a read. */
static void put_get_delete(void **state)
{
    ask("GET", "/v1/kv/a", "", 404, "");
    ask("PUT", "/v1/kv/a?flags=7", "hello", 200, "true");
    assert_header("Content-Type", "application/json");
    assert_null(api_world_header(w.call, "X-Consul-Index").p);
    ask("GET", "/v1/kv/a", "", 200,
        "[{\"LockIndex\":0,\"Key\":\"a\",\"Flags\":7,\"Value\":\"aGVsbG8=\",\"CreateIndex\":11,"
        "\"ModifyIndex\":11}]");
    assert_header("X-Consul-Index", "11");
    assert_header("X-Consul-Knownleader", "true");
    assert_header("X-Consul-Lastcontact", "0");
    assert_header("Vary", "Accept-Encoding");
    ask("GET", "/v1/kv/a?raw", "", 200, "hello");
    assert_header("Content-Type", "text/plain");
    assert_header("X-Content-Type-Options", "nosniff");
    ask("DELETE", "/v1/kv/a", "", 200, "true");
    ask("GET", "/v1/kv/a?raw", "", 404, "");
}

/* Any bytes are a key, and each key has one path: nothing is cleaned, nothing redirected. */
static void odd_keys(void **state)
{
    static const char *const keys[] = {"/a",     "a//b", "../x",  "a/./b",  "a/%2E%2E/c", "a%2Fb",
                                       "%C3%A9", "a+b",  "a%20b", "%FF%FE", "a/",         "a%3Fb"};
    char target[100];

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        snprintf(target, sizeof target, "/v1/kv/%s", keys[i]);
        ask("PUT", target, keys[i], 200, "true");
    }
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        snprintf(target, sizeof target, "/v1/kv/%s?raw", keys[i]);
        ask("GET", target, "", 200, keys[i]);
    }
    ask("GET", "/v1/kv/?keys", "", 200,
        "[\"../x\",\"/a\",\"a b\",\"a+b\",\"a/\",\"a/../c\",\"a/./b\",\"a//b\",\"a/b\",\"a?b\","
        "\"\xc3\xa9\",\"\\ufffd\\ufffd\"]");
    ask("GET", "/v1/kv/%FF%FE", "", 200,
        "[{\"LockIndex\":0,\"Key\":\"\\ufffd\\ufffd\",\"KeyB64\":\"//4=\",\"Flags\":0,"
        "\"Value\":\"JUZGJUZF\",\"CreateIndex\":20,\"ModifyIndex\":20}]");
    ask("GET", "/v1/kv/a%0Ab", "", 400, "");
    ask("GET", "/v1/kv/%zz", "", 400, "");
}

static void lists(void **state)
{
    ask("GET", "/v1/kv/?keys", "", 200, "[]");
    ask("GET", "/v1/kv/x?keys", "", 404, "");
    ask("GET", "/v1/kv/?recurse", "", 404, "");
    ask("PUT", "/v1/kv/d/a", "1", 200, "true");
    ask("PUT", "/v1/kv/d/b/c", "2", 200, "true");
    ask("GET", "/v1/kv/d/?keys&separator=/", "", 200, "[\"d/a\",\"d/b/\"]");
    ask("GET", "/v1/kv/d/?keys&seperator=/&pretty", "", 200, "[\n    \"d/a\",\n    \"d/b/\"\n]\n");
    ask("GET", "/v1/kv/d/b?recurse", "", 200,
        "[{\"LockIndex\":0,\"Key\":\"d/b/c\",\"Flags\":0,\"Value\":\"Mg==\",\"CreateIndex\":12,"
        "\"ModifyIndex\":12}]");
    ask("DELETE", "/v1/kv/d?recurse", "", 200, "true");
    ask("GET", "/v1/kv/d?recurse", "", 404, "");
    assert_header("X-Consul-Index", "13");
}

static void refusals(void **state)
{
    w.config->kv_max_value_size = 4;
    ask("GET", "/v1/kv/", "", 400, "Missing key name");
    ask("PUT", "/v1/kv/", "v", 400, "Missing key name");
    ask("DELETE", "/v1/kv/", "", 400, "Missing key name");
    ask("PUT", "/v1/kv/a?cas=1&acquire=x", "v", 400, "Conflicting flags: acquire=x&cas=1");
    ask("DELETE", "/v1/kv/a?cas=1&recurse", "", 400, "Conflicting flags: cas=1&recurse=");
    ask("PUT", "/v1/kv/a?flags=abc", "v", 500,
        "strconv.ParseUint: parsing \"abc\": invalid syntax");
    ask("PUT", "/v1/kv/a?cas=", "v", 500, "strconv.ParseUint: parsing \"\": invalid syntax");
    ask("PUT", "/v1/kv/a?acquire=", "v", 500, "missing session");
    ask("PUT", "/v1/kv/a?acquire=x", "v", 500,
        "failed session lookup: index error: UUID must be 36 characters");
    ask("PUT", "/v1/kv/a", "12345", 413,
        "Request body(5 bytes) too large, max size: 4 bytes. See "
        "https://www.consul.io/docs/agent/options.html#kv_max_value_size.");
    ask("POST", "/v1/kv/a", "v", 405, "method POST not allowed");
    assert_header("Allow", "OPTIONS,GET,PUT,DELETE");
    ask("OPTIONS", "/v1/kv/a", "", 200, "");
    assert_header("Allow", "OPTIONS,GET,PUT,DELETE");
    ask("GET", "/v1/kv/a?dc=nowhere", "", 500, "No path to datacenter");
    ask("GET", "/v1/kv/a?ns=x", "", 400,
        "Bad request: Invalid query parameter: \"ns\" - Namespaces are a Consul Enterprise "
        "feature");
    ask("GET", "/v1/kv/a?index=abc", "", 400, "Invalid index");
    ask("GET", "/v1/kv", "", 301, "<a href=\"/v1/kv/\">Moved Permanently</a>.\n\n");
    ask("GET", "/v1/nope", "", 404, "");
}

/* A read that has seen the newest parks without its body, and wakes on its key only. */
static void parks_and_wakes(void **state)
{
    struct api_call *c;
    struct buf command;
    struct kv_op op = {.verb = KV_SET, .key = STR_LIT("a"), .value = STR_LIT("2")};

    ask("PUT", "/v1/kv/a", "1", 200, "true");
    c = api_world_ask(&w, "GET", STR_LIT("/v1/kv/a?raw&index=11&wait=60s"), STR_NONE);
    assert_true(api_is_parked(c));
    assert_null(c->reply.body.p);
    assert_int_equal(w.done_n, 1);
    buf_init(&command, 0);
    kv_encode(&op, &command);
    world_apply(&w.world, &command);
    watch_fire(w.env.watches, &w.world.changes);
    assert_int_equal(w.done_n, 2);
    assert_str(buf_str(&c->reply.body), STR_LIT("2"));
    assert_header("X-Consul-Index", "12");
}

/* At its deadline it answers with what there is; a client that left gets nothing. */
static void deadline_and_cancel(void **state)
{
    struct api_call *c;

    ask("PUT", "/v1/kv/a", "1", 200, "true");
    c = api_world_ask(&w, "GET", STR_LIT("/v1/kv/a?raw&index=11&wait=16s"), STR_NONE);
    assert_true(api_is_parked(c));
    api_world_pass(&w, DURATION_S(17));
    assert_int_equal(w.done_n, 2);
    assert_str(buf_str(&c->reply.body), STR_LIT("1"));
    c = api_world_ask(&w, "GET", STR_LIT("/v1/kv/a?index=11"), STR_NONE);
    api_cancel(c);
    assert_int_equal(w.done_n, 3);
    assert_false(api_is_parked(c));
}

/* Each way to give a token counts, the query first. */
static void tokens(void **state)
{
    ask("GET", "/v1/kv/a?token=abc", "", 404, "");
    assert_str(w.call->token, STR_LIT("abc"));
    ask("GET", "/v1/kv/a", "", 404, "");
    assert_str(w.call->token, STR_LIT(""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(put_get_delete), TEST(odd_keys),        TEST(lists),
        TEST(refusals),       TEST(parks_and_wakes), TEST(deadline_and_cancel),
        TEST(tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
