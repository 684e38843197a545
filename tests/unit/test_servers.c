/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "agent/servers.h"
#include "tests/lib/unit.h"

static struct member server(const char *name, const char *dc, const char *ip,
                            enum member_status status)
{
    struct member m = {.name = str_z(name), .short_name = str_z(name), .dc = str_z(dc)};
    m.role = MEMBER_SERVER;
    m.status = status;
    assert_int_equal(addr_parse(str_z(ip), 8300, &m.rpc), 0);
    return m;
}

/* One server is kept to; a failed one is left for another, and forgiven after a while. */
static void stays_and_moves(void **state)
{
    struct rng rng;
    struct servers s;
    struct addr first, second, third;
    struct instant now = {1000000000};
    rng_init(&rng, 7);
    servers_init(&s, &rng);
    assert_false(servers_pick(&s, STR_LIT("dc1"), now, NULL, 0, &first));
    for (int i = 1; i <= 3; i++) {
        char name[8], ip[16];
        snprintf(name, sizeof name, "n%d", i);
        snprintf(ip, sizeof ip, "10.0.0.%d", i);
        struct member m = server(name, "dc1", ip, MEMBER_ALIVE);
        servers_update(&s, &m);
    }
    assert_true(servers_pick(&s, STR_LIT("dc1"), now, NULL, 0, &first));
    assert_true(servers_pick(&s, STR_LIT("dc1"), now, NULL, 0, &second));
    assert_true(addr_eq(&first, &second));
    assert_true(servers_pick(&s, STR_LIT("dc1"), now, &first, 1, &second));
    assert_false(addr_eq(&first, &second));
    servers_failed(&s, &first, now);
    assert_true(servers_pick(&s, STR_LIT("dc1"), now, NULL, 0, &third));
    assert_false(addr_eq(&first, &third));
    now = instant_add(now, DURATION_S(6));
    assert_true(servers_pick(&s, STR_LIT("dc1"), now, NULL, 0, &third));
    assert_true(addr_eq(&first, &third));
}

/* What gossip says of a server decides; datacenters are kept apart. */
static void follows_gossip(void **state)
{
    struct rng rng;
    struct servers s;
    struct addr a;
    const char *dcs[4];
    struct instant now = {1000000000};
    rng_init(&rng, 7);
    servers_init(&s, &rng);
    struct member one = server("n1", "dc1", "10.0.0.1", MEMBER_ALIVE);
    struct member two = server("n1", "dc2", "10.0.0.2", MEMBER_ALIVE);
    servers_update(&s, &one);
    servers_update(&s, &two);
    assert_int_equal(servers_datacenters(&s, dcs, 4), 2);
    assert_string_equal(dcs[0], "dc1");
    assert_string_equal(dcs[1], "dc2");
    assert_true(servers_pick(&s, STR_LIT("dc2"), now, NULL, 0, &a));
    assert_true(addr_eq(&a, &two.rpc));
    two.status = MEMBER_FAILED; /* still the only one to ask */
    servers_update(&s, &two);
    assert_true(servers_pick(&s, STR_LIT("dc2"), now, NULL, 0, &a));
    two.status = MEMBER_LEFT;
    servers_update(&s, &two);
    assert_false(servers_has_dc(&s, STR_LIT("dc2")));
    assert_true(servers_has_dc(&s, STR_LIT("dc1")));
}

UNIT_MAIN(UNIT(stays_and_moves), UNIT(follows_gossip))
