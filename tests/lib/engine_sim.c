/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/engine_sim.h"

#include "base/list.h"
#include "base/mem.h"
#include "wal/wal.h"

struct engine_sim engine_sim;

struct engine {
    struct mailbox *box;
    void (*turn)(void *data);
    void *data;
    bool again, closing;
    void (*closed)(void *data);
    void *closed_data;
    struct engine_work *work;
};

static void no_wake(void *data)
{
    (void)data;
}

int engine_open(void *uv_loop, void (*turn)(void *data), void *data, struct engine **ret)
{
    struct engine *e = mem_new(struct engine);

    (void)uv_loop;
    ASSERT(engine_sim.engine == NULL);
    e->box = mailbox_new(no_wake, NULL);
    e->turn = turn;
    e->data = data;
    *ret = engine_sim.engine = e;
    return 0;
}

void engine_close(struct engine *e, void (*cb)(void *data), void *data)
{
    ASSERT(engine_sim.log == NULL && e->work == NULL);
    e->closing = true;
    e->closed = cb;
    e->closed_data = data;
}

struct instant engine_now(struct engine *e)
{
    (void)e;
    return engine_sim.now;
}

struct mailbox *engine_mailbox(struct engine *e)
{
    return e->box;
}

void engine_again(struct engine *e)
{
    e->again = true;
}

void engine_work(struct engine *e, struct engine_work *w)
{
    ASSERT(e->work == NULL);
    e->work = w;
}

/* ---- the log thread ---- */

struct wal_thread {
    struct wal *wal;
    struct mailbox *back;
    struct wal_order *first, **last;
};

struct wal_thread *wal_thread_start(struct wal *w, struct mailbox *back)
{
    struct wal_thread *t = mem_new(struct wal_thread);

    t->wal = w;
    t->back = back;
    t->last = &t->first;
    engine_sim.log = t;
    return t;
}

void wal_thread_post(struct wal_thread *t, struct wal_order *o)
{
    o->status = 0;
    o->next = NULL;
    *t->last = o;
    t->last = &o->next;
}

void wal_thread_stop(struct wal_thread *t)
{
    ASSERT(t->first == NULL);
    engine_sim.log = NULL;
    mem_free(t);
}

static void deliver(struct mail *m)
{
    struct wal_order *o = LIST_ITEM(m, struct wal_order, mail);

    o->done(o);
}

static void send_back(struct wal_thread *t, struct wal_order *o)
{
    o->mail.deliver = deliver;
    mailbox_post(t->back, &o->mail);
}

static bool run_log(struct wal_thread *t)
{
    struct wal_order *o = t->first, *batch = NULL, **last = &batch;

    if (!o || engine_sim.log_stalls)
        return false;
    t->first = NULL;
    t->last = &t->first;
    for (struct wal_order *next; o; o = next) {
        next = o->next;
        if (o->alone || !next) {
            if (!o->alone) {
                o->run(o, t->wal);
                *last = o;
                last = &o->next;
            }
            int rc = batch ? wal_commit(t->wal) : 0;
            while (batch) {
                struct wal_order *x = batch;
                batch = x->next;
                x->status = rc;
                send_back(t, x);
            }
            last = &batch;
            if (o->alone) {
                o->run(o, t->wal);
                send_back(t, o);
            }
            continue;
        }
        o->run(o, t->wal);
        o->next = NULL;
        *last = o;
        last = &o->next;
    }
    return true;
}

/* ---- the disk ---- */

int wal_disk_open(const char *dir, struct wal_disk **ret, struct error *err)
{
    (void)dir;
    (void)err;
    *ret = &engine_sim.disk->disk;
    return 0;
}

void wal_disk_close(struct wal_disk *d)
{
    (void)d;
}

/* ---- time ---- */

static bool step(void)
{
    struct engine *e = engine_sim.engine;
    bool moved = false;

    if (!e)
        return false;
    if (e->closing) {
        void (*closed)(void *data) = e->closed;
        void *data = e->closed_data;
        mailbox_free(e->box);
        mem_free(e);
        engine_sim.engine = NULL;
        closed(data);
        return true;
    }
    if (engine_sim.log)
        moved = run_log(engine_sim.log);
    moved = mailbox_drain(e->box) > 0 || moved;
    if (e->work && !engine_sim.work_stalls) {
        struct engine_work *w = e->work;
        e->work = NULL;
        w->run(w);
        w->done(w);
        moved = true;
    }
    moved = moved || e->again;
    e->again = false;
    e->turn(e->data);
    return moved || e->again || e->closing || (e->work && !engine_sim.work_stalls) ||
           (engine_sim.log && engine_sim.log->first && !engine_sim.log_stalls);
}

void engine_sim_settle(void)
{
    while (step())
        ;
}

void engine_sim_sleep(struct duration d)
{
    struct instant end = instant_add(engine_sim.now, d);

    engine_sim_settle();
    while (!instant_before(end, timers_deadline(&engine_sim.timers))) {
        if (instant_before(engine_sim.now, timers_deadline(&engine_sim.timers)))
            engine_sim.now = timers_deadline(&engine_sim.timers);
        timers_expire(&engine_sim.timers, engine_sim.now);
        engine_sim_settle();
    }
    engine_sim.now = end;
}
