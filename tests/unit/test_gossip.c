/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The membership layer of one pool: what it makes of each message, and what it sends when. */
#include <stdio.h>

#include "gossip/gossip.h"
#include "tests/lib/gossip_few.h"
#include "tests/lib/unit.h"

/* By a table: state before, message, state after, and whether it is said on. */
static void test_transitions(void **state)
{
    static const struct {
        enum gossip_state before; /* at incarnation 5 */
        enum gossip_kind kind;
        uint32_t incarnation;
        const char *from;
        enum gossip_state after;
        bool said_on;
    } rows[] = {
        {GOSSIP_STATE_ALIVE, GOSSIP_ALIVE, 4, "", GOSSIP_STATE_ALIVE, false},
        {GOSSIP_STATE_ALIVE, GOSSIP_ALIVE, 5, "", GOSSIP_STATE_ALIVE, false},
        {GOSSIP_STATE_ALIVE, GOSSIP_ALIVE, 6, "", GOSSIP_STATE_ALIVE, true},
        {GOSSIP_STATE_ALIVE, GOSSIP_SUSPECT, 4, "node-c", GOSSIP_STATE_ALIVE, false},
        {GOSSIP_STATE_ALIVE, GOSSIP_SUSPECT, 5, "node-c", GOSSIP_STATE_SUSPECT, true},
        {GOSSIP_STATE_ALIVE, GOSSIP_DEAD, 4, "node-c", GOSSIP_STATE_ALIVE, false},
        {GOSSIP_STATE_ALIVE, GOSSIP_DEAD, 5, "node-c", GOSSIP_STATE_DEAD, true},
        {GOSSIP_STATE_ALIVE, GOSSIP_DEAD, 5, "node-b", GOSSIP_STATE_LEFT, true},
        {GOSSIP_STATE_SUSPECT, GOSSIP_ALIVE, 5, "", GOSSIP_STATE_SUSPECT, false},
        {GOSSIP_STATE_SUSPECT, GOSSIP_ALIVE, 6, "", GOSSIP_STATE_ALIVE, true},
        {GOSSIP_STATE_SUSPECT, GOSSIP_DEAD, 5, "node-c", GOSSIP_STATE_DEAD, true},
        {GOSSIP_STATE_DEAD, GOSSIP_SUSPECT, 9, "node-c", GOSSIP_STATE_DEAD, false},
        {GOSSIP_STATE_DEAD, GOSSIP_DEAD, 9, "node-c", GOSSIP_STATE_DEAD, false},
        {GOSSIP_STATE_DEAD, GOSSIP_ALIVE, 5, "", GOSSIP_STATE_DEAD, false},
        {GOSSIP_STATE_DEAD, GOSSIP_ALIVE, 6, "", GOSSIP_STATE_ALIVE, true},
        {GOSSIP_STATE_LEFT, GOSSIP_ALIVE, 6, "", GOSSIP_STATE_ALIVE, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct few f;
        uint32_t queued;
        struct gossip_stats s;

        few_init(&f, 'a', 1);
        few_start(&f);
        few_alive(&f, "node-b", 2, 5);
        if (rows[i].before == GOSSIP_STATE_SUSPECT)
            few_claim(&f, GOSSIP_SUSPECT, "node-b", 5, "node-d");
        else if (rows[i].before != GOSSIP_STATE_ALIVE)
            few_claim(&f, GOSSIP_DEAD, "node-b", 5,
                      rows[i].before == GOSSIP_STATE_LEFT ? "node-b" : "node-d");
        assert_int_equal(few_state(&f, "node-b"), rows[i].before);
        for (int k = 0; k < 12; k++) /* until all is said; the prober hears nothing meanwhile */
            few_run(&f, 1);
        gossip_get_stats(f.g, &s);
        queued = s.membership_queue;
        /* A new claim about the same member replaces the old one: look at what is sent instead. */
        few_forget(&f);
        if (rows[i].kind == GOSSIP_ALIVE)
            few_alive(&f, "node-b", 2, rows[i].incarnation);
        else
            few_claim(&f, rows[i].kind, "node-b", rows[i].incarnation, rows[i].from);
        assert_int_equal(few_state(&f, "node-b"), rows[i].after);
        assert_int_equal(few_incarnation(&f, "node-b"), rows[i].said_on ? rows[i].incarnation : 5);
        gossip_get_stats(f.g, &s);
        assert_int_equal(s.membership_queue, queued);
        few_fini(&f);
    }
}

/* Whatever is said about ourselves is contradicted with a larger number, and costs health. */
static void test_refute(void **state)
{
    struct few f;
    struct gossip_message m;
    struct gossip_stats s;

    (void)state;
    few_init(&f, 'a', 1);
    few_start(&f);
    few_alive(&f, "node-b", 2, 1);
    few_claim(&f, GOSSIP_SUSPECT, "node-a", 1, "node-b");
    assert_int_equal(few_incarnation(&f, "node-a"), 2);
    few_claim(&f, GOSSIP_DEAD, "node-a", 7, "node-b");
    assert_int_equal(few_incarnation(&f, "node-a"), 8);
    few_claim(&f, GOSSIP_SUSPECT, "node-a", 3, "node-b"); /* outdated */
    few_alive(&f, "node-a", 1, 9);
    assert_int_equal(few_incarnation(&f, "node-a"), 10);
    gossip_get_stats(f.g, &s);
    assert_int_equal(s.refutations, 3);
    assert_int_equal(s.health, 3);
    few_run(&f, 300 * FEW_MS);
    assert_true(few_count(&f, GOSSIP_ALIVE, NULL) > 0);
    assert_int_equal(few_count(&f, GOSSIP_SUSPECT, NULL), 0);
    few_count(&f, GOSSIP_ALIVE, &m);
    few_fini(&f);
}

/* Numbers that leap, addresses and versions that are none, names too long: not believed. */
static void test_hostile(void **state)
{
    struct few f;
    struct gossip_stats s;
    struct gossip_message m = {.kind = GOSSIP_ALIVE};
    struct gossip_serf_message i = {.kind = GOSSIP_SERF_JOIN,
                                    .u.intent = {UINT64_MAX, STR_LIT("node-b"), false}};
    struct gossip_serf_message e = {.kind = GOSSIP_SERF_EVENT,
                                    .u.event = {UINT64_MAX - 1, STR_LIT("x"), STR_LIT("y"), false}};

    (void)state;
    few_init(&f, 'a', 1);
    f.o.members_max = 50;
    few_start(&f);
    few_alive(&f, "node-b", 2, 5);
    few_alive(&f, "node-b", 2, 5 + (1U << 30));
    few_claim(&f, GOSSIP_SUSPECT, "node-b", UINT32_MAX, "node-c");
    few_claim(&f, GOSSIP_DEAD, "node-a", UINT32_MAX, "node-c");
    assert_int_equal(few_incarnation(&f, "node-b"), 5);
    assert_int_equal(few_incarnation(&f, "node-a"), 1);
    few_alive(&f, "node-c", 3, UINT32_MAX);
    m.u.alive = (struct gossip_node){.node = STR_LIT("node-c"),
                                     .addr = STR_LIT("\0\0\0\0"),
                                     .port = 1,
                                     .incarnation = 1,
                                     .vsn = STR_LIT("\1\5\2\2\5\4")};
    few_tell(&f, 3, &m);
    m.u.alive.addr = STR_LIT("\12\0\0\3");
    m.u.alive.vsn = STR_LIT("\1\5");
    few_tell(&f, 3, &m);
    m.u.alive.vsn = STR_LIT("\0\5\2\2\5\4");
    few_tell(&f, 3, &m);
    assert_null(gossip_find(f.g, STR_LIT("node-c")));
    few_tell_serf(&f, 3, &i);
    few_tell_serf(&f, 3, &e);
    gossip_get_stats(f.g, &s);
    assert_int_equal(s.member_ltime, 1);
    assert_int_equal(s.event_ltime, 1);
    assert_int_equal(f.events, 0);
    for (int k = 0; k < 200; k++) {
        char name[32];

        snprintf(name, sizeof(name), "flood-%d", k);
        few_alive(&f, name, 3, 1);
    }
    assert_int_equal(gossip_count(f.g), 50);
    for (int k = 0; k < 20000; k++) { /* intents about nobody */
        char name[32];

        snprintf(name, sizeof(name), "nobody-%d", k);
        i.u.intent = (struct gossip_serf_intent){5, str_z(name), false};
        few_tell_serf(&f, 3, &i);
    }
    gossip_get_stats(f.g, &s);
    assert_true(s.intent_queue <= 4096 && s.members_refused > 0 && s.messages_bad >= 7);
    few_fini(&f);
}

/* Ping, three others, suspicion, death: each at its time; each answer counts. */
static void test_probe(void **state)
{
    struct few f;
    struct gossip_message m;
    struct gossip_stats s;
    int64_t begin;

    (void)state;
    few_init(&f, 'a', 1);
    few_start(&f);
    few_alive(&f, "node-b", 2, 1);
    few_run(&f, 10 * FEW_S); /* the only other one never answers */
    assert_int_equal(few_state(&f, "node-b"), GOSSIP_STATE_DEAD);
    assert_int_equal(few_status(&f, "node-b"), GOSSIP_STATUS_FAILED);
    assert_string_equal(f.last, "member-failed node-b");
    few_forget(&f);

    few_alive(&f, "node-b", 2, 2);
    few_alive(&f, "node-c", 3, 2);
    few_alive(&f, "node-d", 4, 2);
    few_forget(&f);
    while (few_count(&f, GOSSIP_PING, &m) == 0)
        few_run(&f, FEW_MS);
    begin = f.now;
    assert_true(m.u.ping.node.n == 6);
    few_run(&f, 400 * FEW_MS);
    assert_int_equal(few_count(&f, GOSSIP_INDIRECT, NULL), 0);
    few_run(&f, 120 * FEW_MS);
    assert_int_equal(few_count(&f, GOSSIP_INDIRECT, &m), 2); /* us and the target left out */
    assert_true(m.u.indirect.nack && m.u.indirect.port == 8301);
    assert_false(list_is_empty(&f.dials)); /* a stream tries too */
    m = (struct gossip_message){.kind = GOSSIP_ACK, .u.ack = {.seq = m.u.indirect.seq}};
    few_tell(&f, 3, &m);
    gossip_get_stats(f.g, &s);
    few_run(&f, 450 * FEW_MS);
    assert_int_equal(s.suspect, 0);
    assert_true(f.now - begin < FEW_S);
    few_fini(&f);
}

/* Alone in a pool that does not answer, one is to blame oneself: the score rises to seven, and
 * falls with each answer. */
static void test_health(void **state)
{
    struct few f;
    struct gossip_message m;
    struct gossip_stats s;

    (void)state;
    few_init(&f, 'a', 1);
    few_start(&f);
    for (int i = 2; i < 40; i++) {
        char name[32];

        snprintf(name, sizeof(name), "node-%d", i);
        few_alive(&f, name, i, 1);
    }
    few_run(&f, 30 * FEW_S);
    gossip_get_stats(f.g, &s);
    assert_int_equal(s.health, 7);
    few_forget(&f);
    for (int i = 0; i < 100000 && s.health == 7; i++) {
        few_run(&f, FEW_MS);
        if (few_count(&f, GOSSIP_PING, &m) == 0)
            continue;
        m = (struct gossip_message){.kind = GOSSIP_ACK, .u.ack = {.seq = m.u.ping.seq}};
        few_forget(&f);
        few_tell(&f, 2, &m);
        gossip_get_stats(f.g, &s);
    }
    assert_int_equal(s.health, 6);
    few_fini(&f);
}

/* A ping is answered where it says, else where it came from; one for another name not at all. An
 * indirect one is passed on, and its answer, or after the time out a nack, comes back. */
static void test_answers(void **state)
{
    struct few f;
    struct gossip_message m = {.kind = GOSSIP_PING,
                               .u.ping = {.seq = 7, .node = STR_LIT("node-a")}};
    struct gossip_message indirect = {.kind = GOSSIP_INDIRECT,
                                      .u.indirect = {.seq = 40,
                                                     .node = STR_LIT("node-b"),
                                                     .target = STR_LIT("\12\0\0\2"),
                                                     .port = 8301,
                                                     .nack = true}};
    struct few_letter *l;
    struct addr a;

    (void)state;
    few_init(&f, 'a', 1);
    few_start(&f);
    few_tell(&f, 9, &m);
    assert_int_equal(few_count(&f, GOSSIP_ACK, NULL), 1);
    l = LIST_ITEM(list_first(&f.sent), struct few_letter, link);
    a = few_addr(9);
    assert_true(addr_eq(&l->to, &a));
    few_forget(&f);
    m.u.ping.source_addr = STR_LIT("\12\0\0\5");
    m.u.ping.source_port = 8301;
    few_tell(&f, 9, &m);
    l = LIST_ITEM(list_first(&f.sent), struct few_letter, link);
    a = few_addr(5);
    assert_true(addr_eq(&l->to, &a));
    few_forget(&f);
    m.u.ping.node = STR_LIT("node-x");
    few_tell(&f, 9, &m);
    assert_int_equal(few_count(&f, GOSSIP_ACK, NULL), 0);

    few_tell(&f, 9, &indirect);
    assert_int_equal(few_count(&f, GOSSIP_PING, &m), 1);
    m = (struct gossip_message){.kind = GOSSIP_ACK, .u.ack = {.seq = m.u.ping.seq}};
    few_forget(&f);
    few_tell(&f, 2, &m);
    assert_int_equal(few_count(&f, GOSSIP_ACK, &m), 1);
    assert_int_equal(m.u.ack.seq, 40);
    few_forget(&f);
    for (int k = 0; k < 1000; k++) /* no more than so many at a time */
        few_tell(&f, 9, &indirect);
    assert_int_equal(few_count(&f, GOSSIP_PING, NULL), 256);
    few_forget(&f);
    few_run(&f, 501 * FEW_MS);
    assert_int_equal(few_count(&f, GOSSIP_NACK, &m), 256);
    assert_int_equal(m.u.ack.seq, 40);
    few_fini(&f);
}

/* A name at another address: a conflict while it lives, a takeover when it left or is dead for
 * long enough. */
static void test_conflict(void **state)
{
    struct few f;

    (void)state;
    few_init(&f, 'a', 1);
    few_start(&f);
    few_alive(&f, "node-b", 2, 5);
    few_alive(&f, "node-b", 3, 9);
    assert_int_equal(f.conflicts, 1);
    assert_int_equal(few_incarnation(&f, "node-b"), 5);
    few_claim(&f, GOSSIP_DEAD, "node-b", 5, "node-d");
    few_alive(&f, "node-b", 3, 1);
    assert_int_equal(f.conflicts, 2);
    assert_true(list_is_empty(&f.dials));
    few_run(&f, 5 * FEW_S);
    assert_false(list_is_empty(&f.dials)); /* the claimant is asked */
    few_run(&f, 26 * FEW_S);
    few_alive(&f, "node-b", 3, 1);
    assert_int_equal(f.conflicts, 2);
    assert_int_equal(few_status(&f, "node-b"), GOSSIP_STATUS_ALIVE);
    few_claim(&f, GOSSIP_DEAD, "node-b", 1, "node-b");
    few_alive(&f, "node-b", 4, 1);
    assert_int_equal(few_status(&f, "node-b"), GOSSIP_STATUS_ALIVE);
    few_alive(&f, "node-a", 7, 99); /* ours */
    assert_int_equal(f.conflicts, 3);
    assert_int_equal(few_incarnation(&f, "node-a"), 1);
    few_fini(&f);
}

/* Options that make no sense are refused with words. */
static void test_options(void **state)
{
    struct few f;
    struct error err = {0};

    (void)state;
    few_init(&f, 'a', 1);
    f.o.name = STR_NONE;
    assert_int_equal(gossip_new(&f.o, &f.g, &err), ERR_INVALID);
    f.o.name = STR_LIT("x");
    f.o.addr = (struct addr){.u.v4 = {.sin_family = AF_INET, .sin_port = 5}};
    assert_int_equal(gossip_new(&f.o, &f.g, &err), ERR_INVALID);
    assert_true(err.text[0]);
    few_fini(&f);
}

UNIT_MAIN(UNIT(test_transitions), UNIT(test_refute), UNIT(test_hostile), UNIT(test_probe),
          UNIT(test_health), UNIT(test_answers), UNIT(test_conflict), UNIT(test_options))
