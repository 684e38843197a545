/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What agents say about themselves in gossip, read by the other side; and who is let in. */
#include "agent/config_value.h"
#include "agent/pool_tags.h"
#include "tests/lib/unit.h"

#define ID    "11111111-2222-3333-4444-555555555555"
#define OTHER "22222222-2222-3333-4444-555555555555"

static struct member read_back(const struct config *c, enum pool_kind kind,
                               struct config_value *own, struct pair *tags)
{
    struct member m = {.name = STR_LIT("n1"), .tags = tags};
    *own = (struct config_value){0};
    pool_tags_own(c, ID, kind, &own->pairs);
    assert_true(own->pairs.n <= MEMBER_TAGS_MAX);
    for (size_t i = 0; i < own->pairs.n; i++)
        tags[m.tag_n++] = (struct pair){str_z(own->pairs.names[i]), str_z(own->pairs.values[i])};
    assert_int_equal(addr_parse(STR_LIT("10.0.0.1"), 8301, &m.addr), 0);
    member_read_tags(&m);
    return m;
}

static struct config *config_of(bool server)
{
    struct config *c = config_new();
    c->node_name = "me";
    c->datacenter = "dc1";
    c->server = server;
    c->port_server = 8300;
    c->port_serf_wan = 8302;
    return c;
}

/* Our own words make a server, or a client, of us. */
static void both_roles(void **state)
{
    struct pair tags[MEMBER_TAGS_MAX];
    for (int server = 0; server < 2; server++) {
        struct config *c = config_of(server);
        struct config_value own;
        struct member m = read_back(c, POOL_LAN, &own, tags);
        assert_int_equal(m.role, server ? MEMBER_SERVER : MEMBER_CLIENT);
        assert_str(m.dc, STR_LIT("dc1"));
        assert_str(m.id, STR_LIT(ID));
        assert_true(str_has_suffix(member_tag(&m, "build"), STR_LIT(":disco")));
        assert_int_equal(m.expect, 0);
        assert_false(m.bootstrap || m.read_replica);
        config_value_fini(&own);
        config_free(c);
    }
}

/* What a server expects and is. The WAN port is told in the LAN, for others to join there. */
static void a_server_in_full(void **state)
{
    struct pair tags[MEMBER_TAGS_MAX];
    struct config *c = config_of(true);
    c->bootstrap_expect = 5;
    c->read_replica = true;
    c->acl_enabled = true;
    for (int kind = POOL_LAN; kind <= POOL_WAN; kind++) {
        struct config_value own;
        struct member m = read_back(c, (enum pool_kind)kind, &own, tags);
        assert_int_equal(m.expect, 5);
        assert_true(m.read_replica);
        assert_int_equal(addr_port(&m.rpc), 8300);
        assert_str(member_tag(&m, "acls"), STR_LIT("1"));
        assert_str(member_tag(&m, "wan_join_port"), kind == POOL_LAN ? STR_LIT("8302") : STR_NONE);
        config_value_fini(&own);
    }
    config_free(c);
}

/* Who may come in, by pool; each refusal names the member. */
static void who_is_let_in(void **state)
{
    /* clang-format off */
    static const struct {
        enum pool_kind kind;
        const char *name, *id, *dc, *segment;
        enum member_role role;
        const char *why; /* NULL: let in */
    } rows[] = {
        {POOL_LAN, "n1", OTHER, "dc1", "", MEMBER_CLIENT, NULL},
        {POOL_LAN, "n1", OTHER, "dc1", "", MEMBER_SERVER, NULL},
        {POOL_LAN, "n1", OTHER, "dc2", "", MEMBER_CLIENT, "Member 'n1' part of wrong datacenter 'dc2'"},
        {POOL_LAN, "n1", OTHER, "dc1", "a", MEMBER_CLIENT, "Member 'n1' part of wrong segment 'a' (expected '')"},
        {POOL_LAN, "n1", ID, "dc1", "", MEMBER_CLIENT, "Member 'n1' has conflicting node ID '" ID "' with this agent's ID"},
        {POOL_LAN, "me", ID, "dc1", "", MEMBER_CLIENT, NULL},
        {POOL_LAN, "z1", "", "", "", MEMBER_OTHER, NULL},
        {POOL_WAN, "n1.dc2", OTHER, "dc2", "", MEMBER_SERVER, NULL},
        {POOL_WAN, "n1.dc2", OTHER, "dc2", "", MEMBER_CLIENT, "Member 'n1.dc2' is not a server"},
        {POOL_WAN, "z1", "", "", "", MEMBER_OTHER, "Member 'z1' is not a server"},
    };
    /* clang-format on */
    struct config *c = config_of(true);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err = {0};
        struct member m = {.name = str_z(rows[i].name),
                           .id = str_z(rows[i].id),
                           .dc = str_z(rows[i].dc),
                           .segment = str_z(rows[i].segment),
                           .role = rows[i].role};
        int rc = pool_tags_accept(c, ID, rows[i].kind, &m, &err);
        assert_int_equal(rc, rows[i].why ? ERR_CONFLICT : 0);
        assert_string_equal(err.text, rows[i].why ? rows[i].why : "");
    }
    config_free(c);
}

UNIT_MAIN(UNIT(both_roles), UNIT(a_server_in_full), UNIT(who_is_let_in))
