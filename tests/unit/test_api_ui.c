/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page for browsers is there when it was asked for, and only then. */
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
    assert_true(api_world_header(w.call, "Content-Security-Policy").n > 0);
    ask("/ui/none", 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without, open_world, close_world),
        cmocka_unit_test_setup_teardown(with, open_world, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
