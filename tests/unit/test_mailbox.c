/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <sched.h>

#include "base/mailbox.h"
#include "base/published.h"
#include "tests/lib/unit.h"

#define POSTERS 4
#define MAILS   5000

static struct mailbox *box;
static struct published_counter wakes;

struct letter {
    struct mail mail;
    int from, n;
    bool post_again;
};
struct letters {
    int from;
    struct letter all[MAILS];
};
static struct {
    int next[POSTERS]; /* per poster: the number that must come next */
    int total;
} got;

static void on_wake(void *data)
{
    assert_ptr_equal(data, &wakes);
    published_add(&wakes, 1);
}

static void on_mail(struct mail *m)
{
    struct letter *l = (struct letter *)(void *)m;

    assert_int_equal(got.next[l->from], l->n);
    got.next[l->from]++;
    got.total++;
    if (l->post_again) {
        l->post_again = false;
        l->n++;
        mailbox_post(box, m);
    }
}

static void *post_all(void *data)
{
    struct letters *l = data;

    for (int i = 0; i < MAILS; i++) {
        l->all[i] = (struct letter){{NULL, on_mail}, l->from, i, false};
        mailbox_post(box, &l->all[i].mail);
    }
    return NULL;
}

/* Mail of several threads comes complete, in each sender's order, and an empty box wakes. */
static void test_threads(void **state)
{
    static struct letters letters[POSTERS];
    pthread_t threads[POSTERS];

    (void)state;
    memset(&got, 0, sizeof(got));
    box = mailbox_new(on_wake, &wakes);
    for (int i = 0; i < POSTERS; i++) {
        letters[i].from = i;
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &letters[i]), 0);
    }
    while (got.total < POSTERS * MAILS)
        if (mailbox_drain(box) == 0)
            sched_yield();
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(mailbox_size(box), 0);
    assert_true(published_read(&wakes) > 0);
    mailbox_free(box);
}

/* What a delivery posts waits for the next drain; the last is delivered by the free. */
static void test_drain_is_bounded(void **state)
{
    struct letter l = {{NULL, on_mail}, 0, 0, true};

    (void)state;
    memset(&got, 0, sizeof(got));
    published_write(&wakes, 0);
    box = mailbox_new(on_wake, &wakes);
    mailbox_post(box, &l.mail);
    assert_int_equal(mailbox_size(box), 1);
    assert_int_equal(mailbox_drain(box), 1);
    assert_int_equal(got.total, 1);
    assert_int_equal(published_read(&wakes), 2);
    mailbox_free(box);
    assert_int_equal(got.total, 2);
    mailbox_free(NULL);
}

UNIT_MAIN(UNIT(test_threads), UNIT(test_drain_is_bounded))
