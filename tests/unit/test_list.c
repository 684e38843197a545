/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/list.h"
#include "tests/lib/unit.h"

struct item {
    int n;
    struct list link;
};

/* Items stay in order; the current one may leave during the walk; leaving twice is harmless. */
static void test_order(void **state)
{
    struct item items[6];
    struct list head;
    int at = 0;

    (void)state;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_pop(&head));
    for (int i = 0; i < 6; i++) {
        items[i].n = i;
        list_init(&items[i].link);
        assert_false(list_is_linked(&items[i].link));
        list_push(&head, &items[i].link);
    }
    LIST_FOREACH (&head, l) {
        struct item *i = LIST_ITEM(l, struct item, link);

        assert_int_equal(i->n, at++);
        if (i->n % 2) {
            list_remove(l);
            list_remove(l);
        }
    }
    assert_int_equal(at, 6);
    assert_ptr_equal(list_first(&head), &items[0].link);
    for (int i = 0; i < 6; i += 2)
        assert_ptr_equal(list_pop(&head), &items[i].link);
    assert_true(list_is_empty(&head));
}

UNIT_MAIN(UNIT(test_order))
