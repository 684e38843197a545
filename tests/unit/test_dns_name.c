/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <libknot/dname.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "dns/dns_name.h"

struct row {
    const char *question;
    bool is_srv;
    enum dns_name_kind kind;
    const char *name, *tag, *datacenter, *ip;
};

/* clang-format off */
static const struct row rows[] = {
    {"web.service.consul.",               false, DNS_NAME_SERVICE, "web", "", "", ""},
    {"WEB.Service.Consul.",               false, DNS_NAME_SERVICE, "web", "", "", ""},
    {"web.service.dc1.consul.",           false, DNS_NAME_SERVICE, "web", "", "dc1", ""},
    {"web.service.alt.test.",             false, DNS_NAME_SERVICE, "web", "", "", ""},
    {"v1.web.service.consul.",            false, DNS_NAME_SERVICE, "web", "v1", "", ""},
    {"a.b.c.dotted.service.dc1.consul.",  false, DNS_NAME_SERVICE, "dotted", "a.b.c", "dc1", ""},
    {"_web._tcp.service.consul.",         true,  DNS_NAME_SERVICE, "web", "", "", ""},
    {"_web._v1.service.dc1.consul.",      false, DNS_NAME_SERVICE, "web", "v1", "dc1", ""},
    {"_web._tcp.consul.",                 true,  DNS_NAME_SERVICE, "web", "", "", ""},
    {"_web._tcp.dc1.consul.",             true,  DNS_NAME_SERVICE, "web", "", "dc1", ""},
    {"_web._tcp.consul.",                 false, DNS_NAME_INVALID, "", "", "", ""},
    {"_x.consul.",                        true,  DNS_NAME_SERVICE, "_x", "", "", ""},
    {"_x._y.z.service.consul.",           true,  DNS_NAME_SERVICE, "z", "_x._y", "", ""},
    {"_._y.service.consul.",              true,  DNS_NAME_INVALID, "", "", "", ""},
    {"service.consul.",                   false, DNS_NAME_INVALID, "", "", "", ""},
    {"service.service.consul.",           false, DNS_NAME_SERVICE, "service", "", "", ""},
    {"web.service.dc1.extra.consul.",     false, DNS_NAME_INVALID, "", "", "", ""},
    {"web.service.node.consul.",          false, DNS_NAME_NODE,    "web.service", "", "", ""},
    {"node1.node.service.consul.",        false, DNS_NAME_SERVICE, "node", "node1", "", ""},
    {"web.connect.consul.",               false, DNS_NAME_CONNECT, "web", "", "", ""},
    {"web.ingress.dc2.consul.",           false, DNS_NAME_INGRESS, "web", "", "dc2", ""},
    {"n1.node.consul.",                   false, DNS_NAME_NODE,    "n1", "", "", ""},
    {"n.dotted.node.dc1.consul.",         false, DNS_NAME_NODE,    "n.dotted", "", "dc1", ""},
    {"node.consul.",                      false, DNS_NAME_INVALID, "", "", "", ""},
    {"n1.node.dc1.x.consul.",             false, DNS_NAME_INVALID, "", "", "", ""},
    {"with.dots.query.consul.",           false, DNS_NAME_QUERY,   "with.dots", "", "", ""},
    {"0a000001.addr.consul.",             false, DNS_NAME_ADDR,    "", "", "", "0a000001"},
    {"C0A80101.addr.a.b.c.consul.",       false, DNS_NAME_ADDR,    "", "", "", "c0a80101"},
    {"20010db8000000000000000000000001.addr.dc1.consul.", false, DNS_NAME_ADDR, "", "", "",
     "20010db8000000000000000000000001"},
    {"0a0000.addr.consul.",               false, DNS_NAME_ADDR,    "", "", "", ""},
    {"0a0000011.addr.consul.",            false, DNS_NAME_INVALID, "", "", "", ""},
    {"zz000001.addr.consul.",             false, DNS_NAME_INVALID, "", "", "", ""},
    {"x.0a000001.addr.consul.",           false, DNS_NAME_INVALID, "", "", "", ""},
    {"addr.consul.",                      false, DNS_NAME_INVALID, "", "", "", ""},
    {"consul.",                           false, DNS_NAME_INVALID, "", "", "", ""},
    {"foo.consul.",                       false, DNS_NAME_INVALID, "", "", "", ""},
    {"www.example.com.",                  false, DNS_NAME_OUTSIDE, "", "", "", ""},
    {"notconsul.",                        false, DNS_NAME_OUTSIDE, "", "", "", ""},
    {"example.consul.net.",               false, DNS_NAME_OUTSIDE, "", "", "", ""},
    {".",                                 false, DNS_NAME_OUTSIDE, "", "", "", ""},
    {"a\\.b.service.consul.",             false, DNS_NAME_INVALID, "", "", "", ""},
    {"1.0.105.10.in-addr.arpa.",          false, DNS_NAME_REVERSE, "", "", "", "0a690001"},
    {"1.0.105.10.IN-ADDR.ARPA.",          false, DNS_NAME_REVERSE, "", "", "", "0a690001"},
    {"01.0.105.10.in-addr.arpa.",         false, DNS_NAME_REVERSE, "", "", "", ""},
    {"256.0.105.10.in-addr.arpa.",        false, DNS_NAME_REVERSE, "", "", "", ""},
    {"0.105.10.in-addr.arpa.",            false, DNS_NAME_REVERSE, "", "", "", ""},
    {"9.1.0.105.10.in-addr.arpa.",        false, DNS_NAME_REVERSE, "", "", "", ""},
    {"arpa.",                             false, DNS_NAME_REVERSE, "", "", "", ""},
    {"1.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", false,
     DNS_NAME_REVERSE, "", "", "", "20010db8000000000000000000010001"},
    {"g.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", false,
     DNS_NAME_REVERSE, "", "", "", ""},
};
/* clang-format on */

static void name_of(const char *text, knot_dname_storage_t dst)
{
    assert_non_null(knot_dname_from_str(dst, text, sizeof(knot_dname_storage_t)));
    knot_dname_to_lower(dst);
}

static bool is_text(struct str got, const char *want)
{
    return str_eq(got, str_z(want));
}

static void parse(const char *question, bool is_srv, struct dns_name *ret)
{
    static const uint8_t *const zones[] = {(const uint8_t *)"\6consul",
                                           (const uint8_t *)"\3alt\4test"};
    knot_dname_storage_t name;
    name_of(question, name);
    dns_name_parse(name, zones, 2, is_srv, ret);
}

/* Every form of name that Consul knows, and what it refuses, gives the parts it should. */
static void table_test(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dns_name n;
        char ip[33] = "";
        parse(rows[i].question, rows[i].is_srv, &n);
        for (size_t j = 0; j < n.ip_n; j++)
            snprintf(ip + 2 * j, 3, "%02x", n.ip[j]);
        bool is_invalid = n.kind == DNS_NAME_INVALID;
        if (n.kind != rows[i].kind || strcmp(ip, rows[i].ip) != 0 ||
            (!is_invalid && (!is_text(n.name, rows[i].name) || !is_text(n.tag, rows[i].tag) ||
                             !is_text(n.datacenter, rows[i].datacenter))))
            fail_msg("%s: kind %d name '%.*s' tag '%.*s' dc '%.*s' ip '%s'", rows[i].question,
                     n.kind, STR_ARG(n.name), STR_ARG(n.tag), STR_ARG(n.datacenter), ip);
    }
}

/* The longest name the wire allows is parsed without harm. */
static void longest_test(void **state)
{
    (void)state;
    static const uint8_t *const zones[] = {(const uint8_t *)"\6consul"};
    uint8_t name[255];
    struct dns_name n;
    size_t at = 0;
    while (at + 2 <= sizeof(name) - 17) {
        name[at++] = 1;
        name[at++] = 'x';
    }
    memcpy(name + at, "\7service\6consul", 16);
    dns_name_parse(name, zones, 1, false, &n);
    assert_int_equal(n.kind, DNS_NAME_SERVICE);
    assert_int_equal(n.name.n, 1);
    assert_int_equal(n.tag.n, at - 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table_test),
                                       cmocka_unit_test(longest_test)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
