/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Coordinates come in batches, belong to nodes, and go with them. */
#include <math.h>

#include "state/coordinate.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

static int set(struct world *w, const struct coordinate *list, size_t n)
{
    struct buf b;

    buf_init(&b, 0);
    coordinate_encode(list, n, &b);
    return world_apply(w, &b);
}

static bool count(void *data, const struct coordinate *c)
{
    (void)c;
    ++*(int *)data;
    return true;
}

static void test_batch(void **state)
{
    struct coordinate list[] = {
        {.node = STR_LIT("N1"), .segment = STR_LIT(""), .vec = {0.5}, .error = 1.5, .height = 1e-5},
        {.node = STR_LIT("nobody"), .segment = STR_LIT(""), .vec = {1}},
        {.node = STR_LIT("n2"), .segment = STR_LIT(""), .vec = {0.25}, .adjustment = -0.125},
        {.node = STR_LIT("n2"), .segment = STR_LIT("alpha"), .vec = {2}},
    };
    struct coordinate c;
    struct world w;
    uint64_t index;
    int n = 0;

    (void)state;
    world_open(&w);
    world_register(&w, "n1", NULL, NULL, NULL);
    world_register(&w, "n2", NULL, NULL, NULL);
    assert_false(coordinate_get(world_view(&w), STR_LIT("n1"), &c, &index));
    assert_int_equal(index, 1);
    assert_int_equal(set(&w, list, COUNT_OF(list)), 0);
    assert_int_equal(world_changed(&w, WATCH_COORDINATE, ""), 1);
    assert_true(coordinate_get(world_view(&w), STR_LIT("n1"), &c, &index));
    assert_int_equal(index, w.index);
    assert_str(c.node, STR_LIT("n1"));
    assert_true(c.vec[0] == 0.5 && c.error == 1.5 && c.height == 1e-5);
    assert_true(coordinate_get(&w.view, STR_LIT("N2"), &c, NULL));
    assert_true(c.vec[0] == 0.25 && c.adjustment == -0.125);
    coordinate_list(&w.view, STR_NONE, count, &n, NULL);
    assert_int_equal(n, 3);
    n = 0;
    coordinate_list(&w.view, STR_LIT("n2"), count, &n, NULL);
    assert_int_equal(n, 2);

    assert_int_equal(world_deregister(&w, "n2", NULL, NULL), 0);
    assert_int_equal(world_changed(&w, WATCH_COORDINATE, ""), 1);
    n = 0;
    coordinate_list(world_view(&w), STR_NONE, count, &n, NULL);
    assert_int_equal(n, 1);
    assert_int_equal(world_deregister(&w, "n1", NULL, NULL), 0);
    world_close(&w);
}

/* Numbers that are none, and lists that are none, change nothing. */
static void test_malformed(void **state)
{
    struct coordinate bad = {.node = STR_LIT("n1"), .segment = STR_LIT(""), .vec = {NAN}};
    struct coordinate c;
    struct world w;

    (void)state;
    world_open(&w);
    world_register(&w, "n1", NULL, NULL, NULL);
    assert_int_equal(set(&w, &bad, 1), ERR_INVALID);
    bad.vec[0] = 0;
    bad.height = INFINITY;
    assert_int_equal(set(&w, &bad, 1), ERR_INVALID);
    assert_false(coordinate_get(world_view(&w), STR_LIT("n1"), &c, NULL));
    world_close(&w);
}

/* An adjustment that would make a distance negative does not count. */
static void test_distance(void **state)
{
    struct coordinate a = {.vec = {3}, .height = 1}, b = {.vec = {0, 4}, .height = 2};

    (void)state;
    assert_true(coordinate_distance(&a, &b) == 8);
    a.adjustment = -1;
    assert_true(coordinate_distance(&a, &b) == 7);
    a.adjustment = -9;
    assert_true(coordinate_distance(&a, &b) == 8);
}

UNIT_MAIN(UNIT(test_batch), UNIT(test_malformed), UNIT(test_distance))
