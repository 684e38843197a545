/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gossip/gossip_suspicion.h"
#include "tests/lib/unit.h"
#include "tests/unit/gossip_formulas.h"

/* All numbers are those of the reference library. */
static void test_formulas(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(formula_transmits); i++)
        assert_int_equal(
            gossip_suspicion_transmits(formula_transmits[i].mult, formula_transmits[i].n),
            formula_transmits[i].want);
    for (size_t i = 0; i < COUNT_OF(formula_suspicion_min); i++) {
        const struct formula_suspicion_min *f = &formula_suspicion_min[i];

        assert_int_equal(gossip_suspicion_min_ms(f->mult, f->n, DURATION_MS(f->interval_ms)),
                         f->want_ms);
    }
    for (size_t i = 0; i < COUNT_OF(formula_push_pull); i++) {
        const struct formula_push_pull *f = &formula_push_pull[i];

        assert_int_equal(gossip_suspicion_push_pull(DURATION_MS(f->base_ms), f->n).ns,
                         f->want_ms * 1000000);
    }
    for (size_t i = 0; i < COUNT_OF(formula_remaining); i++) {
        const struct formula_remaining *f = &formula_remaining[i];

        assert_int_equal(gossip_suspicion_total_ms(f->known, f->wanted, f->min_ms, f->max_ms) -
                             f->elapsed_ms,
                         f->want_ms);
    }
}

/* A confirmation counts once a name, not from the accuser, and not more than are wanted. */
static void test_confirm(void **state)
{
    struct gossip_suspicion s = {0};

    (void)state;
    gossip_suspicion_init(&s, (struct instant){0}, 7, 2, 4000, 24000);
    assert_int_equal(gossip_suspicion_deadline(&s).ns, INT64_C(24000000000));
    assert_false(gossip_suspicion_confirm(&s, 7));
    assert_true(gossip_suspicion_confirm(&s, 8));
    assert_false(gossip_suspicion_confirm(&s, 8));
    assert_true(gossip_suspicion_deadline(&s).ns < INT64_C(24000000000));
    assert_true(gossip_suspicion_confirm(&s, 9));
    assert_int_equal(gossip_suspicion_deadline(&s).ns, INT64_C(4000000000));
    assert_false(gossip_suspicion_confirm(&s, 10));
}

/* In a pool too small nobody confirms; a multiplier beyond reason is held. */
static void test_wanted(void **state)
{
    (void)state;
    assert_int_equal(gossip_suspicion_wanted(4, 1), 0);
    assert_int_equal(gossip_suspicion_wanted(4, 3), 0);
    assert_int_equal(gossip_suspicion_wanted(4, 4), 2);
    assert_int_equal(gossip_suspicion_wanted(6, 100), 4);
    assert_int_equal(gossip_suspicion_wanted(1, 100), 0);
    assert_int_equal(gossip_suspicion_wanted(1000, 5000), GOSSIP_SUSPICION_WANTED_MAX);
}

/* The score stays between 0 and 7. */
static void test_health(void **state)
{
    (void)state;
    assert_int_equal(gossip_suspicion_health(0, -1), 0);
    assert_int_equal(gossip_suspicion_health(0, 1), 1);
    assert_int_equal(gossip_suspicion_health(6, 3), 7);
    assert_int_equal(gossip_suspicion_health(7, -1), 6);
}

UNIT_MAIN(UNIT(test_formulas), UNIT(test_confirm), UNIT(test_wanted), UNIT(test_health))
