/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "raft/raft_log.h"
#include "tests/lib/unit.h"

static void append(struct raft_log *l, uint64_t term, size_t size)
{
    static char zeros[1000];
    struct raft_entry *e = raft_entry_new(RAFT_ENTRY_COMMAND, str_make(zeros, size));

    e->index = l->last + 1;
    e->term = term;
    raft_log_append(l, e);
}

static void test_append_truncate_compact(void **state)
{
    struct raft_log l;
    uint64_t term;

    (void)state;
    raft_log_init(&l);
    assert_true(raft_log_term(&l, 0, &term));
    assert_int_equal(term, 0);
    assert_false(raft_log_term(&l, 1, &term));
    for (uint64_t i = 1; i <= 1000; i++)
        append(&l, i / 100 + 1, 10);
    assert_int_equal(l.last, 1000);
    raft_log_truncate(&l, 901);
    assert_int_equal(l.last, 900);
    assert_int_equal(raft_log_last_term(&l), 10);
    raft_log_compact(&l, 500);
    assert_int_equal(l.first, 501);
    assert_true(raft_log_term(&l, 500, &term));
    assert_int_equal(term, 6);
    assert_false(raft_log_term(&l, 499, &term));
    assert_false(raft_log_has(&l, 500));
    assert_int_equal(raft_log_get(&l, 501)->index, 501);
    append(&l, 11, 10);
    assert_int_equal(l.last, 901);
    raft_log_reset(&l, 5000, 20);
    assert_int_equal(l.bytes, 0);
    assert_int_equal(raft_log_last_term(&l), 20);
    append(&l, 20, 1);
    assert_int_equal(l.first, 5001);
    raft_log_fini(&l);
}

/* The trail is bounded by number and by bytes. */
static void test_trail(void **state)
{
    struct raft_log l;

    (void)state;
    raft_log_init(&l);
    for (int i = 0; i < 100; i++)
        append(&l, 1, 1000);
    assert_int_equal(raft_log_trail(&l, 90, 10, 1 << 20), 80);
    assert_int_equal(raft_log_trail(&l, 90, 1000, 1 << 20), 0);
    assert_int_equal(raft_log_trail(&l, 90, 1000, 5 * 1100), 85);
    assert_int_equal(raft_log_trail(&l, 90, 0, 1 << 20), 90);
    raft_log_fini(&l);
}

UNIT_MAIN(UNIT(test_append_truncate_compact), UNIT(test_trail))
