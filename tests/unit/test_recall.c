/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which cached reads were asked before: the first time is a miss, later ones are hits, for three
 * days. */
#include <stdio.h>

#include "agent/recall.h"
#include "tests/lib/unit.h"

static struct instant at(int64_t seconds)
{
    return (struct instant){seconds * 1000000000};
}

static void remembers_for_three_days(void **state)
{
    static struct recall r;

    (void)state;
    assert_false(recall_ask(&r, STR_LIT("a"), at(0)));
    assert_true(recall_ask(&r, STR_LIT("a"), at(0)));
    assert_true(recall_ask(&r, STR_LIT("a"), at(72 * 3600)));
    assert_false(recall_ask(&r, STR_LIT("b"), at(72 * 3600)));
    assert_false(recall_ask(&r, STR_LIT("a"), at(2 * 72 * 3600 + 1)));
}

/* A crowd of other questions may push one out, but never stands for it. */
static void takes_none_for_another(void **state)
{
    static struct recall r;
    char text[32];

    (void)state;
    for (int i = 0; i < 20 * RECALL_SLOTS; i++) {
        int n = snprintf(text, sizeof(text), "question %d", i);

        assert_false(recall_ask(&r, str_make(text, (size_t)n), at(1)));
        assert_true(recall_ask(&r, str_make(text, (size_t)n), at(1)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_for_three_days),
        cmocka_unit_test(takes_none_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
