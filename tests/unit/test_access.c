/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/access.h"

/* Controls, formats and odd spaces are refused; other characters and stray bytes are not. */
static void printable(void **state)
{
    assert_true(access_path_is_printable(STR_LIT("/v1/kv/a b/\xc3\xa9t\xc3\xa9/\xf0\x9f\x98\x80")));
    assert_true(access_path_is_printable(STR_LIT("/v1/kv/\xff\xfe\x80")));
    assert_false(access_path_is_printable(STR_LIT("/a\0b")));
    assert_false(access_path_is_printable(STR_LIT("/a\nb")));
    assert_false(access_path_is_printable(STR_LIT("/\x7f")));
    assert_false(access_path_is_printable(STR_LIT("/\xc2\x80")));
    assert_false(access_path_is_printable(STR_LIT("/\xe2\x80\x8b")));
    assert_false(access_path_is_printable(STR_LIT("/\xe3\x80\x80")));
}

static bool within(const char *network, const char *ip)
{
    struct addr a;

    assert_int_equal(addr_parse(str_z(ip), 0, &a), 0);
    return access_is_within(str_z(network), &a);
}

static void networks(void **state)
{
    assert_true(within("10.0.0.0/8", "10.255.1.2"));
    assert_false(within("10.0.0.0/8", "11.0.0.1"));
    assert_true(within("127.0.0.1/32", "127.0.0.1"));
    assert_false(within("127.0.0.1/32", "127.0.0.2"));
    assert_true(within("127.0.0.1", "127.0.0.1"));
    assert_true(within("0.0.0.0/0", "8.8.8.8"));
    assert_true(within("192.168.128.0/17", "192.168.200.1"));
    assert_false(within("192.168.128.0/17", "192.168.100.1"));
    assert_true(within("fd00::/8", "fd12::1"));
    assert_false(within("fd00::/8", "10.0.0.1"));
    assert_false(within("10.0.0.0/33", "10.0.0.1"));
    assert_false(within("nonsense", "10.0.0.1"));
}

/* Endpoints are blocked by prefix; writes are free unless networks are named. */
static void configured(void **state)
{
    char *blocked[] = {"/v1/agent/self"}, *networks_[] = {"10.0.0.0/8"};
    struct config c = {0};
    struct addr a;

    assert_int_equal(addr_parse(STR_LIT("127.0.0.1"), 0, &a), 0);
    assert_false(access_is_blocked(&c, STR_LIT("/v1/agent/self")));
    assert_true(access_may_write(&c, &a));
    c.block_endpoints = (struct config_list){blocked, 1};
    c.allow_write_http_from = (struct config_list){networks_, 1};
    assert_true(access_is_blocked(&c, STR_LIT("/v1/agent/self")));
    assert_false(access_is_blocked(&c, STR_LIT("/v1/agent/members")));
    assert_false(access_may_write(&c, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable),
        cmocka_unit_test(networks),
        cmocka_unit_test(configured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
