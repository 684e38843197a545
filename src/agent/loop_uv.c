/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <uv.h>

#include "agent/loop.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/net_bell.h"

#define CLOSE_TURNS_MAX 1000

struct loop_signal {
    uv_signal_t handle;
    void (*cb)(void *data, int signo);
    void *data;
};

struct loop {
    uv_loop_t uv;
    struct net_bell *bell;
    uv_prepare_t prepare;
    uv_timer_t timer; /* the only one of ours: armed for the nearest deadline of `timers` */
    struct instant armed;
    struct timers timers;
    struct mailbox *box;
    void (*turn)(void *data);
    void *turn_data;
    struct loop_signal signals[LOOP_SIGNALS_MAX];
    int signal_n;
};

static void on_wake(void *data)
{
    struct loop *l = data;
    net_bell_ring(l->bell);
}

static void on_bell(void *data)
{
    struct loop *l = data;
    mailbox_drain(l->box);
}

static void on_timer(uv_timer_t *handle)
{
    struct loop *l = handle->data;
    l->armed = INSTANT_NEVER;
    timers_expire(&l->timers, clock_now());
}

static void arm(struct loop *l)
{
    struct instant deadline = timers_deadline(&l->timers);
    if (deadline.ns == l->armed.ns)
        return;
    l->armed = deadline;
    if (deadline.ns == INSTANT_NEVER.ns) {
        uv_timer_stop(&l->timer);
        return;
    }
    struct duration left = instant_since(deadline, clock_now());
    uv_update_time(&l->uv);
    uv_timer_start(&l->timer, on_timer, left.ns > 0 ? (uint64_t)duration_ms(left) : 0, 0);
}

/* libuv runs timers, then this, then sleeps in its poll, where all else happens: so whatever set a
 * deadline, it is armed here before the next sleep. */
static void on_prepare(uv_prepare_t *handle)
{
    struct loop *l = handle->data;
    if (l->turn)
        l->turn(l->turn_data);
    arm(l);
}

int loop_open(struct loop **ret, struct error *err)
{
    struct loop *l = mem_new(struct loop);
    int rc = uv_loop_init(&l->uv);
    if (rc) {
        mem_free(l);
        return error_set(err, rc, "event loop: %s", uv_strerror(rc));
    }
    l->prepare.data = l->timer.data = l;
    rc = net_bell_open(&l->uv, on_bell, l, &l->bell);
    if (rc) {
        uv_loop_close(&l->uv);
        mem_free(l);
        return error_set(err, rc, "event loop: %s", uv_strerror(rc));
    }
    uv_prepare_init(&l->uv, &l->prepare);
    uv_prepare_start(&l->prepare, on_prepare);
    uv_timer_init(&l->uv, &l->timer);
    l->armed = INSTANT_NEVER;
    timers_init(&l->timers);
    l->box = mailbox_new(on_wake, l);
    *ret = l;
    return 0;
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

static void on_left(uv_handle_t *handle, void *data)
{
    (void)data;
    log_error("agent.loop", "handle left open at close: type=%s active=%d",
              uv_handle_type_name(handle->type), uv_is_active(handle));
}

void loop_close(struct loop *l)
{
    int rc = UV_EBUSY;
    l->turn = NULL;
    net_bell_close(l->bell, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->timer, NULL);
    for (int i = 0; i < l->signal_n; i++)
        uv_close((uv_handle_t *)&l->signals[i].handle, NULL);
    for (int i = 0; i < CLOSE_TURNS_MAX && rc == UV_EBUSY; i++) {
        uv_run(&l->uv, UV_RUN_NOWAIT);
        rc = uv_loop_close(&l->uv);
    }
    mailbox_free(l->box);
    timers_fini(&l->timers);
    if (rc) {
        /* A defect of a door. Its handle may still be used by the kernel: the memory stays. */
        uv_walk(&l->uv, on_left, NULL);
        return;
    }
    net_bell_free(l->bell);
    mem_free(l);
}

void *loop_uv(struct loop *l)
{
    return &l->uv;
}

struct timers *loop_timers(struct loop *l)
{
    return &l->timers;
}

struct mailbox *loop_mailbox(struct loop *l)
{
    return l->box;
}

void loop_set_turn(struct loop *l, void (*turn)(void *data), void *data)
{
    l->turn = turn;
    l->turn_data = data;
}

static void on_signal(uv_signal_t *handle, int signo)
{
    struct loop_signal *s = handle->data;
    s->cb(s->data, signo);
}

void loop_on_signal(struct loop *l, int signo, void (*cb)(void *data, int signo), void *data)
{
    ASSERT(l->signal_n < LOOP_SIGNALS_MAX);
    struct loop_signal *s = &l->signals[l->signal_n++];
    *s = (struct loop_signal){.cb = cb, .data = data};
    s->handle.data = s;
    uv_signal_init(&l->uv, &s->handle);
    uv_signal_start(&s->handle, on_signal, signo);
}
