/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two ends over loopback: frames both ways, full queues, and peers that mean no good. */
#include <uv.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/net.h"
#include "tests/lib/unit.h"

struct end {
    struct net_conn *conn;
    uint64_t frames, bytes;
    int opened, closed, drained, status;
    bool echo;
    char last[64];
};
static struct world {
    uv_loop_t loop;
    uv_timer_t tick;
    struct timers timers;
    struct net *server, *client;
    struct end accepted[8];
    int accepted_n;
    struct duration ahead; /* timers are told that so much more time has passed */
    int stopped;
} w;

static void on_opened(void *data, struct net_conn *c)
{
    ((struct end *)data)->opened++;
    (void)c;
}
static void on_frame(void *data, struct net_conn *c, struct str payload)
{
    struct end *e = data;

    e->frames++;
    e->bytes += payload.n;
    str_copy_z(str_take(payload, payload.n < 60 ? payload.n : 60), e->last, sizeof e->last);
    if (e->echo)
        assert_int_equal(net_send(c, payload), 0);
}
static void on_drained(void *data, struct net_conn *c)
{
    ((struct end *)data)->drained++;
    (void)c;
}
static void on_closed(void *data, struct net_conn *c, int status)
{
    struct end *e = data;

    (void)c;
    e->conn = NULL;
    e->closed++;
    e->status = status;
}
static const struct net_handler handler = {on_opened, on_frame, on_drained, on_closed};

static bool accept_one(void *data, struct net_conn *c, const struct net_handler **ret_handler,
                       void **ret_data)
{
    (void)data;
    if (w.accepted_n == 8)
        return false;
    struct end *e = &w.accepted[w.accepted_n++];
    e->conn = c;
    e->echo = true;
    *ret_handler = &handler;
    *ret_data = e;
    return true;
}
static const struct net_protocol raft = {.byte = NET_RAFT,
                                         .name = "raft",
                                         .frame_max = 1 << 20,
                                         .queue_max = 4 << 20,
                                         .accept = accept_one};

static void on_tick(uv_timer_t *t)
{
    (void)t;
    timers_expire(&w.timers, instant_add(clock_now(), w.ahead));
}

static int set_up(void **state)
{
    struct error err = {0};
    struct addr a;

    (void)state;
    w = (struct world){0};
    log_set_level(LOG_OFF);
    timers_init(&w.timers);
    uv_loop_init(&w.loop);
    uv_timer_init(&w.loop, &w.tick);
    uv_timer_start(&w.tick, on_tick, 5, 5);
    w.server = net_open(&w.loop, &w.timers, &(struct net_options){.per_peer_max = 4});
    w.client = net_open(&w.loop, &w.timers, &(struct net_options){0});
    net_serve(w.server, &raft);
    net_serve(w.client, &raft);
    assert_int_equal(addr_parse(STR_LIT("127.0.0.1"), 0, &a), 0);
    assert_int_equal(net_listen(w.server, &a, &err), 0);
    return 0;
}

static void on_stopped(void *data)
{
    (void)data;
    w.stopped++;
}

static int tear_down(void **state)
{
    net_stop(w.client, on_stopped, NULL);
    net_stop(w.server, on_stopped, NULL);
    uv_close((uv_handle_t *)&w.tick, NULL);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(w.stopped, 2);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    timers_fini(&w.timers);
    return unit_no_leak(state);
}

static struct addr server_addr(void)
{
    struct addr a;

    assert_int_equal(addr_parse(STR_LIT("127.0.0.1"), net_port(w.server), &a), 0);
    return a;
}

static void dial(struct end *e)
{
    struct addr a = server_addr();

    e->conn = net_dial(w.client, &a, NET_RAFT, &handler, e);
}

#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        int left = 4000;                                                                           \
        while (!(condition) && left-- > 0)                                                         \
            uv_run(&w.loop, UV_RUN_ONCE);                                                          \
        assert_true(condition);                                                                    \
    } while (0)

static void test_echo(void **state)
{
    struct end e = {0};

    (void)state;
    dial(&e);
    /* before the connection stands */
    assert_int_equal(net_send(e.conn, STR_LIT("hello")), 0);
    RUN_UNTIL(e.frames == 1);
    assert_int_equal(e.opened, 1);
    assert_string_equal(e.last, "hello");
    for (int i = 0; i < 1000; i++)
        assert_int_equal(net_send(e.conn, STR_LIT("again")), 0);
    RUN_UNTIL(e.frames == 1001);
    assert_int_equal(w.accepted[0].frames, 1001);
    net_close(e.conn, true);
    RUN_UNTIL(e.closed == 1 && w.accepted[0].closed == 1);
    assert_int_equal(w.accepted[0].status, 0);
}

/* A queue has an end; when it empties, the one who was refused hears of it, and nothing is lost. */
static void test_full_queue(void **state)
{
    struct end e = {0};
    char *piece = mem_alloc((1 << 20) + 1);
    int sent = 0, rc;

    (void)state;
    dial(&e);
    RUN_UNTIL(w.accepted_n == 1);
    w.accepted[0].echo = false;
    net_pause(w.accepted[0].conn, true);
    for (int i = 0; i < 100; i++) {
        rc = net_send(e.conn, str_make(piece, 1 << 20));
        if (rc < 0)
            break;
        sent++;
        net_flush(w.client);
    }
    assert_int_equal(rc, ERR_BUSY);
    assert_true(net_queued(e.conn) <= (4 << 20) + 100);
    assert_int_equal(net_send(e.conn, str_make(piece, (1 << 20) + 1)), ERR_TOO_LARGE);
    assert_int_equal(e.drained, 0);
    net_pause(w.accepted[0].conn, false);
    RUN_UNTIL(e.drained == 1 && w.accepted[0].frames == (uint64_t)sent);
    assert_int_equal(w.accepted[0].bytes, (uint64_t)sent << 20);
    mem_free(piece);
}

/* What was sent before a graceful close arrives. */
static void test_graceful(void **state)
{
    struct end e = {0};
    char *piece = mem_alloc((1 << 20) + 1);

    (void)state;
    dial(&e);
    RUN_UNTIL(w.accepted_n == 1);
    w.accepted[0].echo = false;
    for (int i = 0; i < 4; i++)
        assert_int_equal(net_send(e.conn, str_make(piece, (1 << 20) - 100)), 0);
    net_close(e.conn, true);
    assert_int_equal(net_send(e.conn, STR_LIT("late")), ERR_CLOSED);
    RUN_UNTIL(w.accepted[0].closed == 1);
    assert_int_equal(w.accepted[0].frames, 4);
    RUN_UNTIL(e.closed == 1);
    mem_free(piece);
}

static void test_nobody(void **state)
{
    struct end e = {0};
    struct addr a;

    (void)state;
    assert_int_equal(addr_parse(STR_LIT("127.0.0.1"), 1, &a), 0);
    e.conn = net_dial(w.client, &a, NET_RAFT, &handler, &e);
    assert_int_equal(e.closed, 0);
    RUN_UNTIL(e.closed == 1);
    assert_int_equal(e.status, -ECONNREFUSED);
    assert_int_equal(e.opened, 0);
}

static void test_port_in_use(void **state)
{
    struct addr a = server_addr();
    struct error err = {0};
    char wanted[160];

    (void)state;
    assert_int_equal(net_listen(w.client, &a, &err), -EADDRINUSE);
    snprintf(wanted, sizeof wanted,
             "server port: cannot listen on 127.0.0.1:%d: Address already in use", addr_port(&a));
    assert_string_equal(err.text, wanted);
}

/* ---- raw sockets: what no friend would send ---- */

struct raw {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct str text;
    bool gone;
};

static void raw_on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *ret)
{
    static char bytes[1000];

    (void)h;
    (void)hint;
    *ret = uv_buf_init(bytes, sizeof bytes);
}
static void raw_on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    (void)b;
    if (n < 0)
        ((struct raw *)s->data)->gone = true;
}
static void raw_on_connect(uv_connect_t *c, int status)
{
    struct raw *r = c->data;
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)r->text.p, (unsigned)r->text.n);

    assert_int_equal(status, 0);
    if (r->text.n)
        assert_int_equal(uv_try_write((uv_stream_t *)&r->tcp, &b, 1), (int)r->text.n);
    uv_read_start((uv_stream_t *)&r->tcp, raw_on_alloc, raw_on_read);
}
static void raw_dial(struct raw *r, struct str text)
{
    struct addr a = server_addr();

    *r = (struct raw){.text = text};
    uv_tcp_init(&w.loop, &r->tcp);
    r->tcp.data = r->connect.data = r;
    uv_tcp_connect(&r->connect, &r->tcp, &a.u.sa, raw_on_connect);
}

static void test_garbage(void **state)
{
    static struct raw r[3];
    struct net_stats stats;

    (void)state;
    raw_dial(&r[0], STR_LIT("GET / HTTP/1.1\r\n\r\n"));
    raw_dial(&r[1], str_make("\xd1\xff\xff\xff\xff", 5));
    raw_dial(&r[2], str_make("\xd1\0\0\0\1\0\0\0\0x", 10));
    RUN_UNTIL(r[0].gone && r[1].gone && r[2].gone);
    net_get_stats(w.server, &stats);
    assert_int_equal(stats.bad, 3);
    assert_int_equal(stats.frames_in, 0);
    for (int i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&r[i].tcp, NULL);
    uv_run(&w.loop, UV_RUN_NOWAIT);
}

/* Those who only hold a place: silent from the start, or in the middle of a frame. */
static void test_slow(void **state)
{
    static struct raw r[2];
    struct net_stats stats;

    (void)state;
    raw_dial(&r[0], STR_NONE);
    raw_dial(&r[1], str_make("\xd1\0\0\1\0", 5));
    RUN_UNTIL(w.accepted_n == 1);
    w.ahead = DURATION_S(6);
    RUN_UNTIL(r[0].gone);
    assert_false(r[1].gone);
    w.ahead = DURATION_S(26);
    RUN_UNTIL(r[1].gone);
    net_get_stats(w.server, &stats);
    assert_int_equal(stats.bad, 2);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&r[i].tcp, NULL);
    uv_run(&w.loop, UV_RUN_NOWAIT);
}

static void test_per_peer(void **state)
{
    struct end e[6] = {{0}};
    struct net_stats stats;

    (void)state;
    for (int i = 0; i < 6; i++)
        dial(&e[i]);
    RUN_UNTIL(w.accepted_n == 4);
    RUN_UNTIL(e[0].closed + e[1].closed + e[2].closed + e[3].closed + e[4].closed + e[5].closed ==
              2);
    net_get_stats(w.server, &stats);
    assert_int_equal(stats.refused, 2);
    assert_int_equal(stats.open, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_echo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_queue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_graceful, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_port_in_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_per_peer, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
