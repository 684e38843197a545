/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addr.h"
#include "tests/lib/unit.h"

/* Texts of addresses with and without port, and what they are written as. */
static void test_parse_port(void **state)
{
    static const struct {
        const char *text;
        uint16_t port_default;
        const char *want; /* NULL: refused */
    } cases[] = {
        {"1.2.3.4:80", 0, "1.2.3.4:80"},
        {"1.2.3.4", 8500, "1.2.3.4:8500"},
        {"1.2.3.4", 0, NULL},
        {"[::1]:53", 0, "[::1]:53"},
        {"[::1]", 53, "[::1]:53"},
        {"::1", 53, "[::1]:53"},
        {"fe80::1:2:3", 9, "[fe80::1:2:3]:9"},
        {"1.2.3.4:", 1, NULL},
        {"1.2.3.4:65535", 1, "1.2.3.4:65535"},
        {"1.2.3.4:65536", 1, NULL},
        {"1.2.3.4:-1", 1, NULL},
        {"1.2.3.4:000080", 1, NULL},
        {"1.2.3:80", 1, NULL},
        {"01.2.3.4:80", 1, NULL},
        {"[1.2.3.4]:80", 1, NULL},
        {"[]:80", 1, NULL},
        {"[::1:80", 1, NULL},
        {"host:80", 1, NULL},
        {"", 1, NULL},
        {":", 1, NULL},
        {":80", 1, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct addr a;
        char text[ADDR_TEXT_MAX];
        int r = addr_parse_port(str_z(cases[i].text), cases[i].port_default, &a);

        assert_int_equal(r, cases[i].want ? 0 : ERR_INVALID);
        if (r)
            continue;
        addr_format(&a, text);
        assert_string_equal(text, cases[i].want);
    }
}

/* A NUL does not end a text, and what is too long is refused. */
static void test_parse_bytes(void **state)
{
    struct addr a;

    (void)state;
    assert_int_equal(addr_parse(STR_LIT("1.2.3.4\0"), 1, &a), ERR_INVALID);
    assert_int_equal(
        addr_parse(STR_LIT("1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111"), 1, &a),
        ERR_INVALID);
    assert_int_equal(addr_parse_port(STR_LIT("1.2.3.4:80\0"), 1, &a), ERR_INVALID);
}

/* The kinds of addresses are told apart. */
static void test_kinds(void **state)
{
    struct addr v4, v6, any;
    char ip[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(addr_parse(STR_LIT("127.3.2.1"), 7, &v4), 0);
    assert_int_equal(addr_parse(STR_LIT("::1"), 7, &v6), 0);
    assert_true(addr_is_v4(&v4) && addr_is_loopback(&v4) && !addr_is_any(&v4));
    assert_true(!addr_is_v4(&v6) && addr_is_loopback(&v6) && !addr_is_any(&v6));
    assert_int_equal(addr_size(&v4), sizeof(struct sockaddr_in));
    assert_int_equal(addr_size(&v6), sizeof(struct sockaddr_in6));
    assert_false(addr_eq(&v4, &v6));
    any = v4;
    assert_true(addr_eq(&v4, &any));
    addr_set_port(&any, 8);
    assert_int_equal(addr_port(&any), 8);
    assert_false(addr_eq(&v4, &any));
    assert_int_equal(addr_parse(STR_LIT("::"), 0, &any), 0);
    assert_true(addr_is_any(&any));
    assert_int_equal(addr_parse(STR_LIT("0.0.0.0"), 0, &any), 0);
    assert_true(addr_is_any(&any));
    addr_guess_private(&any);
    assert_false(addr_is_any(&any));
    addr_format_ip(&any, ip);
    assert_int_equal(addr_parse(str_z(ip), 0, &v4), 0);
    assert_true(addr_eq(&v4, &any));
}

UNIT_MAIN(UNIT(test_parse_port), UNIT(test_parse_bytes), UNIT(test_kinds))
