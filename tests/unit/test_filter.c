/* SPDX-License-Identifier: GPL-3.0-or-later */
/* go-bexpr's language: what is taken, and the words for what is not. */
#include "api/filter.h"
#include "tests/lib/unit.h"

struct world {
    struct buf tags, meta;
    struct catalog_node node;
    struct catalog_service service;
    struct health_check checks[2];
    struct filter_item item;
};

static void world_open(struct world *w)
{
    const struct pair meta[] = {{STR_LIT("ver"), STR_LIT("1.2")},
                                {STR_LIT("env"), STR_LIT("prod")}};

    *w = (struct world){0};
    buf_init(&w->tags, 0);
    buf_init(&w->meta, 0);
    pack_array(&w->tags, 2);
    pack_str(&w->tags, STR_LIT("v1"));
    pack_str(&w->tags, STR_LIT("blue"));
    pairs_pack(meta, 2, &w->meta);
    w->node = (struct catalog_node){.name = STR_LIT("f1"), .address = STR_LIT("10.70.0.1")};
    w->service = (struct catalog_service){.id = STR_LIT("w1"),
                                          .name = STR_LIT("web"),
                                          .tags = buf_str(&w->tags),
                                          .meta = {buf_str(&w->meta)},
                                          .port = 80,
                                          .enable_tag_override = true,
                                          .weight_passing = 5};
    w->checks[0] = (struct health_check){.check_id = STR_LIT("a"), .status = STR_LIT("passing")};
    w->checks[1] = (struct health_check){.check_id = STR_LIT("b"), .status = STR_LIT("critical")};
    w->item = (struct filter_item){
        .node = &w->node, .service = &w->service, .checks = w->checks, .check_n = 2};
}

static void world_close(struct world *w)
{
    buf_fini(&w->tags);
    buf_fini(&w->meta);
}

static void takes(void **state)
{
    static const struct {
        const char *text;
        enum filter_kind kind;
        bool want;
    } cases[] = {
        {"", FILTER_NODE, true},
        {"  ", FILTER_NODE, true},
        {"Node == f1", FILTER_NODE, true},
        {"Node==f1", FILTER_NODE, true},
        {"  Node   ==   \"f1\"   ", FILTER_NODE, true},
        {"Node == `f1`", FILTER_NODE, true},
        {"Node != f1", FILTER_NODE, false},
        {"Address == \"10.70.0.1\"", FILTER_NODE, true},
        {"Node == \"f\\x31\"", FILTER_NODE, true},
        {"ServicePort == 80", FILTER_SERVICE_NODE, true},
        {"ServicePort == \"80\"", FILTER_SERVICE_NODE, true},
        {"ServicePort != 81", FILTER_SERVICE_NODE, true},
        {"ServiceEnableTagOverride == true", FILTER_SERVICE_NODE, true},
        {"ServiceMeta.env == prod", FILTER_SERVICE_NODE, true},
        {"ServiceMeta[\"env\"] == prod", FILTER_SERVICE_NODE, true},
        {"ServiceMeta.none == prod", FILTER_SERVICE_NODE, false},
        {"ServiceMeta.none != prod", FILTER_SERVICE_NODE, true},
        {"env in ServiceMeta", FILTER_SERVICE_NODE, true},
        {"env not in ServiceMeta", FILTER_SERVICE_NODE, false},
        {"ServiceMeta contains ver", FILTER_SERVICE_NODE, true},
        {"ServiceWeights.Passing == 5", FILTER_SERVICE_NODE, true},
        {"v1 in ServiceTags", FILTER_SERVICE_NODE, true},
        {"\"v1\" not in ServiceTags", FILTER_SERVICE_NODE, false},
        {"ServiceTags not contains green", FILTER_SERVICE_NODE, true},
        {"ServiceTags is not empty", FILTER_SERVICE_NODE, true},
        {"NodeMeta is empty", FILTER_SERVICE_NODE, true},
        {"\"eb\" in ServiceName", FILTER_SERVICE_NODE, true},
        {"Node matches \"^f[12]$\"", FILTER_NODE, true},
        {"Node not matches \"^f[12]$\"", FILTER_NODE, false},
        {"Node matches `^f\\d$`", FILTER_NODE, true},
        {"Node matches `(?i)^F(?:1|2)$`", FILTER_NODE, true},
        {"Address matches \"10\\\\.70\\\\.0\\\\.[13]\"", FILTER_NODE, true},
        {"Node == f3 or Node == f1 and Address == x", FILTER_NODE, false},
        {"(Node == f3 or Node == f1) and Address != x", FILTER_NODE, true},
        {"not Node == f1", FILTER_NODE, false},
        {"not not Node == f1", FILTER_NODE, true},
        {"not (Node == f3 or Node == f2)", FILTER_NODE, true},
        {"Service.Tags contains v1 and Checks.Status == passing", FILTER_HEALTH, true},
        {"Checks.Status != passing", FILTER_HEALTH, true}, /* any of them differs */
        {"Checks is empty", FILTER_HEALTH, false},
        {"Service.ID in Service.Tags", FILTER_HEALTH, false}, /* the left side is a text */
    };
    struct world w;

    world_open(&w);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct filter *f = NULL;
        struct error err = {0};
        if (filter_new(str_z(cases[i].text), cases[i].kind, &f, &err) < 0)
            fail_msg("%s: %s", cases[i].text, err.text);
        if (filter_takes(f, &w.item) != cases[i].want)
            fail_msg("%s: wanted %d", cases[i].text, cases[i].want);
        filter_free(f);
    }
    world_close(&w);
}

static void refuses(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"Bogus == 1", "Selector \"Bogus\" is not valid"},
        {"NODE == f1", "Selector \"NODE\" is not valid"},
        {"Node.Foo == 1", "Selector \"Node.Foo\" is not valid"},
        {"ServiceMeta.env.deeper == 1", "Selector \"ServiceMeta.env.deeper\" is not valid"},
        {"(Node == f1", "1:12 (11): rule \"grouping\": Unmatched parentheses"},
        {"Node == \"unterminated", "1:22 (21): rule \"string\": Unterminated string literal"},
        {"Node", "1:5 (4): no match found, expected: \"!=\", \".\", \"==\", \"[\", [ \\t\\r\\n] or "
                 "[a-zA-Z0-9_]"},
        {"Node = f1", "1:6 (5): no match found, expected: \"!=\", \"==\", \"contains\", \"in\", "
                      "\"is\", \"matches\", \"not\" or [ \\t\\r\\n]"},
        {"Node ==", "1:8 (7): no match found, expected: \"-\", \"0\", \"\\\"\", \"`\", [ "
                    "\\t\\r\\n], [1-9] or [a-zA-Z]"},
        {"Node == f1 xor Node == f2",
         "1:12 (11): no match found, expected: \"and\", \"or\", [ \\t\\r\\n] or EOF"},
        {"ServicePort == abc",
         "Failed to coerce value \"abc\" for selector \"ServicePort\": strconv.ParseInt: parsing "
         "\"abc\": invalid syntax"},
        {"ServiceEnableTagOverride == maybe",
         "Failed to coerce value \"maybe\" for selector \"ServiceEnableTagOverride\": "
         "strconv.ParseBool: parsing \"maybe\": invalid syntax"},
        {"ServicePort matches \"1\"",
         "Invalid match operator \"Matches\" for selector \"ServicePort\""},
        {"ServiceName is empty",
         "Invalid match operator \"Is Empty\" for selector \"ServiceName\""},
        {"ServiceTags == v1", "Invalid match operator \"Equal\" for selector \"ServiceTags\""},
        {"v1 in ServicePort", "Invalid match operator \"In\" for selector \"ServicePort\""},
        {"Node matches `(a)\\1`",
         "Failed to compile regular expression \"(a)\\1\": error parsing regexp: invalid escape "
         "sequence: `\\1`"},
        {"Node matches `((a{100}){100}){100}`",
         "Failed to compile regular expression \"((a{100}){100}){100}\": error parsing regexp: "
         "invalid repeat count"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct filter *f = NULL;
        struct error err = {0};
        assert_int_equal(filter_new(str_z(cases[i].text), FILTER_SERVICE_NODE, &f, &err),
                         ERR_INVALID);
        assert_string_equal(err.text, cases[i].want);
    }
}

/* What is nested, long or many beyond the bounds is refused before it costs anything. */
static void bounds(void **state)
{
    char text[FILTER_SIZE_MAX + 16];
    struct filter *f = NULL;
    struct error err = {0};

    memset(text, '(', FILTER_DEPTH_MAX + 2);
    text[FILTER_DEPTH_MAX + 2] = '\0';
    assert_int_equal(filter_new(str_z(text), FILTER_NODE, &f, &err), ERR_INVALID);
    assert_string_equal(err.text, "1:65 (64): nested too deeply");
    memset(text, ' ', sizeof text);
    text[0] = 'x';
    assert_int_equal(filter_new(str_make(text, sizeof text), FILTER_NODE, &f, &err), ERR_INVALID);
    assert_string_equal(err.text, "longer than 8192 bytes");
    struct buf many;
    buf_init(&many, 0);
    for (int i = 0; i <= FILTER_MATCHES_MAX; i++)
        buf_put_z(&many, i ? " or Node==a" : "Node==a");
    assert_int_equal(filter_new(buf_str(&many), FILTER_NODE, &f, &err), ERR_INVALID);
    buf_fini(&many);
}

UNIT_MAIN(UNIT(takes), UNIT(refuses), UNIT(bounds))
