/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests of other agents, handed to workers: in turn, answered once, canceled, and at the end. */
#include "agent/agent_state.h"
#include "agent/serve.h"
#include "rpc/rpc_server.h"
#include "tests/lib/unit.h"

#define WORKERS 2

/* One request as the test's own rpc server has it. */
struct rpc_request {
    void *data;
    int answers, status;
    char text[32];
};

static struct {
    struct agent agent;
    struct mailbox *self[WORKERS];
    struct env env[WORKERS];
    void *door[WORKERS];
    struct serve_call *waiting[8]; /* with the handler */
    int started[WORKERS], waiting_n, cancels, closed;
} t;

void rpc_server_answer(struct rpc_request *r, int status, struct str body)
{
    r->answers++;
    r->status = status;
    (void)str_copy_z(body, r->text, sizeof r->text);
}

void rpc_server_set_data(struct rpc_request *r, void *data)
{
    r->data = data;
}

void *rpc_server_data(const struct rpc_request *r)
{
    return r->data;
}

struct mailbox *agent_mailbox(struct agent *a)
{
    return a->box;
}

/* ---- a kind that waits until the test answers it ---- */

static void handler_start(struct serve_call *c)
{
    for (int i = 0; i < WORKERS; i++)
        t.started[i] += c->env == &t.env[i];
    t.waiting[t.waiting_n++] = c;
}

static void handler_cancel(struct serve_call *c)
{
    assert_ptr_equal(t.waiting[0], c);
    t.cancels++;
}

static const struct serve_handler handler = {
    .kind = SHIP_API, .start = handler_start, .cancel = handler_cancel};
static const struct serve_handler *const handlers[] = {&handler};
static const struct serve_table table = {handlers, 1};

static void turn(void)
{
    size_t n;
    do {
        n = mailbox_drain(t.agent.box);
        for (int i = 0; i < WORKERS; i++)
            n += mailbox_drain(t.self[i]);
    } while (n > 0);
}

static void answer(int i, const char *text)
{
    struct buf body;
    buf_init(&body, 0);
    buf_put_z(&body, text);
    serve_answer(t.waiting[i], 0, &body);
    buf_fini(&body);
}

static void wake(void *data)
{
    (void)data;
}

static void open_all(void)
{
    struct error err = {0};
    memset(&t, 0, sizeof t);
    t.agent.box = mailbox_new(wake, NULL);
    list_init(&t.agent.serve_workers);
    for (int i = 0; i < WORKERS; i++) {
        t.self[i] = mailbox_new(wake, NULL);
        t.env[i] = (struct env){.agent = &t.agent, .core = t.agent.box, .self = t.self[i]};
        assert_int_equal(
            serve_door.open(NULL, &t.env[i], (void *)(uintptr_t)&table, &t.door[i], &err), 0);
    }
}

static void on_closed(void *data)
{
    (void)data;
    t.closed++;
}

static void close_door(int i)
{
    serve_door.close(t.door[i], (struct instant){0}, on_closed, NULL);
}

static void free_all(void)
{
    turn();
    assert_int_equal(t.closed, WORKERS);
    assert_true(list_is_empty(&t.agent.serve_workers));
    for (int i = 0; i < WORKERS; i++) {
        assert_int_equal(t.env[i].flight_n, 0);
        mailbox_free(t.self[i]);
    }
    mailbox_free(t.agent.box);
}

static void close_all(void)
{
    for (int i = 0; i < WORKERS; i++)
        close_door(i);
    free_all();
}

/* Workers take their turns, and each request is answered once with what its handler said. */
static void in_turn(void **state)
{
    struct rpc_request r[4] = {{0}};
    open_all();
    turn();
    for (int i = 0; i < 4; i++)
        serve_request(&t.agent, &r[i], SHIP_API, STR_LIT("question"));
    turn();
    assert_int_equal(t.started[0], 2);
    assert_int_equal(t.started[1], 2);
    assert_str(t.waiting[3]->body, STR_LIT("question"));
    assert_int_equal(r[0].answers, 0);
    for (int i = 3; i >= 0; i--)
        answer(i, "yes");
    turn();
    for (int i = 0; i < 4; i++) {
        assert_int_equal(r[i].answers, 1);
        assert_int_equal(r[i].status, 0);
        assert_string_equal(r[i].text, "yes");
    }
    close_all();
}

/* What nobody here runs is said so; without a worker there is nobody at all. */
static void refused(void **state)
{
    struct rpc_request unknown = {0}, early = {0};
    open_all();
    serve_request(&t.agent, &early, SHIP_API, STR_NONE); /* no worker has come yet */
    assert_int_equal(early.status, ERR_CLOSED);
    turn();
    serve_request(&t.agent, &unknown, SHIP_DNS, STR_NONE);
    turn();
    assert_int_equal(unknown.answers, 1);
    assert_int_equal(unknown.status, ERR_UNSUPPORTED);
    close_all();
}

/* A cancellation reaches the handler, which answers all the same; behind the answer it reaches
 * nobody. */
static void canceled(void **state)
{
    struct rpc_request r = {0}, late = {0};
    open_all();
    turn();
    serve_request(&t.agent, &r, SHIP_API, STR_NONE);
    turn();
    serve_cancel(&t.agent, &r);
    serve_cancel(&t.agent, &r);
    turn();
    assert_int_equal(t.cancels, 1);
    assert_int_equal(r.answers, 0);
    answer(0, "late");
    turn();
    assert_int_equal(r.answers, 1);
    serve_request(&t.agent, &late, SHIP_API, STR_NONE);
    turn();
    answer(1, "done");
    serve_cancel(&t.agent, &late); /* they cross */
    turn();
    assert_int_equal(t.cancels, 1);
    assert_int_equal(late.answers, 1);
    close_all();
}

/* A worker that closes takes nothing more; what is in its mailbox is answered. */
static void closing(void **state)
{
    struct rpc_request r[2] = {{0}};
    open_all();
    turn();
    serve_request(&t.agent, &r[0], SHIP_API, STR_NONE);
    serve_request(&t.agent, &r[1], SHIP_API, STR_NONE);
    close_door(0);
    close_door(1);
    turn();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(r[i].answers, 1);
        assert_int_equal(r[i].status, ERR_CLOSED);
    }
    free_all();
    /* and one that closes before the core has heard of it */
    open_all();
    close_all();
}

UNIT_MAIN(UNIT(in_turn), UNIT(refused), UNIT(canceled), UNIT(closing))
