/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/rng.h"
#include "base/timers.h"
#include "tests/lib/unit.h"

#define TIMERS 300

struct item {
    struct timer timer;
    int64_t want; /* -1: not set */
    bool fired;
    struct timers *again;
};

static int64_t last_fired;

static void on_fire(struct timer *t, struct instant now)
{
    struct item *i = (struct item *)(void *)t;

    assert_false(timers_is_set(t));
    assert_true(i->want >= 0 && i->want <= now.ns && t->at.ns == i->want);
    assert_true(last_fired <= i->want);
    last_fired = i->want;
    i->want = -1;
    i->fired = true;
    if (i->again) {
        i->want = now.ns;
        timers_set(i->again, t, now);
    }
}

/* Set, moved and cancelled at random: each fires once, when due, in order of time. */
static void test_model(void **state)
{
    struct timers ts;
    struct item items[TIMERS] = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 6);
    timers_init(&ts);
    for (int i = 0; i < TIMERS; i++)
        items[i] = (struct item){.timer = {.fire = on_fire}, .want = -1};
    for (int64_t now = 0; now < 3000; now++) {
        int64_t first = INT64_MAX;

        for (int k = 0; k < 5; k++) {
            struct item *i = &items[rng_below(&rng, TIMERS)];

            if (rng_below(&rng, 3) == 0) {
                timers_cancel(&ts, &i->timer);
                i->want = -1;
            } else {
                i->want = now + (int64_t)rng_below(&rng, 200);
                timers_set(&ts, &i->timer, (struct instant){i->want});
            }
        }
        for (int i = 0; i < TIMERS; i++) {
            assert_int_equal(timers_is_set(&items[i].timer), items[i].want >= 0);
            if (items[i].want >= 0 && items[i].want < first)
                first = items[i].want;
        }
        assert_true(timers_deadline(&ts).ns == first);
        last_fired = 0;
        timers_expire(&ts, (struct instant){now});
        for (int i = 0; i < TIMERS; i++)
            assert_true(items[i].want < 0 || items[i].want > now);
    }
    timers_fini(&ts);
    for (int i = 0; i < TIMERS; i++)
        assert_false(timers_is_set(&items[i].timer));
}

static int order[3], order_n;
static struct timer three[3];

static void on_order(struct timer *t, struct instant now)
{
    (void)now;
    order[order_n++] = (int)(t - three);
}

/* Equal deadlines fire in the order they were set; one that sets itself anew does not hold up. */
static void test_equal_and_again(void **state)
{
    struct timers ts;
    struct item i = {.timer = {.fire = on_fire}, .want = 5};

    (void)state;
    timers_init(&ts);
    for (int k = 0; k < 3; k++)
        three[k].fire = on_order;
    for (int k = 2; k >= 0; k--)
        timers_set(&ts, &three[k], (struct instant){7});
    timers_set(&ts, &three[2], (struct instant){7});
    timers_expire(&ts, (struct instant){7});
    assert_int_equal(order_n, 3);
    assert_true(order[0] == 1 && order[1] == 0 && order[2] == 2);
    i.again = &ts;
    last_fired = 0;
    timers_set(&ts, &i.timer, (struct instant){5});
    timers_expire(&ts, (struct instant){9});
    assert_true(i.fired && timers_is_set(&i.timer));
    assert_true(timers_deadline(&ts).ns == 9);
    timers_cancel(&ts, &i.timer);
    timers_cancel(&ts, &i.timer);
    assert_true(timers_deadline(&ts).ns == INT64_MAX);
    timers_fini(&ts);
}

UNIT_MAIN(UNIT(test_model), UNIT(test_equal_and_again))
