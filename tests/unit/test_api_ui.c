/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page for browsers is there when it was asked for, and only then. */
#include <stdio.h>

#include "api/ui_file.h"
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

static struct str ask(const char *target, int status)
{
    struct api_call *c = api_world_ask(&w, "GET", str_z(target), STR_NONE);

    assert_int_equal(c->reply.status, status);
    return buf_str(&c->reply.body);
}

static void without(void **state)
{
    assert_str(ask("/", 200), STR_LIT("Consul Agent"));
    ask("/ui/", 404);
}

static void with(void **state)
{
    w.config->ui = true;
    ask("/?x=1", 301);
    assert_str(api_world_header(w.call, "Location"), STR_LIT("/ui/"));
    ask("/ui", 301);
    assert_true(str_has_prefix(ask("/ui/", 200), STR_LIT("<!DOCTYPE html>")));
    assert_str(api_world_header(w.call, "Content-Type"), STR_LIT("text/html; charset=utf-8"));
    assert_true(str_search(api_world_header(w.call, "Content-Security-Policy"),
                           STR_LIT("script-src 'self';")) > 0);
    assert_true(api_world_header(w.call, "ETag").n > 0);
    w.config->response_headers =
        (struct config_pairs){.names = (char *[]){"x-frame-options", "X-Own"},
                              .values = (char *[]){"SAMEORIGIN", "1"},
                              .n = 2};
    ask("/ui/main.js", 200);
    assert_str(api_world_header(w.call, "x-frame-options"), STR_LIT("SAMEORIGIN"));
    assert_str(api_world_header(w.call, "X-Frame-Options"), STR_NONE);
    assert_str(api_world_header(w.call, "X-Own"), STR_LIT("1"));
    ask("/ui/none", 404);
    ask("/ui/index.html", 404); /* one name for one thing */
    api_world_ask(&w, "POST", STR_LIT("/ui/"), STR_NONE);
    assert_int_equal(w.call->reply.status, 405);
}

/* Everything the page names is there, and all of it together stays small. */
static void all_files(void **state)
{
    static const struct str type = {"text/javascript; charset=utf-8", 30};
    size_t size = 0;

    w.config->ui = true;
    for (int i = 0; i < ui_file_table_n; i++) {
        char target[64];

        snprintf(target, sizeof target, "/ui/%s", ui_file_table[i].name);
        size += ask(target, 200).n;
        if (str_has_suffix(str_z(target), STR_LIT(".js")))
            assert_str(api_world_header(w.call, "Content-Type"), type);
        assert_true(ui_file_table[i].gzip_size < ui_file_table[i].plain_size);
    }
    assert_in_range(size, 10000, 200 * 1024);
}

static void elsewhere(void **state)
{
    static char *const paths[] = {"/panel/", "panel", "/panel"};

    w.config->ui_older = true; /* the older name of the option */
    for (size_t i = 0; i < 3; i++) {
        w.config->ui_content_path = paths[i];
        ask("/", 301);
        assert_str(api_world_header(w.call, "Location"), STR_LIT("/panel/"));
        ask("/panel", 301);
        ask("/panel/main.js", 200);
        ask("/ui/", 404);
    }
    w.config->ui_content_path = "/";
    assert_true(str_has_prefix(ask("/", 200), STR_LIT("<!DOCTYPE html>")));
    ask("/main.js", 200);
    ask("/v1/status/leader", 200);
}

/* An instance is as well as the worst of its checks, and those of its node count for it. */
static void the_list(void **state)
{
    static const char *const registers[] = {
        "{\"Node\":\"n1\",\"Address\":\"1.1.1.1\","
        "\"Service\":{\"Service\":\"web\",\"Tags\":[\"b\",\"a\"]},"
        "\"Checks\":[{\"CheckID\":\"c1\",\"ServiceID\":\"web\",\"Status\":\"warning\"},"
        "{\"CheckID\":\"c2\",\"Status\":\"passing\"}]}",
        "{\"Node\":\"n1\",\"Address\":\"1.1.1.1\",\"Service\":{\"ID\":\"w2\",\"Service\":\"web\"}}",
        "{\"Node\":\"n2\",\"Address\":\"1.1.1.2\",\"Service\":{\"Service\":\"web\"},"
        "\"Check\":{\"CheckID\":\"serf\",\"Status\":\"critical\"}}"};

    assert_str(ask("/v1/internal/ui/services", 200), STR_LIT("[]"));
    for (size_t i = 0; i < 3; i++) {
        api_world_ask(&w, "PUT", STR_LIT("/v1/catalog/register"), str_z(registers[i]));
        assert_int_equal(w.call->reply.status, 200);
    }
    assert_str(ask("/v1/internal/ui/services", 200),
               STR_LIT("[{\"Name\":\"web\",\"Datacenter\":\"dc1\",\"Tags\":[\"a\",\"b\"],"
                       "\"Nodes\":[\"n1\",\"n2\"],\"InstanceCount\":3,\"ChecksPassing\":2,"
                       "\"ChecksWarning\":1,\"ChecksCritical\":1,\"InstancesPassing\":1,"
                       "\"InstancesWarning\":1,\"InstancesCritical\":1}]"));
    api_world_ask(&w, "GET", STR_LIT("/v1/internal/ui/services?index=100&wait=1s"), STR_NONE);
    assert_true(api_is_parked(w.call));
    world_register(&w.world, "n1", NULL, "c2", "critical");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without, open_world, close_world),
        cmocka_unit_test_setup_teardown(with, open_world, close_world),
        cmocka_unit_test_setup_teardown(all_files, open_world, close_world),
        cmocka_unit_test_setup_teardown(elsewhere, open_world, close_world),
        cmocka_unit_test_setup_teardown(the_list, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
