/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <uv.h>

#include "base/mem.h"
#include "consensus/engine.h"
#include "net/net_bell.h"

struct engine {
    uv_loop_t *loop;
    struct net_bell *bell;
    uv_prepare_t prepare;
    uv_check_t check;
    int open_n;
    struct mailbox *box;
    void (*turn)(void *data);
    void *data;
    void (*closed)(void *data);
    void *closed_data;
};
struct pool_job {
    uv_work_t uv;
    struct engine_work *work;
};

static void on_bell(void *data)
{
    struct engine *e = data;

    mailbox_drain(e->box);
}

static void on_prepare(uv_prepare_t *h)
{
    struct engine *e = h->data;

    e->turn(e->data);
}

static void on_check(uv_check_t *h)
{
    struct engine *e = h->data;

    e->turn(e->data);
}

static void wake(void *data)
{
    net_bell_ring(((struct engine *)data)->bell);
}

int engine_open(void *uv_loop, void (*turn)(void *data), void *data, struct engine **ret)
{
    struct engine *e = mem_new(struct engine);
    int rc = net_bell_open(uv_loop, on_bell, e, &e->bell);

    if (rc < 0) {
        mem_free(e);
        return rc;
    }
    e->loop = uv_loop;
    e->turn = turn;
    e->data = data;
    e->box = mailbox_new(wake, e);
    /* These two cannot fail: they only join lists of the loop. */
    uv_prepare_init(e->loop, &e->prepare);
    uv_check_init(e->loop, &e->check);
    e->prepare.data = e->check.data = e;
    uv_prepare_start(&e->prepare, on_prepare);
    uv_check_start(&e->check, on_check);
    uv_unref((uv_handle_t *)&e->prepare);
    uv_unref((uv_handle_t *)&e->check);
    e->open_n = 3;
    *ret = e;
    return 0;
}

static void on_one_closed(void *engine)
{
    struct engine *e = engine;

    if (--e->open_n > 0)
        return;
    void (*closed)(void *data) = e->closed;
    void *data = e->closed_data;
    mailbox_free(e->box);
    net_bell_free(e->bell);
    mem_free(e);
    if (closed)
        closed(data);
}

static void on_close(uv_handle_t *h)
{
    on_one_closed(h->data);
}

void engine_close(struct engine *e, void (*cb)(void *data), void *data)
{
    e->closed = cb;
    e->closed_data = data;
    net_bell_close(e->bell, on_one_closed);
    uv_close((uv_handle_t *)&e->prepare, on_close);
    uv_close((uv_handle_t *)&e->check, on_close);
}

struct instant engine_now(struct engine *e)
{
    (void)e;
    return clock_now();
}

struct mailbox *engine_mailbox(struct engine *e)
{
    return e->box;
}

void engine_again(struct engine *e)
{
    net_bell_ring(e->bell);
}

static void on_work(uv_work_t *w)
{
    struct engine_work *work = ((struct pool_job *)w->data)->work;

    work->run(work);
}

static void on_worked(uv_work_t *w, int status)
{
    struct pool_job *job = w->data;
    struct engine_work *work = job->work;

    ASSERT(status == 0); /* never cancelled */
    mem_free(job);
    work->done(work);
}

void engine_work(struct engine *e, struct engine_work *w)
{
    struct pool_job *job = mem_new(struct pool_job);

    job->work = w;
    job->uv.data = job;
    int rc = uv_queue_work(e->loop, &job->uv, on_work, on_worked);
    ASSERT(rc == 0); /* fails only for a missing function */
}
