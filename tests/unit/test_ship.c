/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests that are shipped: to whom, how often, and never a write twice. The client is the test's.
 */
#include <errno.h>

#include "agent/agent_state.h"
#include "base/log.h"
#include "tests/lib/unit.h"

static struct {
    struct agent agent;
    struct config *config;
    struct timers timers;
    struct rpc_call *call; /* in flight */
    struct addr to;
    const char *leader;
    int calls, cancels, done;
    int status;
    struct ship ship;
} t;

/* ---- the promises of rpc/rpc_client.h, kept by the test ---- */

void rpc_client_call(struct rpc_client *c, const struct addr *to, struct rpc_call *call)
{
    (void)c;
    assert_null(t.call);
    t.call = call;
    t.to = *to;
    t.calls++;
}

void rpc_client_cancel(struct rpc_call *call)
{
    assert_ptr_equal(t.call, call);
    t.call = NULL;
    t.cancels++;
}

static void answer(int status, bool is_answer, bool was_sent)
{
    struct rpc_call *call = t.call;
    assert_non_null(call);
    t.call = NULL;
    call->status = status;
    call->is_answer = is_answer;
    call->was_sent = was_sent;
    call->answer = status ? STR_NONE : STR_LIT("yes");
    call->done(call);
    mailbox_drain(t.agent.box);
}

/* ---- the world ---- */

static void wake(void *data)
{
    (void)data;
}

static const char *leader_of_test(const struct agent *a)
{
    (void)a;
    return t.leader;
}

static void add_server(const char *name, const char *dc, const char *ip)
{
    struct member m = {.name = str_z(name), .short_name = str_z(name), .dc = str_z(dc)};
    m.role = MEMBER_SERVER;
    m.status = MEMBER_ALIVE;
    assert_int_equal(addr_parse(str_z(ip), 8300, &m.rpc), 0);
    servers_update(&t.agent.servers, &m);
}

static void open_all(int servers)
{
    static const char *const ips[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
    memset(&t, 0, sizeof t);
    log_set_level(LOG_OFF);
    t.config = config_new();
    t.config->datacenter = "dc1";
    t.config->rpc_hold_timeout = DURATION_S(60);
    timers_init(&t.timers);
    rng_init(&t.agent.rng, 1);
    t.agent.config = t.config;
    t.agent.timers = &t.timers;
    t.agent.box = mailbox_new(wake, NULL);
    servers_init(&t.agent.servers, &t.agent.rng);
    for (int i = 0; i < servers; i++)
        add_server(ips[i], "dc1", ips[i]);
    t.leader = "10.0.0.9:8300";
    t.agent.shipper = ship_core_new(&t.agent, &t.timers, NULL, leader_of_test);
}

static void close_all(void)
{
    ship_core_stop(t.agent.shipper);
    mailbox_drain(t.agent.box);
    ship_core_free(t.agent.shipper);
    assert_int_equal(timers_deadline(&t.timers).ns, INSTANT_NEVER.ns);
    timers_fini(&t.timers);
    mailbox_free(t.agent.box);
    config_free(t.config);
}

static void on_done(struct ship *s)
{
    t.done++;
    t.status = s->status;
    if (s->status == 0)
        assert_str(buf_str(&s->answer), STR_LIT("yes"));
    ship_fini(s);
}

static void submit(enum ship_target target, bool may_repeat, const char *dc)
{
    t.ship = (struct ship){.kind = SHIP_API,
                           .target = target,
                           .may_repeat = may_repeat,
                           .datacenter = dc ? str_z(dc) : STR_NONE,
                           .done = on_done};
    buf_init(&t.ship.body, 0);
    buf_put_z(&t.ship.body, "request");
    ship_submit_core(&t.agent, &t.ship);
}

/* The pause between two looks is over. */
static void look_again(void)
{
    assert_true(timers_deadline(&t.timers).ns != INSTANT_NEVER.ns);
    timers_expire(&t.timers, timers_deadline(&t.timers));
}

/* Answered at once, in a turn of its own. */
static void answered(void **state)
{
    open_all(1);
    submit(SHIP_TO_ANY, false, NULL);
    assert_int_equal(t.calls, 1);
    assert_str(t.call->body, STR_LIT("request"));
    assert_int_equal(t.done, 0);
    answer(0, true, true);
    assert_int_equal(t.done, 1);
    assert_int_equal(t.status, 0);
    close_all();
}

/* A write that may have been done is not sent again; a read is, to another server. */
static void never_twice(void **state)
{
    for (int may_repeat = 0; may_repeat < 2; may_repeat++) {
        open_all(3);
        submit(SHIP_TO_ANY, may_repeat, NULL);
        struct addr first = t.to;
        answer(ERR_CLOSED, false, true);
        assert_int_equal(t.calls, 1 + may_repeat);
        assert_int_equal(t.done, !may_repeat);
        if (may_repeat) {
            assert_false(addr_eq(&t.to, &first));
            answer(0, true, true);
        } else {
            assert_int_equal(t.status, ERR_CLOSED);
        }
        assert_int_equal(t.done, 1);
        close_all();
    }
}

/* A server that is leaving says so before it does anything: a write goes to another one. */
static void one_that_leaves(void **state)
{
    open_all(3);
    submit(SHIP_TO_ANY, false, NULL);
    struct addr first = t.to;
    answer(ERR_CLOSED, true, true);
    assert_int_equal(t.calls, 2);
    assert_int_equal(t.done, 0);
    assert_false(addr_eq(&t.to, &first));
    answer(0, true, true);
    assert_int_equal(t.done, 1);
    assert_int_equal(t.status, 0);
    close_all();
}

/* What was certainly not sent goes to the next server, a write too; all of them, then again. */
static void the_next_one(void **state)
{
    struct addr seen[3];
    open_all(3);
    submit(SHIP_TO_ANY, false, NULL);
    for (int i = 0; i < 3; i++) {
        seen[i] = t.to;
        for (int k = 0; k < i; k++)
            assert_false(addr_eq(&seen[i], &seen[k]));
        answer(-ECONNREFUSED, false, false);
    }
    assert_null(t.call);
    look_again();
    assert_int_equal(t.calls, 4);
    answer(0, true, true);
    assert_int_equal(t.status, 0);
    close_all();
}

/* What a server says is the answer; that it has no leader is one for a write, not for a read. */
static void what_servers_say(void **state)
{
    open_all(1);
    submit(SHIP_TO_ANY, true, NULL);
    answer(ERR_DENIED, true, true);
    assert_int_equal(t.status, ERR_DENIED);
    submit(SHIP_TO_ANY, false, NULL);
    answer(ERR_NO_LEADER, true, true);
    assert_int_equal(t.status, ERR_NO_LEADER);
    assert_int_equal(t.done, 2);
    submit(SHIP_TO_ANY, true, NULL);
    answer(ERR_NO_LEADER, true, true);
    assert_int_equal(t.done, 2);
    look_again();
    answer(0, true, true);
    assert_int_equal(t.done, 3);
    close_all();
}

/* The leader, whoever it is by then; another datacenter, if it is known; nobody at all. */
static void targets(void **state)
{
    char text[ADDR_TEXT_MAX];
    open_all(1);
    submit(SHIP_TO_LEADER, false, NULL);
    addr_format(&t.to, text);
    assert_string_equal(text, "10.0.0.9:8300");
    answer(ERR_NOT_LEADER, true, true); /* it has done nothing */
    t.leader = "10.0.0.8:8300";
    look_again();
    addr_format(&t.to, text);
    assert_string_equal(text, "10.0.0.8:8300");
    answer(0, true, true);
    assert_int_equal(t.status, 0);
    submit(SHIP_TO_ANY, true, "dc2");
    mailbox_drain(t.agent.box);
    assert_int_equal(t.status, ERR_NOT_FOUND);
    add_server("far", "dc2", "10.2.0.1");
    submit(SHIP_TO_ANY, true, "dc2");
    addr_format(&t.to, text);
    assert_string_equal(text, "10.2.0.1:8300");
    answer(0, true, true);
    assert_int_equal(t.done, 3);
    close_all();
    open_all(0);
    t.config->rpc_hold_timeout = (struct duration){0};
    submit(SHIP_TO_ANY, true, NULL);
    mailbox_drain(t.agent.box);
    assert_int_equal(t.status, ERR_NO_LEADER);
    assert_true(t.ship.no_server);
    assert_int_equal(t.calls, 0);
    close_all();
}

/* Canceled in a call, canceled while it waits, ended with the agent: done comes once. */
static void canceled(void **state)
{
    open_all(1);
    submit(SHIP_TO_ANY, true, NULL);
    ship_cancel(&t.ship);
    ship_cancel(&t.ship);
    mailbox_drain(t.agent.box);
    assert_int_equal(t.cancels, 1);
    assert_int_equal(t.done, 1);
    assert_int_equal(t.status, ERR_CANCELED);
    submit(SHIP_TO_ANY, true, NULL);
    answer(-ECONNREFUSED, false, false);
    ship_cancel(&t.ship);
    mailbox_drain(t.agent.box);
    assert_int_equal(t.done, 2);
    submit(SHIP_TO_ANY, false, NULL);
    close_all();
    assert_int_equal(t.done, 3);
    assert_int_equal(t.cancels, 2);
}

UNIT_MAIN(UNIT(answered), UNIT(never_twice), UNIT(one_that_leaves), UNIT(the_next_one),
          UNIT(what_servers_say), UNIT(targets), UNIT(canceled))
