/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "agent/lock_delay.h"
#include "state/txn.h"
#include "tests/lib/unit.h"

static struct instant at(int64_t s)
{
    return (struct instant){s * 1000000000};
}

/* Only locks of keys under delay are refused, until the delay is over. */
static void refuses_locks_for_a_while(void **state)
{
    static const struct {
        enum kv_verb verb;
        const char *key;
        int64_t at;
        bool refused;
    } rows[] = {
        {KV_LOCK, "k", 14, true}, {KV_LOCK, "k", 15, false},  {KV_LOCK, "kk", 1, false},
        {KV_SET, "k", 1, false},  {KV_UNLOCK, "k", 1, false}, {KV_DELETE, "k", 1, false},
    };
    struct lock_delay *d = lock_delay_new(3);
    lock_delay_start(d, STR_LIT("k"), DURATION_S(15), at(0));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct kv_op op = {.verb = rows[i].verb, .key = str_z(rows[i].key)};
        struct buf command = {0}, body = {0};
        bool ok = true;
        uint64_t index;
        kv_encode(&op, &command);
        assert_int_equal(lock_delay_refuses(d, buf_str(&command), at(rows[i].at), &body),
                         rows[i].refused);
        if (rows[i].refused) {
            assert_int_equal(kv_decode_result(buf_str(&body), &ok, &index), 0);
            assert_false(ok);
        }
        buf_fini(&command);
        buf_fini(&body);
    }
    lock_delay_free(d);
}

/* A transaction is told which of its operations it was. */
static void refuses_transactions(void **state)
{
    struct kv_op ops[] = {{.verb = KV_SET, .key = STR_LIT("a")},
                          {.verb = KV_LOCK, .key = STR_LIT("k")}};
    struct lock_delay *d = lock_delay_new(3);
    struct buf command = {0}, body = {0};
    txn_encode(ops, 2, &command);
    assert_false(lock_delay_refuses(d, buf_str(&command), at(0), &body));
    lock_delay_start(d, STR_LIT("k"), DURATION_S(15), at(0));
    assert_true(lock_delay_refuses(d, buf_str(&command), at(0), &body));
    struct unpack u = unpack_make(buf_str(&body));
    assert_int_equal(unpack_array(&u), 2);
    assert_int_equal(unpack_array(&u), 0);
    assert_int_equal(unpack_array(&u), 1);
    assert_int_equal(unpack_array(&u), 2);
    assert_int_equal(unpack_uint(&u), 1);
    assert_str(unpack_str(&u), STR_LIT("failed to lock key \"k\" due to lock delay"));
    assert_true(unpack_is_end(&u) && !u.bad);
    assert_false(lock_delay_refuses(d, STR_LIT("\xff\xff\xff"), at(0), &body));
    buf_fini(&command);
    buf_fini(&body);
    lock_delay_free(d);
}

/* What is over does not stay in memory. */
static void forgets(void **state)
{
    struct lock_delay *d = lock_delay_new(3);
    char key[16];
    for (int i = 0; i < 10000; i++) {
        int n = snprintf(key, sizeof key, "%d", i);
        lock_delay_start(d, str_make(key, (size_t)n), DURATION_S(1), at(i));
    }
    assert_true(lock_delay_count(d) < 200);
    lock_delay_free(d);
}

UNIT_MAIN(UNIT(refuses_locks_for_a_while), UNIT(refuses_transactions), UNIT(forgets))
