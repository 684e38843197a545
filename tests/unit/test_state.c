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

static void assert_same_rows(struct world w[2])
{
    struct store_cursor c[2];

    world_view(&w[0]);
    world_view(&w[1]);
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
}

/* The same commands give the same rows, whatever stood in the stores' memory before. */
static void deterministic(void **state)
{
    struct world w[2];

    for (int i = 0; i < 2; i++) {
        world_open(&w[i]);
        world_register(&w[i], "n2", "s", "c", "passing");
        world_register(&w[i], "n1", "S", "c", "critical");
        world_put(&w[i], "b", "1");
        world_put(&w[i], "a", "2");
        world_op(&w[i], KV_DELETE_TREE, "b", "", "", 0);
    }
    assert_same_rows(w);
    world_close(&w[0]);
    world_close(&w[1]);
}

/* A command by chance: one that succeeds, one that fails before it writes, one that fails after. */
static void any_command(struct rng *rng, struct buf *out)
{
    static const char *const keys[] = {"a", "b", "c", "d/e"};
    struct str key = str_z(keys[rng_below(rng, COUNT_OF(keys))]);
    struct kv_op ops[3] = {
        {.verb = KV_SET, .key = key, .value = STR_LIT("v")},
        {.verb = KV_CAS, .key = STR_LIT("a"), .value = STR_LIT("w"), .index = rng_below(rng, 60)},
        {.verb = KV_DELETE, .key = str_z(keys[rng_below(rng, COUNT_OF(keys))])}};
    struct catalog_service s = {.id = key, .name = STR_LIT("s")};
    struct catalog_register r = {.node = {.name = STR_LIT("n"), .address = STR_LIT("10.0.0.1")},
                                 .service = &s};

    buf_init(out, 0);
    switch (rng_below(rng, 5)) {
    case 0:
        kv_encode(&ops[rng_below(rng, 3)], out);
        break;
    case 1:
        txn_encode(ops, 3, out); /* mostly sets a key before it finds that it may not */
        break;
    case 2:
        catalog_encode_register(&r, out);
        break;
    case 3:
        kv_encode_rename(key, STR_LIT("f"), false, false, rng_below(rng, 2), out);
        break;
    default:
        buf_put_str(out, STR_LIT("\x01\x63"));
    }
}

/* In groups of any size commands give what they give one by one: results, changes and rows; those
 * that tell of no change (the third world does without them) leave none. */
static void groups(void **state)
{
    struct result results[40];
    struct change_batch changes;
    struct str commands[40];
    struct buf bytes[40], copy;
    struct world w[3];
    struct rng rng;
    int failed = 0;

    rng_init(&rng, 7);
    change_init(&changes);
    for (int i = 0; i < 3; i++)
        world_open(&w[i]);
    for (int i = 0; i < 40; i++)
        result_init(&results[i]);
    for (int round = 0; round < 300; round++) {
        uint32_t n = 1 + (uint32_t)rng_below(&rng, 40);
        size_t told = 0;

        for (uint32_t i = 0; i < n; i++) {
            any_command(&rng, &bytes[i]);
            commands[i] = buf_str(&bytes[i]);
        }
        change_clear(&changes);
        assert_int_equal(
            state_apply_group(w[1].state, w[1].index + 1, commands, n, &changes, results), 0);
        w[1].index += n;
        assert_int_equal(changes.index, w[1].index);
        for (uint32_t i = 0; i < n; i++) {
            buf_init(&copy, 0);
            buf_put_str(&copy, buf_str(&bytes[i]));
            failed += world_apply(&w[0], &bytes[i]) < 0;
            assert_int_equal(w[0].result.status, results[i].status);
            assert_string_equal(w[0].result.text, results[i].text);
            assert_str(buf_str(&w[0].result.body), buf_str(&results[i].body));
            struct str part = buf_str(&w[0].changes.items);
            assert_true(told + part.n <= changes.items.n);
            assert_memory_equal(changes.items.p + told, part.p, part.n);
            told += part.n;
            if (part.n == 0) {
                buf_clear(&copy);
                buf_put_str(&copy, STR_LIT("\x01\x00"));
            }
            assert_true(world_apply(&w[2], &copy) == w[0].result.status || part.n == 0);
        }
        assert_int_equal(told, changes.items.n);
        assert_same_rows(w);
        assert_same_rows(w + 1);
    }
    assert_true(failed > 100);
    for (int i = 0; i < 40; i++)
        result_fini(&results[i]);
    change_fini(&changes);
    for (int i = 0; i < 3; i++)
        world_close(&w[i]);
}

/* Those that find no room are told so, by themselves; the others of their group are there. */
static void no_room(void **state)
{
    static char value[500000];
    struct kv_op small = {.verb = KV_SET, .key = STR_LIT("small"), .value = STR_LIT("v")};
    struct result results[40];
    struct change_batch changes;
    struct str commands[40];
    struct buf bytes[40];
    struct error err = {0};
    struct world w;
    char key[16];
    int refused = 0;

    world_open(&w);
    struct store *store;
    struct state *s;
    assert_int_equal(
        store_open(w.dir, state_table_names, STATE_TABLE_N, (size_t)16 << 20, &store, &err), 0);
    s = state_new(store);
    change_init(&changes);
    for (int i = 0; i < 40; i++) {
        struct kv_op op = {.verb = KV_SET, .value = {value, sizeof value}};

        snprintf(key, sizeof key, "k%d", i);
        op.key = str_z(key);
        buf_init(&bytes[i], 0);
        kv_encode(i == 39 ? &small : &op, &bytes[i]);
        commands[i] = buf_str(&bytes[i]);
        result_init(&results[i]);
    }
    assert_true(state_apply_group(s, 11, commands, 40, &changes, results) < 0);
    for (int i = 0; i < 40; i++) {
        refused += results[i].status == ERR_STORAGE;
        assert_true(results[i].status == 0 || results[i].status == ERR_STORAGE);
        buf_fini(&bytes[i]);
    }
    assert_true(refused > 5 && refused < 35);
    assert_int_equal(results[39].status, 0);
    assert_int_equal(changes.n, 40 - refused);
    assert_int_equal(state_applied_index(s), 50);
    for (int i = 0; i < 40; i++)
        result_fini(&results[i]);
    change_fini(&changes);
    state_free(s);
    store_close(store);
    world_close(&w);
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

UNIT_MAIN(UNIT(not_commands), UNIT(damaged_commands), UNIT(deterministic), UNIT(groups),
          UNIT(no_room), UNIT(quoted_as_go_does))
