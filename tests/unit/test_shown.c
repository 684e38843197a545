/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/shown.h"
#include "tests/lib/unit.h"

static struct instant now;
static int gone;

static struct instant clock_of_test(void)
{
    return now;
}
static void go(struct shown_wait *w)
{
    w->index = 0;
    gone++;
}
static struct timers timers;
static struct shown shown;

static void begin(void)
{
    now = (struct instant){0};
    gone = 0;
    timers_init(&timers);
    shown_init(&shown, &timers, clock_of_test);
}
static void end(void)
{
    shown_fini(&shown);
    assert_true(list_is_empty(&shown.held));
    timers_fini(&timers);
}

/* Without a mount, and for what is shown already or was in no batch, nothing waits. */
static void goes_at_once(void **state)
{
    struct shown_wait w = {.go = go};
    begin();
    shown_published(&shown, 7);
    shown_hold(&shown, &w, 7);
    assert_int_equal(gone, 1);
    shown_reach(&shown, 7);
    shown_hold(&shown, &w, 6);
    shown_hold(&shown, &w, 9);
    assert_int_equal(gone, 3);
    end();
}

/* An answer waits for its own index. */
static void waits_for_its_index(void **state)
{
    struct shown_wait a = {.go = go}, b = {.go = go};
    begin();
    shown_reach(&shown, 4);
    shown_published(&shown, 6);
    shown_hold(&shown, &a, 5);
    shown_hold(&shown, &b, 6);
    assert_int_equal(gone, 0);
    shown_reach(&shown, 5);
    assert_int_equal(gone, 1);
    shown_reach(&shown, SHOWN_OFF);
    assert_int_equal(gone, 2);
    shown_reach(&shown, 5); /* it was under way */
    shown_hold(&shown, &a, 6);
    assert_int_equal(gone, 3);
    end();
}

/* A kernel that does not let go delays one answer by the bound, and no other until it does. */
static void is_bounded(void **state)
{
    struct shown_wait a = {.go = go}, b = {.go = go};
    begin();
    shown_reach(&shown, 4);
    shown_published(&shown, 5);
    shown_hold(&shown, &a, 5);
    now = instant_add(now, DURATION_MS(SHOWN_WAIT_MS - 1));
    timers_expire(&timers, now);
    assert_int_equal(gone, 0);
    now = instant_add(now, DURATION_MS(1));
    timers_expire(&timers, now);
    assert_int_equal(gone, 1);
    shown_published(&shown, 6);
    shown_hold(&shown, &b, 6);
    assert_int_equal(gone, 2);
    shown_reach(&shown, 6);
    shown_published(&shown, 7);
    shown_hold(&shown, &b, 7);
    assert_int_equal(gone, 2);
    end();
    assert_int_equal(gone, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_at_once),
        cmocka_unit_test(waits_for_its_index),
        cmocka_unit_test(is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
