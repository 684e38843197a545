/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalog through its endpoints, in memory. What Consul answers is in tests/conformance. */
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

static void ask(const char *method, const char *target, const char *body, int status,
                const char *want)
{
    struct api_call *c = api_world_ask(&w, method, str_z(target), str_z(body));

    assert_int_equal(c->reply.status, status);
    assert_str(buf_str(&c->reply.body), str_z(want));
}

static void put(const char *body)
{
    ask("PUT", "/v1/catalog/register", body, 200, "true");
}

#define NODE(name, address, meta, create, modify)                                                  \
    "{\"ID\":\"\",\"Node\":\"" name "\",\"Address\":\"" address                                    \
    "\",\"Datacenter\":\"dc1\",\"TaggedAddresses\":null,\"Meta\":" meta ",\"CreateIndex\":" create \
    ",\"ModifyIndex\":" modify "}"
#define REST "\"Proxy\":{\"MeshGateway\":{},\"Expose\":{}},\"Connect\":{},"

/* Byte for byte as Consul's structs print: order, nulls and what is left out. */
static void shapes(void **state)
{
    put("{\"Node\":\"a\",\"Address\":\"1.2.3.4\",\"NodeMeta\":{\"z\":\"1\",\"b\":\"2\"},"
        "\"Service\":{\"Service\":\"web\",\"Port\":80,\"Tags\":[\"x\"],\"TaggedAddresses\":"
        "{\"wan\":{\"Address\":\"9.9.9.9\",\"Port\":1}}},\"Check\":{\"Name\":\"c\",\"ServiceID\":"
        "\"web\",\"Status\":\"passing\",\"Definition\":{\"TCP\":\"h:1\",\"Interval\":\"10s\"}}}");
    ask("GET", "/v1/catalog/nodes", "", 200,
        "[" NODE("a", "1.2.3.4", "{\"b\":\"2\",\"z\":\"1\"}", "11", "11") "]");
    ask("GET", "/v1/catalog/services", "", 200, "{\"web\":[\"x\"]}");
    ask("GET", "/v1/catalog/service/WEB", "", 200,
        "[{\"ID\":\"\",\"Node\":\"a\",\"Address\":\"1.2.3.4\",\"Datacenter\":\"dc1\","
        "\"TaggedAddresses\":null,\"NodeMeta\":{\"b\":\"2\",\"z\":\"1\"},\"ServiceKind\":\"\","
        "\"ServiceID\":\"web\",\"ServiceName\":\"web\",\"ServiceTags\":[\"x\"],"
        "\"ServiceAddress\":\"\",\"ServiceTaggedAddresses\":{\"wan\":{\"Address\":\"9.9.9.9\","
        "\"Port\":1}},\"ServiceWeights\":{\"Passing\":1,\"Warning\":1},\"ServiceMeta\":{},"
        "\"ServicePort\":80,\"ServiceEnableTagOverride\":false,\"ServiceProxy\":{\"MeshGateway\":"
        "{},\"Expose\":{}},\"ServiceConnect\":{},\"CreateIndex\":11,\"ModifyIndex\":11}]");
    ask("GET", "/v1/health/node/a", "", 200,
        "[{\"Node\":\"a\",\"CheckID\":\"c\",\"Name\":\"c\",\"Status\":\"passing\",\"Notes\":\"\","
        "\"Output\":\"\",\"ServiceID\":\"web\",\"ServiceName\":\"web\",\"ServiceTags\":[\"x\"],"
        "\"Type\":\"tcp\",\"Definition\":{\"Interval\":\"10s\",\"TCP\":\"h:1\"},"
        "\"CreateIndex\":11,\"ModifyIndex\":11}]");
    assert_str(api_world_header(w.call, "X-Consul-Effective-Consistency"), STR_LIT("leader"));
    put("{\"Node\":\"b\",\"Address\":\"1.2.3.5\",\"Service\":{\"Service\":\"db\"}}");
    ask("GET", "/v1/catalog/node-services/b", "", 200,
        "{\"Node\":" NODE("b", "1.2.3.5", "null", "12",
                          "12") ",\"Services\":[{\"ID\":\"db\","
                                "\"Service\":\"db\",\"Tags\":[],\"Address\":\"\",\"Meta\":null,"
                                "\"Port\":0,\"Weights\":"
                                "{\"Passing\":1,\"Warning\":1},\"EnableTagOverride\":false," REST
                                "\"CreateIndex\":12,\"ModifyIndex\":12}]}");
    ask("GET", "/v1/health/service/db?filter=Node.Node==b", "", 200,
        "[{\"Node\":" NODE("b", "1.2.3.5", "null", "12",
                           "12") ",\"Service\":{\"ID\":\"db\","
                                 "\"Service\":\"db\",\"Tags\":[],\"Address\":\"\",\"Meta\":null,"
                                 "\"Port\":0,\"Weights\":"
                                 "{\"Passing\":1,\"Warning\":1},\"EnableTagOverride\":false," REST
                                 "\"CreateIndex\":12,\"ModifyIndex\":12},\"Checks\":[]}]");
    ask("GET", "/v1/catalog/datacenters", "", 200, "[\"dc1\"]");
}

static void refusals(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *want;
    } cases[] = {
        {"", 400, "Request decode failed: EOF"},
        {"{}", 500, "Must provide node"},
        {"{\"Node\":\"x\"}", 500, "Must provide address if SkipNodeUpdate is not set"},
        {"{\"Node\":\"x\",\"Address\":\"1.2.3.4\",\"Bogus\":1}", 400,
         "Request decode failed: json: unknown field \"Bogus\""},
        {"{\"Node\":\"x\",\"Address\":\"a\",\"Namespace\":\"t\"}", 400,
         "Request decode failed: json: unknown field \"Namespace\" - Namespaces are a Consul "
         "Enterprise feature"},
        {"{\"Node\":\"x\",\"Address\":\"1.2.3.4\",\"ID\":\"no\"}", 500,
         "Bad node ID: uuid string is wrong length"},
        {"{\"Node\":\"x\",\"Address\":\"1.2.3.4\",\"Service\":{\"ID\":\"only\"}}", 500,
         "Must provide service name with ID"},
        {"{\"Node\":\"x\",\"Address\":\"1.2.3.4\",\"Service\":{\"Service\":\"s\",\"Address\":"
         "\"0.0.0.0\"}}",
         500, "Invalid service address"},
        {"{\"Node\":\"x\",\"Address\":\"1.2.3.4\",\"Service\":{}}", 500,
         "failed inserting service: failed inserting service: object missing primary index"},
        {"{\"Node\":\"x\",\"Address\":\"1.2.3.4\",\"Check\":{\"Node\":\"y\",\"Name\":\"c\"}}", 500,
         "check node \"y\" does not match node \"x\""},
        {"{\"Datacenter\":\"else\",\"Node\":\"x\",\"Address\":\"1.2.3.4\"}", 500,
         "No path to datacenter"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        ask("PUT", "/v1/catalog/register", cases[i].body, cases[i].status, cases[i].want);
    ask("GET", "/v1/catalog/node/x", "", 200, "null");
    ask("GET", "/v1/catalog/node/", "", 400, "Missing node name");
    ask("GET", "/v1/catalog/nodes?filter=Bogus==1", "", 500,
        "Failed to create boolean expression evaluator: Selector \"Bogus\" is not valid");
    ask("PUT", "/v1/catalog/deregister", "{}", 500, "Must provide node");
    ask("PUT", "/v1/catalog/deregister", "{\"Node\":\"x\"}", 200, "true");
    ask("GET", "/v1/health/service/x?passing=maybe", "", 400, "Invalid value for ?passing");
}

/* A read of one service waits for that service only; one of a node wakes when the node goes. */
static void blocking(void **state)
{
    put("{\"Node\":\"a\",\"Address\":\"1.2.3.4\",\"Service\":{\"Service\":\"web\"}}");
    struct api_call *c =
        api_world_ask(&w, "GET", STR_LIT("/v1/health/service/web?index=11&wait=1s"), STR_NONE);
    int done_n = w.done_n;
    assert_true(api_is_parked(c));
    api_world_pass(&w, DURATION_S(2));
    assert_int_equal(w.done_n, done_n + 1);
    c = api_world_ask(&w, "GET", STR_LIT("/v1/health/service/none?index=10&wait=1s"), STR_NONE);
    assert_false(api_is_parked(c));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, open_world, close_world)
UNIT_MAIN(TEST(shapes), TEST(refusals), TEST(blocking))
