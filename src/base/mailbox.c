/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The poster calls `wake` without the lock, or the woken owner, who often takes
 * the poster's CPU at once, would have to give it back to get the lock. But a mail
 * may tell the owner to stop, and the box must not be freed under a poster that is
 * still on its way to `wake`: so those are counted, and the free waits for them.
 */
#include "base/mailbox.h"

#include <pthread.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/published.h"

struct mailbox {
    pthread_mutex_t lock;
    struct mail *first, **last; /* under the lock */
    struct published_counter waiting;
    int waking; /* posters on their way to `wake`; under the lock */
    pthread_cond_t woken;
    void (*wake)(void *data);
    void *data;
};

struct mailbox *mailbox_new(void (*wake)(void *data), void *data)
{
    struct mailbox *b = mem_new(struct mailbox);

    ASSERT(wake != NULL);
    ASSERT(pthread_mutex_init(&b->lock, NULL) == 0);
    ASSERT(pthread_cond_init(&b->woken, NULL) == 0);
    b->last = &b->first;
    b->wake = wake;
    b->data = data;
    return b;
}

void mailbox_free(struct mailbox *b)
{
    if (!b)
        return;
    while (mailbox_drain(b) > 0)
        ;
    ASSERT(pthread_mutex_lock(&b->lock) == 0);
    while (b->waking > 0)
        ASSERT(pthread_cond_wait(&b->woken, &b->lock) == 0);
    ASSERT(pthread_mutex_unlock(&b->lock) == 0);
    ASSERT(pthread_cond_destroy(&b->woken) == 0);
    ASSERT(pthread_mutex_destroy(&b->lock) == 0);
    mem_free(b);
}

void mailbox_post(struct mailbox *b, struct mail *m)
{
    bool was_empty;

    ASSERT(m->deliver != NULL);
    m->next = NULL;
    ASSERT(pthread_mutex_lock(&b->lock) == 0);
    was_empty = b->first == NULL;
    *b->last = m;
    b->last = &m->next;
    published_add(&b->waiting, 1);
    b->waking += was_empty;
    ASSERT(pthread_mutex_unlock(&b->lock) == 0);
    if (!was_empty)
        return;
    b->wake(b->data);
    ASSERT(pthread_mutex_lock(&b->lock) == 0);
    if (--b->waking == 0)
        ASSERT(pthread_cond_signal(&b->woken) == 0);
    ASSERT(pthread_mutex_unlock(&b->lock) == 0);
}

size_t mailbox_drain(struct mailbox *b)
{
    struct mail *m;
    size_t n = 0;

    ASSERT(pthread_mutex_lock(&b->lock) == 0);
    m = b->first;
    b->first = NULL;
    b->last = &b->first;
    published_write(&b->waiting, 0);
    ASSERT(pthread_mutex_unlock(&b->lock) == 0);
    while (m) {
        struct mail *next = m->next;

        m->deliver(m);
        m = next;
        n++;
    }
    return n;
}

size_t mailbox_size(const struct mailbox *b)
{
    return (size_t)published_read(&b->waiting);
}
