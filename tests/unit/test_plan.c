/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Watches: what a definition may say, what is asked for it, and which answers are news. */
#include "plan/plan_answer.h"
#include "tests/lib/unit.h"

/* Each type asks its question; a definition that makes no sense is refused in Consul's words. */
static void definitions(void **state)
{
    static const struct {
        const char *json, *wanted;
    } cases[] = {
        {"{\"type\":\"key\",\"key\":\"a b/c\"}", "/v1/kv/a%20b/c?index=7"},
        {"{\"type\":\"keyprefix\",\"prefix\":\"a/\",\"stale\":true}",
         "/v1/kv/a/?recurse&stale&index=7"},
        {"{\"type\":\"services\",\"datacenter\":\"dc2\"}", "/v1/catalog/services?dc=dc2&index=7"},
        {"{\"type\":\"nodes\"}", "/v1/catalog/nodes?index=7"},
        {"{\"type\":\"service\",\"service\":\"w\",\"tag\":\"x\"}",
         "/v1/health/service/w?tag=x&index=7"},
        {"{\"type\":\"service\",\"service\":\"w\",\"tag\":[\"x\",\"y\"],\"passingonly\":true}",
         "/v1/health/service/w?tag=x&tag=y&passing=1&index=7"},
        {"{\"type\":\"checks\"}", "/v1/health/state/any?index=7"},
        {"{\"type\":\"checks\",\"state\":\"critical\"}", "/v1/health/state/critical?index=7"},
        {"{\"type\":\"checks\",\"service\":\"w\"}", "/v1/health/checks/w?index=7"},
        {"{\"type\":\"event\",\"name\":\"e f\"}", "/v1/event/list?name=e%20f&index=7"},
        {"{}", "Watch type must be specified"},
        {"[]", "a watch is an object"},
        {"{\"type\":3}", "Expecting type to be a string"},
        {"{\"type\":\"bogus\"}", "Unsupported watch type: bogus"},
        {"{\"type\":\"connect_roots\"}", "Unsupported watch type: connect_roots"},
        {"{\"type\":\"key\"}", "Must specify a single key to watch"},
        {"{\"type\":\"keyprefix\"}", "Must specify a single prefix to watch"},
        {"{\"type\":\"service\"}", "Must specify a single service to watch"},
        {"{\"type\":\"checks\",\"service\":\"w\",\"state\":\"any\"}",
         "Cannot specify service and state"},
        {"{\"type\":\"nodes\",\"key\":\"a\"}", "Invalid parameters: [key]"},
        {"{\"type\":\"nodes\",\"what\":1}", "Invalid parameters: [what]"},
        {"{\"type\":\"key\",\"key\":1}", "Expecting key to be a string"},
        {"{\"type\":\"nodes\",\"stale\":\"yes\"}", "Expecting stale to be a boolean"},
        {"{\"type\":\"nodes\",\"args\":[1]}", "Expecting args to be a list of strings"},
        {"{\"type\":\"nodes\",\"args\":{}}", "Expecting args to be a string or []string"},
        {"{\"type\":\"nodes\",\"args\":[\"a\"],\"handler\":\"b\"}",
         "Only one of handler or args is allowed"},
        {"{\"type\":\"nodes\",\"handler_type\":\"mail\"}", "Handler type 'mail' not recognized"},
        {"{\"type\":\"nodes\",\"handler_type\":\"http\"}",
         "Handler type 'http' requires 'http_handler_config' to be set"},
        {"{\"type\":\"nodes\",\"handler_type\":\"http\",\"http_handler_config\":{}}",
         "Requires 'path' to be set"},
        {"{\"type\":\"nodes\",\"handler_type\":\"http\",\"http_handler_config\":{\"paths\":\"x\"}}",
         "http_handler_config: invalid keys: paths"},
        {"{\"type\":\"nodes\",\"handler_type\":\"http\",\"http_handler_config\":{\"path\":\"x\","
         "\"timeout\":\"soon\"}}",
         "Failed to parse 'http_handler_config'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct plan p;
        struct error err = {0};
        struct buf url;
        buf_init(&url, 0);
        if (plan_parse(str_z(cases[i].json), &p, &err) == 0) {
            plan_url(&p, 7, &url);
            plan_fini(&p);
        } else {
            buf_put_z(&url, err.text);
        }
        assert_string_equal(buf_z(&url), cases[i].wanted);
        buf_fini(&url);
    }
}

/* The three kinds of handlers, and what HTTP's has when nothing is said. */
static void handlers(void **state)
{
    struct plan p;
    struct error err = {0};
    (void)state;
    assert_int_equal(plan_parse(STR_LIT("{\"type\":\"nodes\",\"args\":[\"a\",\"b c\"]}"), &p, &err),
                     0);
    assert_int_equal(p.handler, PLAN_HANDLER_ARGS);
    assert_true(p.arg_n == 2 && str_eq_z(p.args[1], "b c"));
    plan_fini(&p);
    assert_int_equal(plan_parse(STR_LIT("{\"type\":\"nodes\",\"handler\":\"a b\"}"), &p, &err), 0);
    assert_int_equal(p.handler, PLAN_HANDLER_SHELL);
    plan_fini(&p);
    assert_int_equal(plan_parse(STR_LIT("{\"type\":\"nodes\"}"), &p, &err), 0);
    assert_int_equal(p.handler, PLAN_HANDLER_NONE);
    plan_fini(&p);
    assert_int_equal(
        plan_parse(
            STR_LIT("{\"type\":\"nodes\",\"handler_type\":\"http\",\"http_handler_config\":{"
                    "\"path\":\"http://h/\",\"header\":{\"A\":[\"1\",\"2\"],\"B\":[\"3\"]}}}"),
            &p, &err),
        0);
    assert_int_equal(p.handler, PLAN_HANDLER_HTTP);
    assert_true(str_eq_z(p.method, "POST") && p.timeout.ns == DURATION_S(10).ns && !p.skip_verify);
    assert_true(p.header_n == 3 && str_eq_z(p.headers[1].value, "2"));
    plan_fini(&p);
}

/* Pauses double from a second to a minute. */
static void backoff(void **state)
{
    static const int wanted[] = {1, 2, 4, 8, 16, 32, 60, 60};
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        assert_true(plan_backoff(i + 1).ns == DURATION_S(wanted[i]).ns);
    assert_true(plan_backoff(1000000).ns == DURATION_S(60).ns);
}

/* A handler is told what is new, once: not an answer that says the same, whatever its index; an
 * index that goes backwards is asked anew; an answer that cannot be read changes nothing. */
static void news(void **state)
{
    static const struct {
        const char *type;
        int status;
        uint64_t index;
        const char *body;
        int wanted;
        uint64_t wanted_index;
        const char *told;
    } cases[] = {
        {"key", 404, 5, "", 1, 5, "null"},
        {"key", 404, 9, "", 0, 9, NULL},
        {"key", 200, 10,
         "[{\"LockIndex\":0,\"Key\":\"k\",\"Flags\":18446744073709551615,\"Value\":\"dg==\","
         "\"CreateIndex\":10,\"ModifyIndex\":10}]",
         1, 10,
         "{\"Key\":\"k\",\"CreateIndex\":10,\"ModifyIndex\":10,\"LockIndex\":0,\"Flags\":"
         "18446744073709551615,"
         "\"Value\":\"dg==\",\"Session\":\"\"}"},
        {"key", 200, 11, "not JSON", ERR_INVALID, 10, NULL},
        {"key", 404, 12, "", 1, 12, "null"},
        {"services", 200, 5, "{\"a\":[]}", 1, 5, "{\"a\":[]}"},
        {"services", 200, 7, "{\"a\":[]}", 0, 7, NULL},
        {"services", 200, 3, "{\"a\":[]}", 0, 0, NULL},
        {"services", 200, 3, "{\"a\":[\"x\"]}", 1, 3, "{\"a\":[\"x\"]}"},
        {"event", 200, 99, "[]", 1, 99, "[]"},
        {"event", 200, 98, "[{\"ID\":\"1\"},{\"ID\":\"2\"}]", 1, 98,
         "[{\"ID\":\"1\"},{\"ID\":\"2\"}]"},
        {"event", 200, 98, "[{\"ID\":\"1\"},{\"ID\":\"2\"}]", 0, 98, NULL},
        {"event", 200, 50, "[{\"ID\":\"2\"},{\"ID\":\"3\"}]", 1, 50, "[{\"ID\":\"3\"}]"},
    };
    struct plan p = {0};
    struct plan_answer a;
    struct error err = {0};
    const char *type = "";
    (void)state;
    plan_answer_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (strcmp(cases[i].type, type) != 0) {
            struct buf json;
            type = cases[i].type;
            buf_init(&json, 0);
            buf_putf(&json, "{\"type\":\"%s\"%s}", type,
                     strcmp(type, "key") == 0 ? ",\"key\":\"k\"" : "");
            plan_fini(&p);
            assert_int_equal(plan_parse(buf_str(&json), &p, &err), 0);
            buf_fini(&json);
            plan_answer_fini(&a);
            plan_answer_init(&a);
        }
        assert_int_equal(
            plan_answer_take(&a, &p, cases[i].status, cases[i].index, str_z(cases[i].body)),
            cases[i].wanted);
        assert_true(a.index == cases[i].wanted_index);
        if (cases[i].told)
            assert_string_equal(buf_z(&a.told), cases[i].told);
    }
    plan_answer_fini(&a);
    plan_fini(&p);
}

UNIT_MAIN(UNIT(definitions), UNIT(handlers), UNIT(backoff), UNIT(news))
