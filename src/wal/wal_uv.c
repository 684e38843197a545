/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log thread: drains its mailbox, lets each order put its part into one
 * batch, commits, and sends the orders back. While it syncs, the next batch
 * collects in the mailbox: group commit without a timer.
 */
#include <uv.h>

#include "base/list.h"
#include "base/mem.h"
#include "wal/wal.h"

struct wal_thread {
    struct wal *wal;
    struct mailbox *in, *back;
    uv_sem_t wake;
    uv_thread_t thread;
    struct wal_order *first, **last; /* those whose part is in the batch */
    struct mail stop;
    bool stopping;
};

static void on_done(struct mail *m)
{
    struct wal_order *o = LIST_ITEM(m, struct wal_order, mail);

    o->done(o);
}

/* All orders of the batch have its outcome. */
static void finish(struct wal_thread *t)
{
    int status = t->first ? wal_commit(t->wal) : 0;

    while (t->first) {
        struct wal_order *o = t->first;
        t->first = o->next;
        o->status = status;
        o->mail.deliver = on_done;
        mailbox_post(t->back, &o->mail);
    }
    t->last = &t->first;
}

static void on_order(struct mail *m)
{
    struct wal_order *o = LIST_ITEM(m, struct wal_order, mail);
    struct wal_thread *t = o->thread;

    if (o->alone) {
        finish(t);
        o->run(o, t->wal);
        o->mail.deliver = on_done;
        mailbox_post(t->back, &o->mail);
        return;
    }
    o->run(o, t->wal);
    o->next = NULL;
    *t->last = o;
    t->last = &o->next;
    if (wal_pending(t->wal) >= WAL_BATCH_SIZE_GOAL)
        finish(t);
}

static void on_stop(struct mail *m)
{
    LIST_ITEM(m, struct wal_thread, stop)->stopping = true;
}

static void work(void *data)
{
    struct wal_thread *t = data;

    while (!t->stopping) {
        bool more = true;
        while (mailbox_drain(t->in) > 0 || t->first)
            finish(t);
        while (more && !t->stopping && mailbox_size(t->in) == 0)
            more = wal_idle(t->wal);
        if (!t->stopping && mailbox_size(t->in) == 0)
            uv_sem_wait(&t->wake);
    }
}

static void on_wake(void *data)
{
    uv_sem_post(&((struct wal_thread *)data)->wake);
}

struct wal_thread *wal_thread_start(struct wal *w, struct mailbox *back)
{
    struct wal_thread *t = mem_new(struct wal_thread);

    t->wal = w;
    t->back = back;
    t->last = &t->first;
    t->stop.deliver = on_stop;
    if (uv_sem_init(&t->wake, 0) < 0)
        ASSERT(!"a semaphore cannot be made");
    t->in = mailbox_new(on_wake, t);
    if (uv_thread_create(&t->thread, work, t) < 0)
        ASSERT(!"the log thread cannot be started");
    return t;
}

void wal_thread_post(struct wal_thread *t, struct wal_order *o)
{
    o->thread = t;
    o->status = 0;
    o->mail.deliver = on_order;
    mailbox_post(t->in, &o->mail);
}

void wal_thread_stop(struct wal_thread *t)
{
    mailbox_post(t->in, &t->stop);
    uv_thread_join(&t->thread);
    mailbox_free(t->in);
    uv_sem_destroy(&t->wake);
    mem_free(t);
}
