/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The poster calls `wake` while it holds the lock: a mail may tell the owner
 * to stop, and then the box must not be freed under a poster that is still on
 * its way to `wake`.
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
    void (*wake)(void *data);
    void *data;
};

struct mailbox *mailbox_new(void (*wake)(void *data), void *data)
{
    struct mailbox *b = mem_new(struct mailbox);

    ASSERT(wake != NULL);
    ASSERT(pthread_mutex_init(&b->lock, NULL) == 0);
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
    if (was_empty)
        b->wake(b->data);
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
