/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core's side and the thread's side share nothing but mails: `change` (a
 * batch), `reload`, `stop` go down, `stopped` comes up. The one exception is
 * the start, where the core waits on a semaphore until the doors are open, so
 * that a failure is the start's failure.
 *
 * A batch is handed down only when the worker wants any: `interest` counts its
 * doors that follow changes and its reads that wait or are about to. So a write
 * does not wake threads that have nothing to do with it.
 *
 * The thread ends when its doors are closed and nothing it sent to the core
 * is still there (env.flight_n): those objects live in this thread's doors.
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <uv.h>

#include "agent/event.h"
#include "agent/loop.h"
#include "agent/metrics.h"
#include "agent/read.h"
#include "agent/recall.h"
#include "agent/ship.h"
#include "base/log.h"
#include "base/mem.h"
#include "worker/worker.h"

#define STACK_SIZE ((size_t)1 << 20) /* address space; only what is touched is resident */

struct worker_door {
    struct door_plan plan;
    void *door; /* what its open gave */
};

struct worker {
    struct agent *agent;
    struct loop *loop;
    struct env env; /* with `rng`, the thread's from worker_start on */
    struct rng rng;
    struct worker_door doors[WORKER_DOORS_MAX];
    size_t door_n;
    size_t open_n; /* doors open or closing */
    bool stopping, said;
    uv_thread_t thread;
    /* start */
    uv_sem_t started;
    int status;
    struct error error;
    /* core */
    struct agent_subscriber subscriber;
    struct published_counter interest;
    struct duration grace;
    struct mail stop, stopped;
    void (*on_stopped)(void *data);
    void *data;
};

struct change_mail {
    struct mail mail;
    struct worker *worker;
    struct change_batch batch;
};
struct retoken_mail {
    struct mail mail;
    struct worker *worker;
    struct tokens tokens;
};

struct event_mail {
    struct mail mail;
    struct worker *worker;
    uint64_t ltime;
    struct buf bytes;
};
struct reload_mail {
    struct mail mail;
    struct worker *worker;
    const struct config *config;
};

static void thread_main(void *arg);
static int doors_open(struct worker *w);
static void doors_close(struct worker *w, struct duration grace);
static void on_turn(void *data);
static void on_batch(struct agent_subscriber *s, const struct change_batch *changes);
static void on_retoken(struct agent_subscriber *s, const struct tokens *tokens);
static void on_tokens(struct mail *m);
static void on_event(struct agent_subscriber *s, const struct event *e);
static void on_event_mail(struct mail *m);
static void tell(struct worker *w, const struct change_batch *changes);
static void on_change(struct mail *m);
static void on_reload(struct mail *m);
static void on_stop(struct mail *m);
static void on_stopped(struct mail *m);

static void env_open(struct worker *w, int worker_i)
{
    struct env *env = &w->env;
    rng_system(&w->rng);
    *env = (struct env){
        .config = agent_config(w->agent),
        .reader = store_reader_new(agent_store(w->agent)),
        .published = agent_published(w->agent),
        .core = agent_mailbox(w->agent),
        .self = loop_mailbox(w->loop),
        .agent = w->agent,
        .timers = loop_timers(w->loop),
        .watches = watch_index_new(rng_u64(&w->rng)),
        .rng = &w->rng,
        .metrics = agent_metrics(w->agent),
        .recall = recall_of_agent(w->agent),
        .interest = &w->interest,
        .worker_i = worker_i,
        .is_client = !agent_config(w->agent)->server,
        .clock = clock_now,
        .wall = clock_wall_ns,
        .policy = policy_new(rng_u64(&w->rng)),
        .tokens = *agent_tokens(w->agent),
        .events = event_ring_new(),
    };
    list_init(&env->reads);
    list_init(&env->ships);
}

static void env_close(struct worker *w)
{
    watch_index_free(w->env.watches);
    event_ring_free(w->env.events);
    store_reader_free(w->env.reader);
    policy_free(w->env.policy);
}

static int thread_start(struct worker *w, struct error *err)
{
    uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK_SIZE};
    int rc = uv_thread_create_ex(&w->thread, &options, thread_main, w);
    if (rc)
        return error_set(err, rc, "worker thread: %s", uv_strerror(rc));
    uv_sem_wait(&w->started);
    if (w->status) {
        uv_thread_join(&w->thread);
        if (err)
            *err = w->error;
    }
    return w->status;
}

int worker_start(struct agent *agent, int worker_i, const struct door_plan *plans, size_t plan_n,
                 struct worker **ret, struct error *err)
{
    ASSERT(plan_n <= WORKER_DOORS_MAX);
    struct worker *w = mem_new(struct worker);
    int rc = loop_open(&w->loop, err);
    if (rc) {
        mem_free(w);
        return rc;
    }
    w->agent = agent;
    for (; w->door_n < plan_n; w->door_n++) {
        w->doors[w->door_n].plan = plans[w->door_n];
        published_add(&w->interest, plans[w->door_n].door->changes != NULL);
    }
    env_open(w, worker_i);
    uv_sem_init(&w->started, 0);
    /* Before the doors open, so that what they read at first is followed from then on. */
    w->subscriber.box = loop_mailbox(w->loop);
    w->subscriber.publish = on_batch;
    w->subscriber.retoken = on_retoken;
    w->subscriber.event = on_event;
    agent_subscribe(agent, &w->subscriber);
    loop_set_turn(w->loop, on_turn, w);
    rc = thread_start(w, err);
    uv_sem_destroy(&w->started);
    if (rc) {
        agent_unsubscribe(agent, &w->subscriber);
        loop_close(w->loop); /* first: the mails it still delivers use the env */
        env_close(w);
        mem_free(w);
        return rc;
    }
    *ret = w;
    return 0;
}

void worker_stop(struct worker *w, struct duration grace, void (*stopped)(void *data), void *data)
{
    agent_unsubscribe(w->agent, &w->subscriber);
    w->grace = grace;
    w->on_stopped = stopped;
    w->data = data;
    w->stop.deliver = on_stop;
    mailbox_post(w->subscriber.box, &w->stop);
}

static void on_stopped(struct mail *m)
{
    struct worker *w = LIST_ITEM(m, struct worker, stopped);
    w->on_stopped(w->data);
}

void worker_join_free(struct worker *w)
{
    uv_thread_join(&w->thread);
    loop_close(w->loop);
    env_close(w);
    mem_free(w);
}

static void on_batch(struct agent_subscriber *s, const struct change_batch *changes)
{
    struct worker *w = LIST_ITEM(s, struct worker, subscriber);
    if (published_add_ordered(&w->interest, 0) == 0)
        return;
    struct change_mail *c = mem_new(struct change_mail);
    c->worker = w;
    c->mail.deliver = on_change;
    change_init(&c->batch);
    change_copy(&c->batch, changes);
    mailbox_post(s->box, &c->mail);
}

void worker_reload(struct worker *w, const struct config *config)
{
    struct reload_mail *r = mem_new(struct reload_mail);
    r->worker = w;
    r->config = config;
    r->mail.deliver = on_reload;
    mailbox_post(w->subscriber.box, &r->mail);
}

/* ---- the thread ---- */

static void thread_main(void *arg)
{
    struct worker *w = arg;
    char name[16];
    snprintf(name, sizeof name, "worker-%d", w->env.worker_i);
    prctl(PR_SET_NAME, name);
    w->status = doors_open(w);
    if (w->status) {
        doors_close(w, (struct duration){0});
        loop_run(w->loop);
        uv_sem_post(&w->started);
        return;
    }
    uv_sem_post(&w->started);
    loop_run(w->loop);
}

static int doors_open(struct worker *w)
{
    env_now(&w->env);
    for (; w->open_n < w->door_n; w->open_n++) {
        struct worker_door *d = &w->doors[w->open_n];
        int rc = d->plan.door->open(loop_uv(w->loop), &w->env, d->plan.config, &d->door, &w->error);
        if (rc)
            return rc;
    }
    return 0;
}

static void on_door_closed(void *data)
{
    struct worker *w = data;
    ASSERT(w->open_n > 0);
    w->open_n--;
}

static void doors_close(struct worker *w, struct duration grace)
{
    struct instant deadline = instant_add(env_now(&w->env), grace);
    size_t n = w->open_n;
    w->stopping = true;
    w->env.closing = true;
    read_cancel_all(&w->env);
    ship_cancel_all(&w->env);
    for (size_t i = 0; i < n; i++) {
        struct worker_door *d = &w->doors[i];
        void *door = d->door;
        d->door = NULL;
        d->plan.door->close(door, deadline, on_door_closed, w);
    }
}

/* Before each sleep: is this the end? */
static void on_turn(void *data)
{
    struct worker *w = data;
    if (!w->stopping || w->said || w->open_n > 0 || w->env.flight_n > 0)
        return;
    w->said = true;
    loop_stop(w->loop);
    if (w->on_stopped) {
        w->stopped.deliver = on_stopped;
        mailbox_post(w->env.core, &w->stopped);
    }
}

static void on_stop(struct mail *m)
{
    struct worker *w = LIST_ITEM(m, struct worker, stop);
    doors_close(w, w->grace);
}

/* Wakes the reads that wait for these changes, then the doors. */
static void tell(struct worker *w, const struct change_batch *changes)
{
    struct env *env = &w->env;
    env_now(env);
    env->replaced = changes->everything;
    watch_fire(env->watches, changes);
    env->replaced = false;
    for (size_t i = 0; i < w->door_n; i++) {
        struct worker_door *d = &w->doors[i];
        if (d->door && d->plan.door->changes)
            d->plan.door->changes(d->door, changes);
    }
}

static void on_change(struct mail *m)
{
    struct change_mail *c = LIST_ITEM(m, struct change_mail, mail);
    tell(c->worker, &c->batch);
    change_fini(&c->batch);
    mem_free(c);
}

static void on_event(struct agent_subscriber *s, const struct event *e)
{
    struct event_mail *mail = mem_new(struct event_mail);
    mail->worker = LIST_ITEM(s, struct worker, subscriber);
    mail->ltime = e->ltime;
    buf_init(&mail->bytes, 0);
    event_encode(e, &mail->bytes);
    mail->mail.deliver = on_event_mail;
    mailbox_post(s->box, &mail->mail);
}

static void on_event_mail(struct mail *m)
{
    struct event_mail *mail = LIST_ITEM(m, struct event_mail, mail);
    struct worker *w = mail->worker;
    struct change_batch changes;
    struct event e;
    if (event_decode(buf_str(&mail->bytes), &e) == 0) {
        e.ltime = mail->ltime;
        event_ring_push(w->env.events, &e);
        change_init(&changes);
        change_add(&changes, WATCH_EVENT, STR_NONE);
        tell(w, &changes);
        change_fini(&changes);
    }
    buf_fini(&mail->bytes);
    mem_free(mail);
}

static void on_retoken(struct agent_subscriber *s, const struct tokens *tokens)
{
    struct retoken_mail *r = mem_new(struct retoken_mail);
    r->worker = LIST_ITEM(s, struct worker, subscriber);
    r->tokens = *tokens;
    r->mail.deliver = on_tokens;
    mailbox_post(s->box, &r->mail);
}

static void on_tokens(struct mail *m)
{
    struct retoken_mail *r = LIST_ITEM(m, struct retoken_mail, mail);
    r->worker->env.tokens = r->tokens;
    mem_free(r);
}

static void on_reload(struct mail *m)
{
    struct reload_mail *r = LIST_ITEM(m, struct reload_mail, mail);
    struct worker *w = r->worker;
    w->env.config = r->config;
    for (size_t i = 0; i < w->door_n; i++) {
        struct worker_door *d = &w->doors[i];
        if (d->door && d->plan.door->reload)
            d->plan.door->reload(d->door);
    }
    mem_free(r);
}
