/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "raft/raft_entry.h"
#include "tests/lib/unit.h"

/* An entry lives as long as its last reference. */
static void test_references(void **state)
{
    struct raft_entry *e = raft_entry_new(RAFT_ENTRY_COMMAND, STR_LIT("bytes"));

    (void)state;
    assert_ptr_equal(raft_entry_ref(e), e);
    raft_entry_unref(e);
    assert_str(raft_entry_str(e), STR_LIT("bytes"));
    raft_entry_unref(e);
    raft_entry_unref(NULL);
}

static void test_configuration(void **state)
{
    struct raft_configuration c = {0}, d;
    struct buf bytes;

    (void)state;
    assert_int_equal(raft_configuration_put(&c, STR_LIT("a"), STR_LIT("1.2.3.4:8300"), RAFT_VOTER),
                     0);
    assert_int_equal(raft_configuration_put(&c, STR_LIT("b"), STR_LIT(""), RAFT_LEARNER), 0);
    assert_int_equal(raft_configuration_put(&c, STR_LIT(""), STR_LIT(""), RAFT_VOTER), ERR_INVALID);
    assert_int_equal(raft_configuration_voters(&c), 1);
    assert_int_equal(raft_configuration_put(&c, STR_LIT("b"), STR_LIT("x"), RAFT_VOTER), 0);
    assert_int_equal(c.n, 2);
    assert_int_equal(raft_configuration_voters(&c), 2);
    buf_init(&bytes, 0);
    raft_configuration_encode(&c, &bytes);
    assert_int_equal(raft_configuration_decode(buf_str(&bytes), &d), 0);
    assert_int_equal(d.n, 2);
    assert_string_equal(d.servers[0].address, "1.2.3.4:8300");
    assert_true(raft_configuration_is_voter(&d, raft_server_id(STR_LIT("b"))));
    for (size_t n = 0; n < bytes.n; n++) /* every shorter one is refused */
        assert_int_equal(raft_configuration_decode(str_take(buf_str(&bytes), n), &d), ERR_CORRUPT);
    buf_put_u8(&bytes, 0);
    assert_int_equal(raft_configuration_decode(buf_str(&bytes), &d), ERR_CORRUPT);
    assert_true(raft_configuration_del(&c, raft_server_id(STR_LIT("a"))));
    assert_false(raft_configuration_del(&c, raft_server_id(STR_LIT("a"))));
    assert_string_equal(c.servers[0].name, "b");
    buf_fini(&bytes);
}

/* It holds RAFT_SERVERS_MAX, and not one more. */
static void test_full(void **state)
{
    struct raft_configuration c = {0};
    char name[16];

    (void)state;
    for (int i = 0; i < RAFT_SERVERS_MAX; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_int_equal(raft_configuration_put(&c, str_z(name), STR_LIT(""), RAFT_VOTER), 0);
    }
    assert_int_equal(raft_configuration_put(&c, STR_LIT("z"), STR_LIT(""), RAFT_VOTER),
                     ERR_TOO_LARGE);
}

UNIT_MAIN(UNIT(test_references), UNIT(test_configuration), UNIT(test_full))
