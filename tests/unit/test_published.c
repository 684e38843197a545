/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>

#include "base/published.h"
#include "tests/lib/unit.h"

#define THREADS 4
#define TIMES   20000

static struct published shared;
static struct published_counter counter;

static void *add(void *data)
{
    (void)data;
    for (int i = 0; i < TIMES; i++)
        published_add(&counter, 1);
    return NULL;
}

static void *watch(void *data)
{
    uint64_t last = 0;

    (void)data;
    while (last < TIMES) {
        uint64_t now = published_get(&shared, PUBLISHED_APPLIED_INDEX);

        assert_true(now >= last);
        last = now;
    }
    return NULL;
}

/* No addition is lost, and a published value is never seen going back. */
static void test_threads(void **state)
{
    pthread_t adders[THREADS], watcher;

    (void)state;
    assert_int_equal(pthread_create(&watcher, NULL, watch, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&adders[i], NULL, add, NULL), 0);
    for (uint64_t i = 1; i <= TIMES; i++)
        published_set(&shared, PUBLISHED_APPLIED_INDEX, i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(adders[i], NULL);
    pthread_join(watcher, NULL);
    assert_int_equal(published_read(&counter), THREADS * TIMES);
    published_write(&counter, -3);
    assert_int_equal(published_read(&counter), -3);
    assert_true(published_get(&shared, PUBLISHED_TERM) == 0);
}

UNIT_MAIN(UNIT(test_threads))
