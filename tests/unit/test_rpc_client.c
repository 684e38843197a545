/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Client and server of rpc against each other, over a wire that is a list. */
#include "rpc/rpc_client.h"
#include "rpc/rpc_server.h"
#include "tests/lib/unit.h"

#define FRAMES_MAX 64

struct rpc_conn {
    struct rpc_conn_hooks hooks;
    struct rpc_conn *other;
    bool closing;
};

static struct {
    struct timers timers;
    struct rpc_client *client;
    struct rpc_server *server;
    struct rpc_conn *conns[8];
    size_t conn_n;
    struct {
        struct rpc_conn *to;
        struct buf bytes;
    } frames[FRAMES_MAX];
    size_t frame_n;
    bool refuse, full, closed;
    int requests, cancels, lost, changes, aborted_n;
    struct rpc_request *kept;
} t;

static struct rpc_conn *conn_new(const struct rpc_conn_hooks *hooks)
{
    struct rpc_conn *c = mem_new(struct rpc_conn);
    c->hooks = *hooks;
    t.conns[t.conn_n++] = c;
    return c;
}

static struct rpc_conn *dial(void *loop, const struct addr *to, const struct rpc_conn_hooks *hooks)
{
    void *client;
    struct rpc_conn *c = conn_new(hooks);
    if (t.refuse) {
        c->closing = true;
        return c;
    }
    struct rpc_conn_hooks there = rpc_server_accept(t.server, &client);
    c->other = conn_new(&there);
    c->other->other = c;
    rpc_server_set_conn(client, c->other);
    return c;
}

static int wire_send(struct rpc_conn *c, struct str head, struct str body)
{
    if (c->closing && !t.refuse)
        return ERR_CLOSED;
    if (t.refuse)
        return 0;
    assert_true(t.frame_n < FRAMES_MAX);
    t.frames[t.frame_n].to = c->other;
    buf_init(&t.frames[t.frame_n].bytes, 0);
    buf_put_str(&t.frames[t.frame_n].bytes, head);
    buf_put_str(&t.frames[t.frame_n].bytes, body);
    t.frame_n++;
    return 0;
}

static void wire_close(struct rpc_conn *c)
{
    c->closing = true;
    if (c->other)
        c->other->closing = true;
}

static void wire_abort(struct rpc_conn *c)
{
    t.aborted_n++;
    wire_close(c);
}

static bool wire_is_full(const struct rpc_conn *c)
{
    return t.full;
}

static const struct rpc_transport wire = {dial, wire_send, wire_close, wire_abort, wire_is_full};

/* Everything on its way arrives. */
static void turn(void)
{
    for (size_t i = 0; i < t.conn_n; i++) {
        if (t.conns[i] && !t.conns[i]->closing && t.conns[i]->hooks.opened)
            t.conns[i]->hooks.opened(t.conns[i]->hooks.data);
    }
    for (size_t i = 0; i < t.frame_n; i++) {
        if (!t.frames[i].to->closing)
            t.frames[i].to->hooks.frame(t.frames[i].to->hooks.data, buf_str(&t.frames[i].bytes));
        buf_fini(&t.frames[i].bytes);
    }
    t.frame_n = 0;
    for (size_t i = 0; i < t.conn_n; i++) {
        struct rpc_conn *c = t.conns[i];
        if (!c || !c->closing)
            continue;
        t.conns[i] = NULL;
        c->hooks.closed(c->hooks.data, t.refuse ? ERR_CLOSED : 0);
        mem_free(c);
    }
    timers_expire(&t.timers, clock_now());
}

static void on_request(void *data, struct rpc_request *r, uint8_t kind, struct str body)
{
    t.requests++;
    if (kind == 9)
        t.kept = r;
    else
        rpc_server_answer(r, kind == 2 ? ERR_DENIED : 0, body);
}

static void on_cancel(void *data, struct rpc_request *r)
{
    t.cancels++;
}

static void on_changes(void *data, const struct addr *server, struct str bytes)
{
    (void)server;
    t.changes += (int)bytes.n;
}

static void on_lost(void *data, const struct addr *a)
{
    t.lost++;
}

static struct addr to;

static void open_all(void)
{
    const struct rpc_client_hooks ch = {NULL, on_changes, on_lost};
    const struct rpc_server_hooks sh = {NULL, on_request, on_cancel};
    memset(&t, 0, sizeof t);
    timers_init(&t.timers);
    t.client = rpc_client_new(&wire, NULL, &t.timers, 1, &ch);
    t.server = rpc_server_new(&wire, &sh, 2);
    assert_int_equal(addr_parse(STR_LIT("10.0.0.1"), 8300, &to), 0);
}

static void on_gone(void *data)
{
    t.closed = true;
}

static void close_all(void)
{
    t.closed = false;
    rpc_client_close(t.client, on_gone, NULL);
    turn();
    assert_true(t.closed);
    t.closed = false;
    rpc_server_close(t.server, on_gone, NULL);
    turn();
    turn();
    assert_true(t.closed);
    timers_fini(&t.timers);
}

struct job {
    struct rpc_call call;
    int done;
    struct buf answer;
};

static void on_done(struct rpc_call *c)
{
    struct job *j = LIST_ITEM(c, struct job, call);
    j->done++;
    buf_put_str(&j->answer, c->answer);
}

static void call(struct job *j, uint8_t kind, const char *body)
{
    *j = (struct job){.call = {.kind = kind, .body = str_z(body), .done = on_done}};
    buf_init(&j->answer, 0);
    j->call.deadline = instant_add(clock_now(), DURATION_S(60));
    rpc_client_call(t.client, &to, &j->call);
    assert_int_equal(j->done, 0);
}

/* Answers find their calls; an error that the server says is told from one of the wire. */
static void answers(void **state)
{
    struct job a, b;
    open_all();
    call(&a, 1, "hello");
    call(&b, 2, "");
    turn();
    turn();
    assert_int_equal(a.done, 1);
    assert_int_equal(a.call.status, 0);
    assert_str(buf_str(&a.answer), STR_LIT("hello"));
    assert_int_equal(b.done, 1);
    assert_int_equal(b.call.status, ERR_DENIED);
    assert_true(b.call.is_answer);
    assert_int_equal(rpc_server_connections(t.server), 1);
    buf_fini(&a.answer);
    close_all();
}

/* A cancelled call is never told; the server hears of it and its late answer is dropped. */
static void cancellation(void **state)
{
    struct job a;
    open_all();
    call(&a, 9, "wait");
    turn();
    assert_non_null(t.kept);
    rpc_client_cancel(&a.call);
    turn();
    assert_int_equal(t.cancels, 1);
    rpc_server_answer(t.kept, 0, STR_LIT("late"));
    turn();
    assert_int_equal(a.done, 0);
    close_all();
}

/* A call that is given up after a long silence takes the connection with it: behind a cut, what was
 * asked would arrive when the cut has gone. Who said anything meanwhile is only slow. */
static void silence(void **state)
{
    struct job a, b;
    open_all();
    call(&a, 9, "wait");
    turn();
    call(&b, 1, "x");
    turn();
    turn();
    assert_int_equal(b.done, 1);
    timers_expire(&t.timers, instant_add(clock_now(), DURATION_S(61)));
    assert_int_equal(a.call.status, ERR_TIMEOUT);
    assert_int_equal(t.aborted_n, 0);
    turn();
    rpc_server_answer(t.kept, 0, STR_NONE);
    turn();
    buf_fini(&b.answer);
    call(&a, 9, "wait");
    call(&b, 9, "wait, too");
    timers_expire(&t.timers, instant_add(clock_now(), DURATION_S(61)));
    assert_int_equal(a.call.status, ERR_TIMEOUT);
    assert_int_equal(t.aborted_n, 1);
    turn();
    assert_int_equal(b.done, 1);
    assert_true(b.call.was_sent);
    t.conn_n = 0;
    close_all();
}

/* A lost connection ends its calls, which may have been carried out, and cancels at the server. */
static void loss(void **state)
{
    struct job a;
    open_all();
    call(&a, 9, "wait");
    turn();
    wire_close(t.conns[0]);
    turn();
    assert_int_equal(a.done, 1);
    assert_int_equal(a.call.status, ERR_CLOSED);
    assert_true(a.call.was_sent);
    assert_int_equal(t.lost, 1);
    assert_int_equal(t.cancels, 1);
    rpc_server_answer(t.kept, 0, STR_NONE);
    t.conn_n = 0;
    close_all();
}

/* Nobody there: the call certainly was not carried out. */
static void refusal(void **state)
{
    struct job a;
    open_all();
    t.refuse = true;
    call(&a, 1, "x");
    turn();
    assert_int_equal(a.done, 1);
    assert_true(a.call.status < 0);
    assert_false(a.call.was_sent);
    t.refuse = false;
    t.conn_n = 0;
    call(&a, 1, "x");
    turn();
    turn();
    assert_int_equal(a.call.status, 0);
    buf_fini(&a.answer);
    close_all();
}

/* Those who follow are told of changes; who answers too slowly is told that it is busy. */
static void changes_and_pressure(void **state)
{
    struct job a, b;
    open_all();
    call(&a, 9, "");
    turn();
    assert_false(rpc_server_is_followed(t.server));
    rpc_server_follow(t.kept);
    rpc_server_answer(t.kept, 0, STR_NONE);
    rpc_server_publish(t.server, STR_LIT("abc"));
    turn();
    assert_int_equal(t.changes, 3);
    t.full = true;
    call(&b, 1, "x");
    turn();
    turn();
    assert_int_equal(b.call.status, ERR_BUSY);
    close_all();
}

/* Frames that are not ours are refused. */
static void frames(void **state)
{
    uint8_t head[RPC_FRAME_HEAD_SIZE];
    struct rpc_frame f = {RPC_FRAME_ANSWER, 0, ERR_TIMEOUT, 1234567890123, STR_NONE}, g;
    rpc_frame_put_head(&f, head);
    assert_int_equal(rpc_frame_parse(str_make((char *)head, sizeof head), &g), 0);
    assert_int_equal(g.status, ERR_TIMEOUT);
    assert_int_equal(g.id, f.id);
    assert_int_equal(rpc_frame_parse(str_make((char *)head, 15), &g), ERR_CORRUPT);
    head[0] = 5;
    assert_int_equal(rpc_frame_parse(str_make((char *)head, sizeof head), &g), ERR_CORRUPT);
    head[0] = RPC_FRAME_REQUEST; /* with a status */
    assert_int_equal(rpc_frame_parse(str_make((char *)head, sizeof head), &g), ERR_CORRUPT);
}

UNIT_MAIN(UNIT(answers), UNIT(cancellation), UNIT(silence), UNIT(loss), UNIT(refusal),
          UNIT(changes_and_pressure), UNIT(frames))
