/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Serf's layer: intents in all orders, leaving, events, queries, keys, the snapshot. */
#include <stdio.h>

#include "tests/lib/gossip_few.h"
#include "tests/lib/unit.h"

static void tell_intent(struct few *f, enum gossip_serf_kind kind, const char *name, uint64_t ltime,
                        bool prune)
{
    struct gossip_serf_message m = {.kind = kind, .u.intent = {ltime, str_z(name), prune}};

    few_tell_serf(f, 9, &m);
}

/* Left or failed is decided by the intent, before or after the news it is about. */
static void test_intents(void **state)
{
    struct few f;
    struct gossip_stats s;

    (void)state;
    few_init(&f, 'a', 1);
    few_start(&f);
    few_alive(&f, "node-b", 2, 1);
    tell_intent(&f, GOSSIP_SERF_LEAVE, "node-b", 10, false);
    assert_int_equal(few_status(&f, "node-b"), GOSSIP_STATUS_LEAVING);
    tell_intent(&f, GOSSIP_SERF_JOIN, "node-b", 9, false); /* older */
    assert_int_equal(few_status(&f, "node-b"), GOSSIP_STATUS_LEAVING);
    tell_intent(&f, GOSSIP_SERF_JOIN, "node-b", 11, false);
    assert_int_equal(few_status(&f, "node-b"), GOSSIP_STATUS_ALIVE);
    tell_intent(&f, GOSSIP_SERF_LEAVE, "node-b", 12, false);
    few_claim(&f, GOSSIP_DEAD, "node-b", 1, "node-b");
    assert_int_equal(few_status(&f, "node-b"), GOSSIP_STATUS_LEFT);
    assert_string_equal(f.last, "member-leave node-b");

    few_alive(&f, "node-c", 3, 1); /* the other order */
    few_claim(&f, GOSSIP_DEAD, "node-c", 1, "node-c");
    assert_int_equal(few_status(&f, "node-c"), GOSSIP_STATUS_FAILED);
    tell_intent(&f, GOSSIP_SERF_LEAVE, "node-c", 20, false);
    assert_int_equal(few_status(&f, "node-c"), GOSSIP_STATUS_LEFT);

    tell_intent(&f, GOSSIP_SERF_LEAVE, "node-d", 30, false); /* before it is known at all */
    tell_intent(&f, GOSSIP_SERF_JOIN, "node-d", 29, false);
    few_alive(&f, "node-d", 4, 1);
    assert_int_equal(few_status(&f, "node-d"), GOSSIP_STATUS_LEAVING);

    few_alive(&f, "node-b", 2, 9); /* and back from anywhere */
    assert_int_equal(few_status(&f, "node-b"), GOSSIP_STATUS_ALIVE);
    gossip_get_stats(f.g, &s);
    assert_int_equal(s.member_ltime, 31);
    few_forget(&f);
    tell_intent(&f, GOSSIP_SERF_LEAVE, "node-a", 50, false); /* us: contradicted */
    assert_int_equal(few_status(&f, "node-a"), GOSSIP_STATUS_ALIVE);
    few_fini(&f);
}

/* Pruned at once when it failed; when it is still going, once it has gone. */
static void test_prune(void **state)
{
    struct few f;

    (void)state;
    few_init(&f, 'a', 1);
    few_start(&f);
    few_alive(&f, "node-b", 2, 1);
    few_claim(&f, GOSSIP_DEAD, "node-b", 1, "node-d");
    tell_intent(&f, GOSSIP_SERF_LEAVE, "node-b", 10, true);
    assert_null(gossip_find(f.g, STR_LIT("node-b")));
    assert_string_equal(f.last, "member-reap node-b");
    few_alive(&f, "node-c", 3, 1);
    tell_intent(&f, GOSSIP_SERF_LEAVE, "node-c", 12, true);
    assert_non_null(gossip_find(f.g, STR_LIT("node-c")));
    few_claim(&f, GOSSIP_DEAD, "node-c", 1, "node-c");
    assert_int_equal(few_status(&f, "node-c"), GOSSIP_STATUS_LEFT);
    few_run(&f, 40 * FEW_S);
    assert_null(gossip_find(f.g, STR_LIT("node-c")));
    assert_int_equal(gossip_force_leave(f.g, few_now(&f), STR_LIT("node-z"), false), ERR_NOT_FOUND);
    assert_int_equal(gossip_force_leave(f.g, few_now(&f), STR_LIT("node-a"), false), ERR_INVALID);
    few_alive(&f, "node-d", 4, 1);
    few_claim(&f, GOSSIP_DEAD, "node-d", 1, "node-b");
    assert_int_equal(gossip_force_leave(f.g, few_now(&f), STR_LIT("node-d"), false), 0);
    assert_int_equal(few_status(&f, "node-d"), GOSSIP_STATUS_LEFT);
    few_fini(&f);
}

/* Failed ones are tried again, and forgotten after their time, or the one their tag tells. */
static void test_reap(void **state)
{
    struct few f;
    struct gossip_message m = {.kind = GOSSIP_ALIVE,
                               .u.alive = {.node = STR_LIT("node-c"),
                                           .addr = STR_LIT("\12\0\0\3"),
                                           .port = 8301,
                                           .incarnation = 1,
                                           .meta = STR_LIT("\xff\x81\xa5rc_tm\xa2"
                                                           "2m"),
                                           .vsn = STR_LIT("\1\5\2\2\5\4")}};

    (void)state;
    few_init(&f, 'a', 1);
    f.o.timing.push_pull_interval = DURATION_S(0);
    few_start(&f);
    few_alive(&f, "node-b", 2, 1);
    few_tell(&f, 3, &m);
    few_claim(&f, GOSSIP_DEAD, "node-b", 1, "node-d");
    few_claim(&f, GOSSIP_DEAD, "node-c", 1, "node-d");
    few_run(&f, 100 * FEW_S);
    assert_int_equal(gossip_count(f.g), 3);
    assert_false(list_is_empty(&f.dials)); /* alone with two that failed: each time one is tried */
    few_run(&f, 60 * FEW_S);
    assert_null(gossip_find(f.g, STR_LIT("node-c")));
    few_run(&f, 71 * 3600 * FEW_S);
    few_forget(&f);
    assert_non_null(gossip_find(f.g, STR_LIT("node-b")));
    few_run(&f, 3600 * FEW_S);
    assert_int_equal(gossip_count(f.g), 1);
    assert_int_equal(f.news_n[GOSSIP_NEWS_REAP], 2);
    few_fini(&f);
}

static void count(void *data)
{
    ++*(int *)data;
}

static void joined(void *data, size_t n, int status, const struct addr *failed)
{
    *(int *)data = status ? status : (int)n;
    assert_true(!status == !failed);
}

/* Two find each other, one leaves: seen as left, never as failed. */
static void test_leave(void **state)
{
    struct few a, b, *all[] = {&a, &b};
    struct addr addrs[2] = {few_addr(2), few_addr(77)};
    int left = 0, n = 0;

    (void)state;
    few_init(&a, 'a', 1);
    few_init(&b, 'b', 2);
    few_start(&a);
    few_start(&b);
    assert_int_equal(gossip_join(a.g, few_now(&a), addrs, 2, joined, &n), 0);
    assert_int_equal(n, 0);
    few_live(all, 2, FEW_S);
    assert_int_equal(n, 1);
    assert_int_equal(few_status(&b, "node-a"), GOSSIP_STATUS_ALIVE);
    assert_int_equal(gossip_join(a.g, few_now(&a), &addrs[1], 1, joined, &n), 0);
    few_live(all, 2, FEW_S);
    assert_true(n < 0);
    assert_int_equal(gossip_leave(a.g, few_now(&a), count, &left), 0);
    assert_int_equal(gossip_leave(a.g, few_now(&a), count, &left), ERR_CLOSED);
    assert_int_equal(gossip_join(a.g, few_now(&a), addrs, 1, joined, &n), ERR_CLOSED);
    few_live(all, 2, 8 * FEW_S);
    assert_int_equal(left, 1);
    assert_int_equal(few_status(&b, "node-a"), GOSSIP_STATUS_LEFT);
    assert_int_equal(b.news_n[GOSSIP_NEWS_FAILED], 0);
    assert_true(str_search(buf_str(&a.snapshot), STR_LIT("\nleave\n")) < a.snapshot.n);
    few_fini(&a);
    few_fini(&b);
}

/* A table exchanged while one leaves and before its intent arrived: left all the same. */
static void test_leave_told_by_table(void **state)
{
    struct few a, b, *all[] = {&a, &b};
    struct addr other = few_addr(2), self = few_addr(1);
    struct buf ask = {0}, table = {0}, answer = {0};
    int left = 0;

    (void)state;
    few_init(&a, 'a', 1);
    few_init(&b, 'b', 2);
    few_start(&a);
    few_start(&b);
    assert_int_equal(gossip_join(a.g, few_now(&a), &other, 1, NULL, NULL), 0);
    few_live(all, 2, FEW_S);
    gossip_message_put_push_pull(&ask, false, 0, 0);
    assert_int_equal(gossip_leave(a.g, few_now(&a), count, &left), 0);
    assert_int_equal(gossip_answer(a.g, few_now(&a), &other, buf_str(&ask), &table), 0);
    assert_int_equal(gossip_answer(b.g, few_now(&b), &self, buf_str(&table), &answer), 0);
    assert_int_equal(few_status(&b, "node-a"), GOSSIP_STATUS_LEAVING);
    few_live(all, 2, 8 * FEW_S);
    assert_int_equal(few_status(&b, "node-a"), GOSSIP_STATUS_LEFT);
    assert_int_equal(b.news_n[GOSSIP_NEWS_FAILED], 0);
    buf_fini(&ask);
    buf_fini(&table);
    buf_fini(&answer);
    few_fini(&a);
    few_fini(&b);
}

static void heard(void *data, enum gossip_reply_kind kind, struct str from, struct str payload)
{
    uint32_t *n = data;

    n[kind]++;
    if (kind == GOSSIP_REPLY_PAYLOAD)
        assert_true(str_eq_z(payload, "pong") && from.n == 6);
}

static bool match(void *data, struct str expression, struct str text)
{
    (void)data;
    return str_eq(expression, text);
}

/* Events come once, also when repeated; too large ones do not go. Filters choose who is asked. */
static void test_events(void **state)
{
    struct few a, b, *all[] = {&a, &b};
    struct addr other = few_addr(2);
    struct gossip_serf_message e = {.kind = GOSSIP_SERF_EVENT,
                                    .u.event = {30, STR_LIT("up"), STR_LIT("v1"), false}};
    struct buf filters = {0}, names = {0};
    struct gossip_filter only_b = {.kind = GOSSIP_FILTER_NODES};
    struct gossip_query q = {.name = STR_LIT("hi"), .ack = true, .reply = heard};
    uint32_t n[3] = {0};
    char large[600] = {0};

    (void)state;
    few_init(&a, 'a', 1);
    few_init(&b, 'b', 2);
    a.o.hooks.match = match;
    few_start(&a);
    few_start(&b);
    assert_int_equal(gossip_join(a.g, few_now(&a), &other, 1, NULL, NULL), 0);
    few_live(all, 2, FEW_S);
    for (int i = 0; i < 3; i++)
        few_tell_serf(&a, 2, &e);
    assert_int_equal(a.events, 1);
    assert_string_equal(a.last, "event up v1");
    few_live(all, 2, 2 * FEW_S);
    assert_int_equal(b.events, 1);
    assert_int_equal(gossip_event(a.g, few_now(&a), STR_LIT("x"), str_make(large, 512), false),
                     ERR_TOO_LARGE);
    assert_int_equal(gossip_event(a.g, few_now(&a), STR_LIT("x"), STR_LIT("y"), false), 0);
    assert_int_equal(a.events, 2);

    gossip_list_put_text(&names, STR_LIT("node-b"));
    only_b.nodes = (struct gossip_list){1, buf_str(&names)};
    gossip_list_put_filter(&filters, &only_b);
    q.filters = (struct gossip_list){1, buf_str(&filters)};
    q.data = n;
    assert_int_equal(gossip_query(a.g, few_now(&a), &q, NULL), 0);
    few_live(all, 2, FEW_S);
    assert_int_equal(a.questions, 0);
    assert_int_equal(b.questions, 1);
    assert_int_equal(gossip_respond(b.g, few_now(&b), b.handle, STR_LIT("pong")), 0);
    assert_int_equal(gossip_respond(b.g, few_now(&b), b.handle, STR_LIT("pong")), ERR_NOT_FOUND);
    few_live(all, 2, 8 * FEW_S);
    assert_true(n[GOSSIP_REPLY_ACK] == 1 && n[GOSSIP_REPLY_PAYLOAD] == 1 &&
                n[GOSSIP_REPLY_END] == 1);
    buf_fini(&filters);
    buf_fini(&names);
    few_fini(&a);
    few_fini(&b);
}

struct keys_seen {
    uint32_t members, answers, errors;
    size_t keys;
    int done;
};

static void on_keys(void *data, const struct gossip_keys_result *r)
{
    struct keys_seen *s = data;

    *s = (struct keys_seen){r->members, r->answers, r->errors, r->key_n, s->done + 1};
}

/* A key is installed, used and the old one removed in a living pool, and nobody is lost. */
static void test_keys(void **state)
{
    struct few a, b, *all[] = {&a, &b};
    struct addr other = few_addr(2);
    struct str old_key = STR_LIT("0123456789abcdef"), new_key = STR_LIT("fedcba9876543210");
    struct keys_seen s = {0};
    static const enum gossip_keys_op ops[] = {GOSSIP_KEYS_INSTALL, GOSSIP_KEYS_USE,
                                              GOSSIP_KEYS_REMOVE};

    (void)state;
    few_init(&a, 'a', 1);
    few_init(&b, 'b', 2);
    a.packet.keyring = gossip_keyring_new();
    b.packet.keyring = gossip_keyring_new();
    assert_int_equal(gossip_keyring_add(a.packet.keyring, old_key), 0);
    assert_int_equal(gossip_keyring_add(b.packet.keyring, old_key), 0);
    few_start(&a);
    few_start(&b);
    assert_int_equal(gossip_join(a.g, few_now(&a), &other, 1, NULL, NULL), 0);
    few_live(all, 2, FEW_S);
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        assert_int_equal(
            gossip_keys(a.g, few_now(&a), ops[i], i == 2 ? old_key : new_key, 1, on_keys, &s), 0);
        few_live(all, 2, 7 * FEW_S);
        assert_int_equal(s.done, (int)i + 1);
        assert_true(s.members == 2 && s.answers == 2 && s.errors == 0);
    }
    assert_int_equal(gossip_keys(a.g, few_now(&a), GOSSIP_KEYS_LIST, STR_NONE, 0, on_keys, &s), 0);
    few_live(all, 2, 7 * FEW_S);
    assert_true(s.keys == 1 && s.answers == 2 && s.errors == 0);
    assert_int_equal(gossip_keys(a.g, few_now(&a), GOSSIP_KEYS_REMOVE, new_key, 0, on_keys, &s), 0);
    few_live(all, 2, 7 * FEW_S);
    assert_int_equal(s.errors, 2); /* the primary stays */
    assert_int_equal(b.keyrings, 3);
    assert_int_equal(few_status(&b, "node-a"), GOSSIP_STATUS_ALIVE);
    assert_int_equal(b.news_n[GOSSIP_NEWS_FAILED], 0);
    few_fini(&a);
    few_fini(&b);
    gossip_keyring_free(a.packet.keyring);
    gossip_keyring_free(b.packet.keyring);
}

/* What was written is enough to find the pool again, and to hear no old event. */
static void test_snapshot(void **state)
{
    struct few a, b, c, *all[] = {&a, &b};
    struct addr other = few_addr(2);
    struct error err;
    struct gossip_stats s;
    int n = 0;

    (void)state;
    few_init(&a, 'a', 1);
    few_init(&b, 'b', 2);
    few_start(&a);
    few_start(&b);
    assert_int_equal(gossip_join(a.g, few_now(&a), &other, 1, NULL, NULL), 0);
    few_live(all, 2, FEW_S);
    assert_int_equal(gossip_event(b.g, few_now(&b), STR_LIT("x"), STR_LIT("y"), false), 0);
    few_live(all, 2, 2 * FEW_S);
    few_alive(&a, "gone", 50, 1);
    few_claim(&a, GOSSIP_DEAD, "gone", 1, "node-b");
    few_run(&a, FEW_S);

    few_init(&c, 'a', 1);
    assert_int_equal(gossip_new(&c.o, &c.g, &err), 0);
    gossip_restore(c.g, buf_str(&a.snapshot), false);
    gossip_restore(c.g, STR_LIT("alive: bad\nclock: x\n#\n\nwhat is this\nalive: \n"), false);
    gossip_restore(c.g, buf_str(&a.snapshot), false);
    few_start(&c);
    gossip_get_stats(c.g, &s);
    assert_true(s.event_ltime == 2 && s.member_ltime > 1);
    few_fini(&a);
    all[0] = &c;
    assert_int_equal(gossip_rejoin(c.g, few_now(&c), joined, &n), 0);
    few_live(all, 2, 5 * FEW_S);
    assert_int_equal(n, 1);
    assert_int_equal(few_status(&c, "node-b"), GOSSIP_STATUS_ALIVE);
    assert_int_equal(few_status(&b, "node-a"), GOSSIP_STATUS_ALIVE);
    assert_int_equal(c.events, 0);
    few_fini(&c);

    few_init(&c, 'a', 1); /* after a good-bye nobody is looked for, unless asked to */
    assert_int_equal(gossip_new(&c.o, &c.g, &err), 0);
    gossip_restore(c.g, STR_LIT("alive: node-b 10.0.0.2:8301\nclock: 9\nleave\n"), false);
    few_start(&c);
    assert_int_equal(gossip_rejoin(c.g, few_now(&c), joined, &n), ERR_NOT_FOUND);
    few_fini(&c);
    few_fini(&b);
}

/* Two claim one name: who is in the minority is told. */
static void test_name_lost(void **state)
{
    struct few a, b, c, d, *all[] = {&a, &b, &c};
    struct addr other = few_addr(1);

    (void)state;
    few_init(&a, 'a', 1);
    few_init(&b, 'b', 2);
    few_init(&c, 'c', 3);
    few_start(&a);
    few_start(&b);
    few_start(&c);
    assert_int_equal(gossip_join(b.g, few_now(&b), &other, 1, NULL, NULL), 0);
    assert_int_equal(gossip_join(c.g, few_now(&c), &other, 1, NULL, NULL), 0);
    few_live(all, 3, 3 * FEW_S);
    few_init(&d, 'c', 4); /* a second node-c */
    d.now = a.now;
    d.o.resolve_conflict = true;
    few_start(&d);
    {
        struct few *both[] = {&a, &b, &c, &d};

        assert_int_equal(gossip_join(d.g, few_now(&d), &other, 1, NULL, NULL), 0);
        few_live(both, 4, 10 * FEW_S);
    }
    assert_true(a.conflicts > 0 && d.conflicts > 0);
    assert_int_equal(d.lost, 1);
    few_fini(&a);
    few_fini(&b);
    few_fini(&c);
    few_fini(&d);
}

UNIT_MAIN(UNIT(test_intents), UNIT(test_prune), UNIT(test_reap), UNIT(test_leave),
          UNIT(test_leave_told_by_table), UNIT(test_events), UNIT(test_keys), UNIT(test_snapshot),
          UNIT(test_name_lost))
