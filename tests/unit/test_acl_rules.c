/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "acl/acl_rules.h"
#include "tests/lib/unit.h"

static void check(const char *text, const char *wanted)
{
    struct acl_rules rules = {0};
    struct error err = {0};
    struct buf got;

    buf_init(&got, 0);
    if (acl_rules_parse(str_z(text), &rules, &err))
        buf_putf(&got, "error: %s", err.text);
    else
        for (size_t i = 0; i < rules.n; i++)
            buf_putf(&got, "%s%s%s \"%.*s\" %s", i ? ", " : "",
                     acl_resource_name(rules.list[i].resource),
                     rules.list[i].is_prefix ? "_prefix" : "", STR_ARG(rules.list[i].name),
                     acl_access_name(rules.list[i].access));
    assert_str(buf_str(&got), str_z(wanted));
    buf_fini(&got);
    acl_rules_fini(&rules);
}

static void test_hcl(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {" \n# nothing\n// at all\n/* yet */", ""},
        {"key_prefix \"\" { policy = \"read\" }", "key_prefix \"\" read"},
        {"key \"a\" {\n  policy = \"deny\"\n}\nkey_prefix \"b/\" { policy = \"list\" }",
         "key \"a\" deny, key_prefix \"b/\" list"},
        {"node \"\" {policy=\"read\"}", "node \"\" read"},
        {"operator = \"read\" keyring=\"write\", acl = \"deny\"",
         "operator_prefix \"\" read, keyring_prefix \"\" write, acl_prefix \"\" deny"},
        {"\"service\" \"w\" { \"policy\" = \"write\", intentions = \"read\" }",
         "service \"w\" write"},
        {"unknownthing \"\" { policy = \"read\" } mesh = \"write\"", ""},
        {"key \"a\\\"\\u00e9\\n\" { policy = \"read\" }", "key \"a\"\xc3\xa9\n\" read"},
        {"agent_prefix \"\" { policy = \"read\" } event \"e\" { policy = \"write\" } "
         "query_prefix \"q-\" { policy = \"write\" } session \"n\" { policy = \"write\" }",
         "agent_prefix \"\" read, event \"e\" write, query_prefix \"q-\" write, "
         "session \"n\" write"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check(cases[i][0], cases[i][1]);
}

static void test_json(void **state)
{
    (void)state;
    check("{\"key_prefix\": {\"\": {\"policy\": \"read\"}, \"a\": {\"policy\": \"write\"}}, "
          "\"operator\": \"read\"}",
          "key_prefix \"\" read, key_prefix \"a\" write, operator_prefix \"\" read");
    check(" {\"unknown\": 7}", "");
    check("{\"key\": \"read\"}", "error: Failed to parse ACL rules: key needs a name: "
                                 "write it as a block");
    check("{\"key\": 1}", "error: Failed to parse ACL rules: key is not an object");
    check("{\"key\": {\"a\": 1}}",
          "error: Failed to parse ACL rules: key \"a\" is not an object with a policy");
}

static void test_errors(void **state)
{
    static const char *const cases[][2] = {
        {"garbage", "Failed to parse ACL rules: At 1:8: key 'garbage' expected start of object "
                    "('{') or assignment ('=')"},
        {"key \"\" { policy = \"bogus\" }", "Invalid key policy: key \"\": \"bogus\""},
        {"service \"\" { policy = \"list\" }", "Invalid service policy: service \"\": \"list\""},
        {"operator \"x\" { policy = \"read\" }",
         "Failed to parse ACL rules: operator has no names: write it as an attribute"},
        {"key = \"read\"", "Failed to parse ACL rules: key needs a name: write it as a block"},
        {"key \"a\" {\n policy \"read\" }",
         "Failed to parse ACL rules: At 2:9: expected assignment ('=')"},
        {"key \"a\" { policy = }",
         "Failed to parse ACL rules: At 1:20: expected a value: a text in quotes"},
        {"key \"a\" { policy = \"read\"",
         "Failed to parse ACL rules: At 1:26: object expected closing RBRACE"},
        {"key \"a { policy = \"read\" }",
         "Failed to parse ACL rules: At 1:20: key 'key' expected start of object ('{') or "
         "assignment ('=')"},
        {"/* x", "Failed to parse ACL rules: At 1:5: illegal character, or a text or comment "
                 "without an end"},
        {"key \"\\q\" {}", "Failed to parse ACL rules: At 1:5: key 'key' expected start of object "
                           "('{') or assignment ('=')"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf wanted;

        buf_init(&wanted, 0);
        buf_putf(&wanted, "error: %s", cases[i][1]);
        check(cases[i][0], buf_z(&wanted));
        buf_fini(&wanted);
    }
}

static void test_bounds(void **state)
{
    struct acl_rules rules = {0};
    struct error err = {0};
    struct buf text;

    (void)state;
    buf_init(&text, 0);
    for (int i = 0; i <= ACL_RULES_MAX; i++)
        buf_putf(&text, "key \"%d\" { policy = \"read\" }\n", i);
    assert_int_equal(acl_rules_parse(buf_str(&text), &rules, &err), ERR_TOO_LARGE);
    assert_int_equal(rules.n, ACL_RULES_MAX);
    acl_rules_fini(&rules);
    buf_clear(&text);
    while (text.n <= ACL_RULES_SIZE_MAX)
        buf_put_z(&text, "# a comment\n");
    assert_int_equal(acl_rules_parse(buf_str(&text), &rules, &err), ERR_TOO_LARGE);
    acl_rules_fini(&rules);
    buf_fini(&text);
}

UNIT_MAIN(UNIT(test_hcl), UNIT(test_json), UNIT(test_errors), UNIT(test_bounds))
