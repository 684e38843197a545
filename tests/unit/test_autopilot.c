/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "agent/autopilot.h"
#include "tests/lib/unit.h"

static struct {
    struct autopilot a;
    struct autopilot_conf conf;
    struct instant now;
    struct autopilot_peer peers[8];
    struct member members[8];
    char ids[8][37], names[8][8];
    size_t peer_n, member_n;
} t;

static const struct str dc = {"dc1", 3};

/* Server i, of the configuration and of gossip, at 10.0.0.i. */
static void peer(int i, bool voter)
{
    struct autopilot_peer *p = &t.peers[t.peer_n++];
    *p = (struct autopilot_peer){.voter = voter, .leader = i == 1, .last_index = 100};
    snprintf(p->id, sizeof p->id, "0000000%d-2222-3333-4444-555555555555", i);
    snprintf(p->address, sizeof p->address, "10.0.0.%d:8300", i);
}

static struct member *gossip(int i, enum member_status status)
{
    struct member *m = &t.members[t.member_n++];
    char ip[16];
    *m = (struct member){.status = status, .role = MEMBER_SERVER, .dc = dc};
    snprintf(t.ids[i], sizeof t.ids[i], "0000000%d-2222-3333-4444-555555555555", i);
    snprintf(t.names[i], sizeof t.names[i], "n%d", i);
    snprintf(ip, sizeof ip, "10.0.0.%d", i);
    m->id = str_z(t.ids[i]);
    m->name = m->short_name = str_z(t.names[i]);
    assert_int_equal(addr_parse(str_z(ip), 8300, &m->rpc), 0);
    m->addr = m->rpc;
    return m;
}

static void reset(int voters)
{
    memset(&t, 0, sizeof t);
    t.now = (struct instant){1000000000};
    t.conf.base = (struct config_autopilot){.cleanup_dead_servers = true,
                                            .last_contact_threshold = DURATION_MS(200),
                                            .server_stabilization_time = DURATION_S(10),
                                            .max_trailing_logs = 250};
    for (int i = 1; i <= voters; i++) {
        peer(i, true);
        gossip(i, MEMBER_ALIVE);
    }
}

static struct str name_of(void *data, struct str id)
{
    return id.p[7] == '3' ? STR_LIT("n3") : STR_NONE; /* the catalog knows server 3 as n3 */
}

static bool next(struct autopilot_change *c)
{
    autopilot_look(&t.a, &t.conf, t.now, dc, t.peers, t.peer_n, t.members, t.member_n);
    return autopilot_next(&t.a, &t.conf, t.now, dc, t.members, t.member_n, name_of, NULL, c);
}

/* A new server learns first and votes when it was healthy for the time set. */
static void learner_is_promoted_when_stable(void **state)
{
    struct autopilot_change c;
    reset(1);
    assert_false(next(&c));
    assert_int_equal(autopilot_deadline(&t.a, &t.conf, t.now).ns, INSTANT_NEVER.ns);
    gossip(2, MEMBER_ALIVE);
    assert_true(next(&c));
    assert_int_equal(c.kind, AUTOPILOT_ADD_LEARNER);
    assert_string_equal(c.address, "10.0.0.2:8300");
    peer(2, false);
    t.peers[1].last_index = 0;
    t.peers[0].last_index = 1000;
    assert_false(next(&c)); /* too far behind */
    t.now = instant_add(t.now, DURATION_S(60));
    t.peers[1].last_index = 990;
    assert_false(next(&c)); /* healthy from now on */
    t.now = instant_add(t.now, DURATION_MS(9999));
    assert_false(next(&c));
    t.now = instant_add(t.now, DURATION_MS(1));
    assert_true(next(&c));
    assert_int_equal(c.kind, AUTOPILOT_PROMOTE);
    t.members[1].read_replica = true;
    assert_false(next(&c));
}

/* Of three a dead server stays until a fourth votes; of five it goes at once. */
static void dead_servers_go_when_few(void **state)
{
    struct autopilot_change c;
    reset(3);
    t.members[2].status = MEMBER_FAILED;
    assert_false(next(&c));
    peer(4, true);
    gossip(4, MEMBER_ALIVE);
    assert_true(next(&c));
    assert_int_equal(c.kind, AUTOPILOT_REMOVE);
    assert_string_equal(c.name, "n3");
    assert_true(c.force_leave);
    t.conf.base.min_quorum = 4;
    assert_false(next(&c));
    reset(5);
    t.members[4].status = MEMBER_FAILED;
    assert_true(next(&c));
    t.members[3].status = MEMBER_FAILED;
    assert_false(next(&c));
    t.conf.base.cleanup_dead_servers = false;
    t.members[3].status = MEMBER_ALIVE;
    assert_false(next(&c));
}

/* Who left goes at once; who is unknown to gossip only after a while. */
static void left_and_unknown(void **state)
{
    struct autopilot_change c;
    reset(3);
    t.members[1].status = MEMBER_LEFT;
    assert_true(next(&c));
    assert_int_equal(c.kind, AUTOPILOT_REMOVE);
    assert_string_equal(c.why, "left");
    reset(5);
    t.member_n = 4;
    assert_false(next(&c));
    assert_true(autopilot_deadline(&t.a, &t.conf, t.now).ns < INSTANT_NEVER.ns);
    t.now = instant_add(t.now, DURATION_S(31));
    assert_true(next(&c));
    assert_string_equal(c.why, "unknown");
    assert_string_equal(c.id, "00000005-2222-3333-4444-555555555555");
}

/* A machine with an empty disk under the name of a dead server takes its place. */
static void replacement(void **state)
{
    struct autopilot_change c;
    reset(3);
    t.member_n = 2;
    assert_false(next(&c));
    gossip(4, MEMBER_ALIVE)->name = STR_LIT("n3");
    assert_true(next(&c));
    assert_int_equal(c.kind, AUTOPILOT_REMOVE);
    assert_string_equal(c.why, "replaced");
    assert_string_equal(c.id, "00000003-2222-3333-4444-555555555555");
    t.peer_n = 2;
    assert_true(next(&c));
    assert_int_equal(c.kind, AUTOPILOT_ADD_LEARNER);
    assert_string_equal(c.id, "00000004-2222-3333-4444-555555555555");
}

/* A server that came back elsewhere gets its new address; two that bootstrap are not joined. */
static void addresses_and_bootstraps(void **state)
{
    struct autopilot_change c;
    reset(3);
    assert_int_equal(addr_parse(STR_LIT("10.0.9.2"), 8300, &t.members[1].rpc), 0);
    assert_true(next(&c));
    assert_int_equal(c.kind, AUTOPILOT_READDRESS);
    assert_string_equal(c.address, "10.0.9.2:8300");
    assert_true(c.voter);
    reset(1);
    t.members[0].bootstrap = true;
    gossip(2, MEMBER_ALIVE)->bootstrap = true;
    assert_false(next(&c));
    t.members[1].bootstrap = false;
    assert_true(next(&c));
}

static void tolerance(void **state)
{
    struct autopilot_change c;
    bool healthy;
    reset(3);
    assert_false(next(&c));
    assert_int_equal(autopilot_tolerance(&t.a, &healthy), 1);
    assert_true(healthy);
    t.peers[2].last_contact = DURATION_S(1);
    assert_false(next(&c));
    assert_int_equal(autopilot_tolerance(&t.a, &healthy), 0);
    assert_false(healthy);
}

UNIT_MAIN(UNIT(learner_is_promoted_when_stable), UNIT(dead_servers_go_when_few),
          UNIT(left_and_unknown), UNIT(replacement), UNIT(addresses_and_bootstraps),
          UNIT(tolerance))
