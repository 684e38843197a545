/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/member.h"
#include "tests/lib/unit.h"

struct row {
    const char *tags; /* name=value, separated by blanks */
    enum member_role role;
    const char *version;
};

/* clang-format off */
static const struct row rows[] = {
    {"role=consul dc=dc1 port=8300 vsn=2 build=1.9.8:a1b2c3d4", MEMBER_SERVER, "1.9.8"},
    {"role=consul dc=dc1 port=8300 vsn=2 build=v1.10.0-beta1:x expect=3 nonvoter=1", MEMBER_SERVER, "1.10.0"},
    {"role=node dc=dc1 build=1.9.8: id=x", MEMBER_CLIENT, "1.9.8"},
    {"role=node", MEMBER_CLIENT, ""},
    {"role=consul dc=dc1 vsn=2 build=1.9.8:", MEMBER_OTHER, ""},
    {"role=consul port=8300 vsn=2 build=1.9", MEMBER_OTHER, ""},
    {"role=consul port=8300 vsn=2 build=1..9.8", MEMBER_OTHER, ""},
    {"role=consul port=83000 vsn=2 build=1.9.8", MEMBER_OTHER, ""},
    {"role=consul port=8300 vsn=2 build=1.9.8 expect=many", MEMBER_OTHER, ""},
    {"role=consul port=8300 vsn=2 build=1.9.8 wan_join_port=-1", MEMBER_OTHER, ""},
    {"", MEMBER_OTHER, ""},
};
/* clang-format on */

static size_t read_tags(const char *text, struct pair *tags)
{
    struct str rest = str_z(text);
    size_t n = 0;
    while (rest.p && rest.n) {
        struct str value = str_split(&rest, ' ');
        struct str name = str_split(&value, '=');
        tags[n++] = (struct pair){name, value};
    }
    return n;
}

/* Tags say who is a server, in Consul's way. */
static void roles(void **state)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pair tags[MEMBER_TAGS_MAX];
        struct member m = {.name = STR_LIT("n1"), .tags = tags};
        m.tag_n = read_tags(rows[i].tags, tags);
        assert_int_equal(addr_parse(STR_LIT("10.0.0.1"), 8301, &m.addr), 0);
        member_read_tags(&m);
        assert_int_equal(m.role, rows[i].role);
        assert_string_equal(m.version, m.role == MEMBER_OTHER ? m.version : rows[i].version);
    }
}

/* The rest of what a server's tags tell; and a WAN name without its datacenter. */
static void server_fields(void **state)
{
    struct pair tags[MEMBER_TAGS_MAX];
    struct member m = {.name = STR_LIT("n1.dc2"), .tags = tags};
    m.tag_n = read_tags("role=consul dc=dc2 port=8300 vsn=2 build=1.9.8 expect=3 bootstrap=1 "
                        "wan_join_port=8302 read_replica=1 id=x raft_vsn=3",
                        tags);
    assert_int_equal(addr_parse(STR_LIT("10.0.0.1"), 8301, &m.addr), 0);
    member_read_tags(&m);
    assert_int_equal(m.role, MEMBER_SERVER);
    assert_str(m.short_name, STR_LIT("n1"));
    assert_str(m.id, STR_LIT("x"));
    assert_int_equal(m.expect, 3);
    assert_int_equal(m.wan_join_port, 8302);
    assert_int_equal(addr_port(&m.rpc), 8300);
    assert_true(m.bootstrap);
    assert_true(m.read_replica);
    assert_string_equal(member_status_text(MEMBER_FAILED), "failed");
}

UNIT_MAIN(UNIT(roles), UNIT(server_fields))
