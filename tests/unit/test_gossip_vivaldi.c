/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>

#include "gossip/gossip_vivaldi.h"
#include "tests/lib/unit.h"
#include "tests/unit/gossip_formulas.h"

static struct gossip_coordinate of(const struct formula_coordinate *f)
{
    struct gossip_coordinate c = {
        .error = f->error, .adjustment = f->adjustment, .height = f->height};

    memcpy(c.vec, f->vec, sizeof(c.vec));
    return c;
}

static void assert_same(const struct gossip_coordinate *got, const struct gossip_coordinate *want)
{
    assert_memory_equal(got->vec, want->vec, sizeof(got->vec));
    assert_true(got->error == want->error && got->height == want->height);
    assert_true(got->adjustment == want->adjustment);
}

/* Sixty updates from four nodes give the reference's numbers, to the last bit. */
static void test_trace(void **state)
{
    struct gossip_vivaldi v;
    struct gossip_vivaldi_filter filters[16] = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    gossip_vivaldi_init(&v);
    for (size_t i = 0; i < COUNT_OF(formula_updates); i++) {
        const struct formula_update *f = &formula_updates[i];
        struct gossip_coordinate other = of(&f->other), want = of(&f->want);

        assert_int_equal(gossip_vivaldi_update(&v, &filters[f->node], &other,
                                               (struct duration){f->rtt_ns}, &rng),
                         0);
        assert_same(&v.own, &want);
        assert_int_equal(gossip_vivaldi_distance(&v.own, &other).ns, f->distance_ns);
    }
}

/* Times that cannot be, and coordinates that are none, change nothing. */
static void test_rejected(void **state)
{
    struct gossip_vivaldi v, before;
    struct gossip_vivaldi_filter filter = {0};
    struct gossip_coordinate other;
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    gossip_vivaldi_start(&other);
    for (size_t i = 0; i < COUNT_OF(formula_rejected); i++) {
        gossip_vivaldi_init(&v);
        before = v;
        assert_int_equal(gossip_vivaldi_update(&v, &filter, &other,
                                               (struct duration){formula_rejected[i].rtt_ns}, &rng),
                         formula_rejected[i].want ? ERR_INVALID : 0);
        if (formula_rejected[i].want)
            assert_memory_equal(&v, &before, sizeof(v));
    }
    other.vec[3] = NAN;
    assert_int_equal(gossip_vivaldi_update(&v, &filter, &other, DURATION_MS(1), &rng), ERR_INVALID);
    other.vec[3] = 0;
    other.height = INFINITY;
    assert_int_equal(gossip_vivaldi_update(&v, &filter, &other, DURATION_MS(1), &rng), ERR_INVALID);
}

/* A liar far away does not make our own coordinate a non-number, nor a distance undefined. */
static void test_far(void **state)
{
    struct gossip_vivaldi v;
    struct gossip_vivaldi_filter filter = {0};
    struct gossip_coordinate other;
    struct rng rng;

    (void)state;
    rng_init(&rng, 2);
    gossip_vivaldi_init(&v);
    gossip_vivaldi_start(&other);
    for (int i = 0; i < 8; i++)
        other.vec[i] = 1e300;
    for (int i = 0; i < 50; i++) {
        (void)!gossip_vivaldi_update(&v, &filter, &other, DURATION_MS(1), &rng);
        assert_true(gossip_vivaldi_is_valid(&v.own));
        assert_true(gossip_vivaldi_distance(&v.own, &other).ns >= 0);
    }
}

/* Nodes on a line, who measure each other, find out how far they are apart. */
static void test_line(void **state)
{
    enum { NODES = 10 };
    struct gossip_vivaldi v[NODES];
    struct gossip_vivaldi_filter filters[NODES][NODES] = {0};
    struct rng rng;
    double wrong = 0;

    (void)state;
    rng_init(&rng, 3);
    for (int i = 0; i < NODES; i++)
        gossip_vivaldi_init(&v[i]);
    for (int step = 0; step < 20000; step++) {
        int a = (int)rng_below(&rng, NODES), b = (int)rng_below(&rng, NODES);

        if (a != b)
            assert_int_equal(gossip_vivaldi_update(&v[a], &filters[a][b], &v[b].own,
                                                   DURATION_MS(10 * abs(a - b)), &rng),
                             0);
    }
    for (int a = 0; a < NODES; a++) {
        for (int b = a + 1; b < NODES; b++)
            wrong += fabs((double)gossip_vivaldi_distance(&v[a].own, &v[b].own).ns / 1e7 - (b - a));
    }
    assert_true(wrong / 45 < 0.5); /* of 1 to 9 */
}

UNIT_MAIN(UNIT(test_trace), UNIT(test_rejected), UNIT(test_far), UNIT(test_line))
