/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a call:
 *
 *     core: made ── mail ──> worker: start ... answer ── mail ──> core: sent, freed
 *
 * A cancellation is a second mail of the call. It goes to the worker and comes back; the call is
 * freed when both are home.
 */
#include "agent/serve.h"

#include "agent/agent_state.h"
#include "base/mem.h"
#include "rpc/rpc_server.h"

struct serve_worker {
    struct env *env;
    const struct serve_table *table;
    void *ctx[SERVE_HANDLERS_MAX];
    size_t open_n;
    bool closing, removed;
    struct ask ask;
    struct list link; /* of the core's list */
    void (*closed)(void *data);
    void *data;
};

/* ---- the core ---- */

static void free_if_home(struct serve_call *c)
{
    if (!c->at_core || c->cancel_posted)
        return;
    buf_fini(&c->bytes);
    buf_fini(&c->answer);
    mem_free(c);
}

static void on_core_answer(struct mail *m)
{
    struct serve_call *c = LIST_ITEM(m, struct serve_call, mail);
    rpc_server_answer(c->request, c->status, buf_str(&c->answer));
    c->at_core = true;
    free_if_home(c);
}

static void on_core_cancel_back(struct mail *m)
{
    struct serve_call *c = LIST_ITEM(m, struct serve_call, cancel_mail);
    c->cancel_posted = false;
    free_if_home(c);
}

static void on_start(struct mail *m);
static void on_cancel(struct mail *m);

void serve_request(struct agent *a, struct rpc_request *r, uint8_t kind, struct str body)
{
    struct list *l = list_pop(&a->serve_workers);
    if (!l) {
        rpc_server_answer(r, ERR_CLOSED, STR_NONE);
        return;
    }
    list_push(&a->serve_workers, l); /* the next one next time */
    struct serve_call *c = mem_new(struct serve_call);
    c->worker = LIST_ITEM(l, struct serve_worker, link);
    c->agent = a;
    c->request = r;
    c->kind = (enum ship_kind)kind;
    buf_init(&c->bytes, SHIP_BODY_SIZE_MAX);
    buf_init(&c->answer, SHIP_BODY_SIZE_MAX);
    buf_put_str(&c->bytes, body);
    rpc_server_set_data(r, c);
    c->mail.deliver = on_start;
    c->box = c->worker->env->self;
    mailbox_post(c->box, &c->mail);
}

void serve_cancel(struct agent *a, struct rpc_request *r)
{
    struct serve_call *c = rpc_server_data(r);
    (void)a;
    if (!c || c->cancel_posted)
        return;
    c->cancel_posted = true;
    c->cancel_mail.deliver = on_cancel;
    mailbox_post(c->box, &c->cancel_mail);
}

/* ---- the worker ---- */

static size_t place_of(const struct serve_worker *w, enum ship_kind kind)
{
    size_t i = 0;
    while (i < w->table->n && w->table->handlers[i]->kind != kind)
        i++;
    return i;
}

static void on_start(struct mail *m)
{
    struct serve_call *c = LIST_ITEM(m, struct serve_call, mail);
    struct serve_worker *w = c->worker;
    size_t i = place_of(w, c->kind);
    struct buf none;
    c->env = w->env;
    c->body = buf_str(&c->bytes);
    w->env->flight_n++;
    env_now(w->env);
    if (i < w->table->n && !w->closing) {
        c->ctx = w->ctx[i];
        w->table->handlers[i]->start(c);
        return;
    }
    buf_init(&none, 0);
    serve_answer(c, w->closing ? ERR_CLOSED : ERR_UNSUPPORTED, &none);
}

void serve_answer(struct serve_call *c, int status, struct buf *answer)
{
    ASSERT(!c->answered);
    c->answered = true;
    c->env->flight_n--;
    c->status = status;
    if (answer->failed)
        c->status = ERR_TOO_LARGE;
    struct buf empty = c->answer;
    c->answer = *answer;
    *answer = empty;
    c->mail.deliver = on_core_answer;
    mailbox_post(c->env->core, &c->mail);
}

static void on_cancel(struct mail *m)
{
    struct serve_call *c = LIST_ITEM(m, struct serve_call, cancel_mail);
    /* once answered, the worker's part of it may be gone */
    size_t i = c->answered ? 0 : place_of(c->worker, c->kind);
    if (!c->answered && i < c->worker->table->n && c->worker->table->handlers[i]->cancel)
        c->worker->table->handlers[i]->cancel(c);
    c->cancel_mail.deliver = on_core_cancel_back;
    mailbox_post(agent_mailbox(c->agent), &c->cancel_mail);
}

/* ---- the door ---- */

static void run_add(struct ask *q, struct agent *a)
{
    struct serve_worker *w = LIST_ITEM(q, struct serve_worker, ask);
    list_push(&a->serve_workers, &w->link);
}

static void run_remove(struct ask *q, struct agent *a)
{
    struct serve_worker *w = LIST_ITEM(q, struct serve_worker, ask);
    (void)a;
    list_remove(&w->link);
}

static void close_handlers(struct serve_worker *w);

static void on_added(struct ask *q)
{
    struct serve_worker *w = LIST_ITEM(q, struct serve_worker, ask);
    w->removed = false;
    if (w->closing)
        close_handlers(w);
}

static int serve_open(void *uv_loop, struct env *env, void *config, void **ret, struct error *err)
{
    struct serve_worker *w = mem_new(struct serve_worker);
    w->env = env;
    w->table = config;
    w->removed = true; /* until the core has added it */
    list_init(&w->link);
    for (; w->open_n < w->table->n; w->open_n++) {
        const struct serve_handler *h = w->table->handlers[w->open_n];
        int rc = h->open ? h->open(uv_loop, env, &w->ctx[w->open_n], err) : 0;
        if (rc) {
            mem_free(w); /* the agent does not start; what was opened goes with the process */
            return rc;
        }
    }
    w->ask.run = run_add;
    w->ask.done = on_added;
    ask_core(env, &w->ask);
    *ret = w;
    return 0;
}

static void on_handler_closed(void *data)
{
    struct serve_worker *w = data;
    if (--w->open_n > 0)
        return;
    void (*closed)(void *data) = w->closed;
    void *closed_data = w->data;
    mem_free(w);
    closed(closed_data);
}

/* No request comes any more: those in the mailbox were delivered before this answer of the core. */
static void on_removed(struct ask *q)
{
    struct serve_worker *w = LIST_ITEM(q, struct serve_worker, ask);
    size_t n = w->open_n;
    w->open_n = n + 1; /* one for this loop */
    for (size_t i = 0; i < n; i++) {
        const struct serve_handler *h = w->table->handlers[i];
        if (h->close)
            h->close(w->ctx[i], on_handler_closed, w);
        else
            w->open_n--;
    }
    on_handler_closed(w);
}

static void close_handlers(struct serve_worker *w)
{
    w->ask.run = run_remove;
    w->ask.done = on_removed;
    ask_core(w->env, &w->ask);
}

static void serve_close(void *door, struct instant deadline, void (*closed)(void *data), void *data)
{
    struct serve_worker *w = door;
    (void)deadline;
    w->closing = true;
    w->closed = closed;
    w->data = data;
    if (!w->removed)
        close_handlers(w);
}

static void serve_reload(void *door)
{
    struct serve_worker *w = door;
    for (size_t i = 0; i < w->table->n; i++) {
        if (w->table->handlers[i]->reload)
            w->table->handlers[i]->reload(w->ctx[i]);
    }
}

const struct door serve_door = {
    .name = "serve", .open = serve_open, .close = serve_close, .reload = serve_reload};
