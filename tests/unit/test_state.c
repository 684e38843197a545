/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Apply is total: whatever the bytes, a result, and after an error nothing but the index moved. */
#include <stdio.h>

#include "base/rng.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

static int apply_bytes(struct world *w, struct str bytes)
{
    struct buf b;

    buf_init(&b, 0);
    buf_put_str(&b, bytes);
    return world_apply(w, &b);
}

/* Bytes that are no command are refused in words. */
static void not_commands(void **state)
{
    struct world w;

    world_open(&w);
    assert_int_equal(apply_bytes(&w, STR_LIT("")), ERR_INVALID);
    assert_int_equal(apply_bytes(&w, STR_LIT("\x02\x01")), ERR_INVALID);
    assert_string_equal(w.result.text, "not a command of version 1");
    assert_int_equal(apply_bytes(&w, STR_LIT("\x01\x63")), ERR_INVALID);
    assert_string_equal(w.result.text, "unknown command 99");
    assert_int_equal(apply_bytes(&w, STR_LIT("\x01\x00")), 0);
    assert_int_equal(state_applied_index(w.state), w.index);
    assert_string_equal(command_name(1), "COMMAND_KV");
    assert_string_equal(command_name(200), "?");
    world_close(&w);
}

/* Cut anywhere, or with a byte changed, a command is applied or refused, never more. */
static void damaged_commands(void **state)
{
    struct kv_op ops[2] = {{.verb = KV_SET, .key = STR_LIT("k"), .value = STR_LIT("v")},
                           {.verb = KV_GET_TREE, .key = STR_LIT("k")}};
    struct catalog_service s = {.id = STR_LIT("s"), .name = STR_LIT("s")};
    struct catalog_register r = {.node = {.name = STR_LIT("n")}, .service = &s};
    struct buf commands[4], b;
    struct world w;
    struct rng rng;

    rng_init(&rng, 3);
    world_open(&w);
    for (int i = 0; i < 4; i++)
        buf_init(&commands[i], 0);
    kv_encode(&ops[0], &commands[0]);
    txn_encode(ops, 2, &commands[1]);
    catalog_encode_register(&r, &commands[2]);
    kv_encode_rename(STR_LIT("k"), STR_LIT("l"), false, false, false, &commands[3]);
    for (int i = 0; i < 4; i++) {
        for (size_t n = 0; n < commands[i].n; n++) {
            assert_true(apply_bytes(&w, str_take(buf_str(&commands[i]), n)) <= 0);
            buf_init(&b, 0);
            buf_put_str(&b, buf_str(&commands[i]));
            b.p[n] = (char)rng_u64(&rng);
            int rc = world_apply(&w, &b);
            assert_true(rc <= 0);
            assert_true(rc == 0 || (w.changes.n == 0 && w.result.text[0]));
        }
        buf_fini(&commands[i]);
    }
    assert_int_equal(view_index(world_view(&w)), w.index);
    world_close(&w);
}

/* The same commands give the same rows, whatever stood in the stores' memory before. */
static void deterministic(void **state)
{
    struct world w[2];
    struct store_cursor c[2];

    for (int i = 0; i < 2; i++) {
        world_open(&w[i]);
        world_register(&w[i], "n2", "s", "c", "passing");
        world_register(&w[i], "n1", "S", "c", "critical");
        world_put(&w[i], "b", "1");
        world_put(&w[i], "a", "2");
        world_op(&w[i], KV_DELETE_TREE, "b", "", "", 0);
        world_view(&w[i]);
    }
    for (int t = 0; t < STATE_TABLE_N; t++) {
        for (int i = 0; i < 2; i++)
            store_seek(&c[i], w[i].view.store, t, STR_NONE);
        for (; c[0].valid && c[1].valid; store_next(&c[0]), store_next(&c[1])) {
            assert_str(c[0].key, c[1].key);
            assert_str(c[0].value, c[1].value);
        }
        assert_int_equal(c[0].valid, c[1].valid);
        store_cursor_fini(&c[0]);
        store_cursor_fini(&c[1]);
    }
    world_close(&w[0]);
    world_close(&w[1]);
}

static void quoted_as_go_does(void **state)
{
    static const struct {
        struct str in, out;
    } cases[] = {
        {STR_LIT("plain"), STR_LIT("\"plain\"")},
        {STR_LIT("a\"b\\c\n\t"), STR_LIT("\"a\\\"b\\\\c\\n\\t\"")},
        {STR_LIT("\x01\x7f\xff"), STR_LIT("\"\\x01\\x7f\\xff\"")},
        {STR_LIT("\xc3\xa9\xe2\x82\xac\xc3"), STR_LIT("\"\xc3\xa9\xe2\x82\xac\\xc3\"")},
    };
    struct buf b;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_init(&b, 0);
        state_quote(&b, cases[i].in);
        assert_str(buf_str(&b), cases[i].out);
        buf_fini(&b);
    }
}

UNIT_MAIN(UNIT(not_commands), UNIT(damaged_commands), UNIT(deterministic), UNIT(quoted_as_go_does))
