/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "raft/raft_message.h"
#include "tests/lib/unit.h"

static struct raft_message *example(void)
{
    struct raft_message *m = raft_message_new(RAFT_APPEND, 7);

    m->from = 9;
    m->term = 5;
    m->index = 100;
    m->log_term = 4;
    m->commit = 99;
    m->round = 3;
    m->entries = mem_alloc(2 * sizeof *m->entries);
    for (m->entry_n = 0; m->entry_n < 2; m->entry_n++) {
        struct raft_entry *e = raft_entry_new(RAFT_ENTRY_COMMAND, STR_LIT("command"));
        e->index = 101 + m->entry_n;
        e->term = 5;
        m->entries[m->entry_n] = e;
    }
    return m;
}

static void test_round_trip(void **state)
{
    struct raft_message *m = example(), *d;
    struct buf bytes;

    (void)state;
    buf_init(&bytes, 0);
    raft_message_encode(m, &bytes);
    assert_int_equal(raft_message_decode(buf_str(&bytes), &d), 0);
    assert_int_equal(d->kind, RAFT_APPEND);
    assert_int_equal(d->from, 9);
    assert_int_equal(d->commit, 99);
    assert_int_equal(d->entry_n, 2);
    assert_int_equal(d->entries[1]->index, 102);
    assert_str(raft_entry_str(d->entries[1]), STR_LIT("command"));
    raft_message_free(d);
    for (size_t n = 0; n < bytes.n; n++)
        assert_int_equal(raft_message_decode(str_take(buf_str(&bytes), n), &d), ERR_CORRUPT);
    buf_put_u8(&bytes, 0);
    assert_int_equal(raft_message_decode(buf_str(&bytes), &d), ERR_CORRUPT);
    raft_message_free(m);
    buf_fini(&bytes);
}

/* What no honest server says. */
static void test_lies(void **state)
{
    struct raft_message *d;
    struct buf bytes;

    (void)state;
    for (int lie = 0; lie < 7; lie++) {
        struct raft_message *m = example();
        if (lie == 0)
            m->entries[0]->term = 6; /* of a term to come */
        if (lie == 1)
            m->entries[0]->term = 3; /* terms fall */
        if (lie == 2)
            m->log_term = 6;
        if (lie == 3)
            m->to = m->from;
        if (lie == 4)
            m->kind = RAFT_VOTE; /* with entries */
        if (lie == 5)
            m->index = UINT64_MAX;
        if (lie == 6)
            m->entries[1]->kind = RAFT_ENTRY_KINDS;
        buf_init(&bytes, 0);
        raft_message_encode(m, &bytes);
        assert_int_equal(raft_message_decode(buf_str(&bytes), &d), ERR_CORRUPT);
        buf_fini(&bytes);
        raft_message_free(m);
    }
}

UNIT_MAIN(UNIT(test_round_trip), UNIT(test_lies))
