/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transactions through their endpoint. What Consul answers to each is in tests/conformance. */
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

static void ask(const char *body, int status, const char *want)
{
    struct api_call *c = api_world_ask(&w, "PUT", STR_LIT("/v1/txn"), str_z(body));

    assert_int_equal(c->reply.status, status);
    assert_str(buf_str(&c->reply.body), str_z(want));
}

#define META                                                                                       \
    ",\"Index\":0,\"LastContact\":0,\"KnownLeader\":true,\"ConsistencyLevel\":\"\","               \
    "\"NotModified\":false}"

/* All or none; sets give no value back, gets do. */
static void writes(void **state)
{
    ask("[{\"KV\":{\"Verb\":\"set\",\"Key\":\"a\",\"Value\":\"MQ==\",\"Flags\":3}},"
        "{\"KV\":{\"verb\":\"get\",\"key\":\"a\"}}]",
        200,
        "{\"Results\":[{\"KV\":{\"LockIndex\":0,\"Key\":\"a\",\"Flags\":3,\"Value\":null,"
        "\"CreateIndex\":11,\"ModifyIndex\":11}},{\"KV\":{\"LockIndex\":0,\"Key\":\"a\",\"Flags\":"
        "3,"
        "\"Value\":\"MQ==\",\"CreateIndex\":11,\"ModifyIndex\":11}}],\"Errors\":null}");
    ask("[{\"KV\":{\"Verb\":\"set\",\"Key\":\"a\",\"Value\":\"Mg==\"}},"
        "{\"KV\":{\"Verb\":\"cas\",\"Key\":\"b\",\"Index\":5}}]",
        409,
        "{\"Results\":null,\"Errors\":[{\"OpIndex\":1,\"What\":\"failed to set key \\\"b\\\", "
        "index "
        "is stale\"}]}");
    ask("[{\"KV\":{\"Verb\":\"delete\",\"Key\":\"a\"}}]", 200, "{\"Results\":[],\"Errors\":null}");
}

/* What only reads needs no log, and says so with more fields. */
static void reads(void **state)
{
    ask("[]", 200, "{\"Results\":[],\"Errors\":null" META);
    ask("null", 200, "{\"Results\":[],\"Errors\":null" META);
    ask("[{\"KV\":{\"Verb\":\"get\",\"Key\":\"no\"}}]", 409,
        "{\"Results\":null,\"Errors\":[{\"OpIndex\":0,\"What\":\"key \\\"no\\\" doesn't "
        "exist\"}]" META);
    ask("[{\"KV\":{\"Verb\":\"bogus\",\"Key\":\"no\"}}]", 409,
        "{\"Results\":null,\"Errors\":[{\"OpIndex\":0,\"What\":\"unknown KV verb "
        "\\\"bogus\\\"\"}]" META);
    assert_int_equal(w.world.index, 10);
}

static void refused(const char *body, const char *prefix)
{
    struct api_call *c = api_world_ask(&w, "PUT", STR_LIT("/v1/txn"), str_z(body));

    assert_int_equal(c->reply.status, 400);
    assert_true(str_has_prefix(buf_str(&c->reply.body), str_z(prefix)));
}

/* Bodies that are not a list of operations, or hold what is not known. */
static void refusals(void **state)
{
    refused("", "Failed to parse body: EOF");
    refused("not json", "Failed to parse body: ");
    refused("{\"KV\":{}}", "Failed to parse body: ");
    refused("[1]", "Failed to parse body: ");
    refused("[{\"KV\":[]}]", "Failed to parse body: ");
    refused("[{\"KV\":{\"Verb\":\"set\",\"Key\":\"a\",\"Value\":12}}]", "Failed to parse body: ");
    refused("[{\"KV\":{\"Verb\":\"set\",\"Key\":\"a\",\"Value\":\"%\"}}]",
            "Failed to parse body: ");
    refused("[{\"KV\":{\"Verb\":\"set\",\"Bogus\":1}}]",
            "Failed to parse body: json: unknown field \"Bogus\"");
    refused("[{\"Foo\":{}}]", "Failed to parse body: json: unknown field \"Foo\"");
    refused("[{\"Node\":{\"Verb\":\"get\"}}]", "Failed to parse body: json: cannot unmarshal");
    refused("[{\"Intention\":{}}]", "Intention operations are not supported");
    ask("[{\"KV\":{\"Verb\":\"set\"}}]", 409,
        "{\"Results\":null,\"Errors\":[{\"OpIndex\":0,\"What\":\"Must provide key\"}]}");
}

/* As many as the body has room for; what is wrong is told with its place, and then nothing of all
 * is done. */
static void many(void **state)
{
    struct api_call *c;
    struct buf body;
    int n = 5000;

    buf_init(&body, 0);
    for (int i = 0; i < n; i++)
        buf_putf(&body, "%s{\"KV\":{\"Verb\":\"set\",\"Key\":\"many/%d\",\"Value\":\"MQ==\"}}",
                 i ? "," : "[", i);
    buf_put_z(&body, "]");
    c = api_world_ask(&w, "PUT", STR_LIT("/v1/txn"), buf_str(&body));
    assert_int_equal(c->reply.status, 200);
    body.n--;
    buf_put_z(&body, ",{},{\"KV\":{\"Verb\":\"delete-tree\",\"Key\":\"many/\"}},"
                     "{\"KV\":{\"Verb\":\"cas\",\"Key\":\"x\",\"Index\":5}}]");
    c = api_world_ask(&w, "PUT", STR_LIT("/v1/txn"), buf_str(&body));
    buf_fini(&body);
    assert_int_equal(c->reply.status, 409);
    assert_str(buf_str(&c->reply.body),
               STR_LIT("{\"Results\":null,\"Errors\":[{\"OpIndex\":5001,\"What\":\"failed to set "
                       "key \\\"x\\\", index is stale\"}]}"));
    c = api_world_ask(&w, "GET", STR_LIT("/v1/kv/many/4999?raw"), STR_NONE);
    assert_int_equal(c->reply.status, 200);
}

/* Each operation may ask for a tree: what they give together is bounded, and whose was too much is
 * told. */
static void too_large_results(void **state)
{
    static const char want[] = "\"What\":\"the results are larger than 67108864 bytes\"}]";
    struct api_call *c;
    struct buf body;

    buf_init(&body, 0);
    for (int i = 0; i < 500 * 1024; i++)
        buf_put_c(&body, 'v');
    c = api_world_ask(&w, "PUT", STR_LIT("/v1/kv/tree/a"), buf_str(&body));
    assert_int_equal(c->reply.status, 200);
    for (int writes = 0; writes < 2; writes++) {
        buf_clear(&body);
        buf_putf(&body, "[{\"KV\":{\"Verb\":\"%s\",\"Key\":\"%s\"}}", writes ? "set" : "get",
                 writes ? "new" : "tree/a");
        for (int i = 0; i < 140; i++)
            buf_put_z(&body, ",{\"KV\":{\"Verb\":\"get-tree\",\"Key\":\"tree/\"}}");
        buf_put_z(&body, "]");
        c = api_world_ask(&w, "PUT", STR_LIT("/v1/txn"), buf_str(&body));
        assert_int_equal(c->reply.status, 409);
        assert_non_null(strstr(buf_z(&c->reply.body), want));
    }
    buf_fini(&body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(writes), TEST(reads), TEST(refusals), TEST(many),
                                       TEST(too_large_results)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
