/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transactions: all or nothing, results and errors in order, in Consul's words. */
#include <stdio.h>

#include "state/txn_mixed.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

static int apply(struct world *w, const struct kv_op *ops, size_t n)
{
    struct buf b;

    buf_init(&b, 0);
    txn_encode(ops, n, &b);
    return world_apply(w, &b);
}

/* "verb key=value@modify ..." or "!op: text ..." */
static void show(struct str body, char text[600])
{
    struct unpack u = unpack_make(body);

    text[0] = '\0';
    assert_int_equal(unpack_array(&u), 2);
    for (uint32_t n = unpack_array(&u); n > 0; n--) {
        assert_int_equal(unpack_array(&u), 8);
        uint64_t verb = unpack_uint(&u);
        struct str key = unpack_str(&u), value = unpack_str(&u);
        for (int i = 0; i < 4; i++)
            unpack_uint(&u);
        unpack_str(&u);
        snprintf(text + strlen(text), 600 - strlen(text), "%d %.*s=%.*s ", (int)verb, STR_ARG(key),
                 STR_ARG(value));
    }
    for (uint32_t n = unpack_array(&u); n > 0; n--) {
        assert_int_equal(unpack_array(&u), 2);
        uint64_t op = unpack_uint(&u);
        struct str what = unpack_str(&u);
        snprintf(text + strlen(text), 600 - strlen(text), "!%d: %.*s;", (int)op, STR_ARG(what));
    }
    assert_true(unpack_is_end(&u));
}

/* What an operation wrote, later ones read; only gets give values. */
static void in_order(void **state)
{
    const struct kv_op ops[] = {
        {.verb = KV_SET, .key = STR_LIT("a"), .value = STR_LIT("1")},
        {.verb = KV_GET, .key = STR_LIT("a")},
        {.verb = KV_SET, .key = STR_LIT("a/b"), .value = STR_LIT("2")},
        {.verb = KV_GET_TREE, .key = STR_LIT("a")},
        {.verb = KV_DELETE_TREE, .key = STR_LIT("a")},
        {.verb = KV_CHECK_NOT_EXISTS, .key = STR_LIT("a")},
    };
    struct world w;
    char text[600];

    world_open(&w);
    assert_int_equal(apply(&w, ops, COUNT_OF(ops)), 0);
    show(buf_str(&w.result.body), text);
    assert_string_equal(text, "0 a= 8 a=1 0 a/b= 9 a=1 9 a/b=2 ");
    assert_false(kv_any(world_view(&w), STR_LIT("")));
    world_close(&w);
}

/* All errors are told, nothing is done, nobody is woken, and the index has moved on. */
static void rollback(void **state)
{
    const struct kv_op ops[] = {
        {.verb = KV_SET, .key = STR_LIT("a"), .value = STR_LIT("new")},
        {.verb = KV_GET, .key = STR_LIT("missing")},
        {.verb = KV_CAS, .key = STR_LIT("a"), .value = STR_LIT("y"), .index = 1},
        {.verb = KV_LOCK, .key = STR_LIT("l")},
        {.verb = KV_DELETE_CAS, .key = STR_LIT("a"), .index = 3},
        {.verb = KV_UNLOCK, .key = STR_LIT("q\"k"), .session = STR_LIT("x")},
        {.verb = KV_CHECK_INDEX, .key = STR_LIT("b"), .index = 3},
        {.verb = KV_CHECK_SESSION, .key = STR_LIT("b"), .session = STR_LIT("s")},
        {.verb = KV_SET},
    };
    struct kv_entry e;
    struct world w;
    char text[600], want[600];

    world_open(&w);
    world_put(&w, "a", "old");
    world_put(&w, "b", "old");
    assert_int_equal(apply(&w, ops, COUNT_OF(ops)), 0);
    show(buf_str(&w.result.body), text);
    snprintf(want, sizeof want,
             "!1: key \"missing\" doesn't exist;!2: failed to set key \"a\", index is stale;"
             "!3: missing session;!4: failed to delete key \"a\", index is stale;"
             "!5: failed to unlock key \"q\\\"k\", lock isn't held, or is held by another session;"
             "!6: failed index check for key \"b\", current modify index %d != 3;"
             "!7: failed session check for key \"b\", current session \"\" != \"s\";"
             "!8: Must provide key;",
             (int)w.index - 1);
    assert_string_equal(text, want);
    assert_int_equal(w.changes.n, 0);
    assert_true(kv_get(world_view(&w), STR_LIT("a"), &e, NULL));
    assert_str(e.value, STR_LIT("old"));
    assert_int_equal(view_index(&w.view), w.index);
    world_close(&w);
}

/* Reads alone are answered from a view, in the same form. */
static void read_only(void **state)
{
    const struct kv_op ops[] = {{.verb = KV_GET, .key = STR_LIT("a")},
                                {.verb = KV_CHECK_INDEX, .key = STR_LIT("a"), .index = 11}};
    struct world w;
    struct buf body;
    char text[600];

    world_open(&w);
    world_put(&w, "a", "v");
    assert_true(txn_is_read_only(ops, 2));
    buf_init(&body, 0);
    txn_read(world_view(&w), ops, 2, &body);
    show(buf_str(&body), text);
    assert_string_equal(text, "8 a=v 11 a= ");
    buf_fini(&body);
    world_close(&w);
}

/* ---- of the catalog too ---- */

static int apply_mixed(struct world *w, const struct txn_op *ops, size_t n, uint32_t *ret_error_n)
{
    struct unpack u;
    struct buf b;

    buf_init(&b, 0);
    txn_mixed_encode(ops, n, &b);
    int rc = world_apply(w, &b);
    u = unpack_make(buf_str(&w->result.body));
    (void)unpack_array(&u);
    unpack_skip(&u);
    *ret_error_n = unpack_array(&u);
    return rc;
}

/* Nodes, services, checks and keys in one: all or none. */
static void mixed(void **state)
{
    struct txn_op ops[] = {
        {.kind = TXN_NODE,
         .verb = TXN_SET,
         .node = {.name = STR_LIT("n1"), .address = STR_LIT("1.2.3.4")}},
        {.kind = TXN_SERVICE,
         .verb = TXN_SET,
         .service = {.node = STR_LIT("n1"), .id = STR_LIT("w"), .name = STR_LIT("web")}},
        {.kind = TXN_CHECK,
         .verb = TXN_SET,
         .check = {.node = STR_LIT("n1"), .check_id = STR_LIT("c"), .service_id = STR_LIT("w")}},
        {.kind = TXN_KV, .kv = {.verb = KV_SET, .key = STR_LIT("k"), .value = STR_LIT("v")}},
        {.kind = TXN_NODE, .verb = TXN_CAS, .node = {.name = STR_LIT("n1"), .modify_index = 1}},
    };
    struct catalog_node n;
    struct kv_entry e;
    struct world w;
    uint32_t error_n;

    world_open(&w);
    assert_int_equal(apply_mixed(&w, ops, 5, &error_n), 0);
    assert_int_equal(error_n, 1); /* the cas: nothing of it all is done */
    assert_false(catalog_node_get(world_view(&w), STR_LIT("n1"), &n));
    assert_int_equal(apply_mixed(&w, ops, 4, &error_n), 0);
    assert_int_equal(error_n, 0);
    assert_true(catalog_node_get(world_view(&w), STR_LIT("n1"), &n));
    assert_true(kv_get(&w.view, STR_LIT("k"), &e, NULL));
    ops[4].node.modify_index = n.modify_index;
    ops[4].verb = TXN_DELETE_CAS;
    assert_int_equal(apply_mixed(&w, &ops[4], 1, &error_n), 0);
    assert_int_equal(error_n, 0);
    assert_false(catalog_node_get(world_view(&w), STR_LIT("n1"), &n));
    assert_int_equal(apply_mixed(&w, &ops[1], 1, &error_n), 0);
    assert_int_equal(error_n, 1); /* no such node */
    world_close(&w);
}

static void mixed_damaged(void **state)
{
    struct txn_op ops[] = {
        {.kind = TXN_NODE,
         .verb = TXN_SET,
         .node = {.name = STR_LIT("n1"), .address = STR_LIT("1.2.3.4")}},
        {.kind = TXN_CHECK,
         .verb = TXN_GET,
         .check = {.node = STR_LIT("n1"), .check_id = STR_LIT("c")}},
    };
    struct world w;
    struct buf good, b;

    world_open(&w);
    buf_init(&good, 0);
    txn_mixed_encode(ops, 2, &good);
    for (size_t i = 2; i < good.n; i++)
        for (int bit = 0; bit < 8; bit++) {
            buf_init(&b, 0);
            buf_put_str(&b, buf_str(&good));
            b.p[i] ^= (char)(1 << bit);
            (void)world_apply(&w, &b);
        }
    buf_fini(&good);
    world_close(&w);
}

UNIT_MAIN(UNIT(in_order), UNIT(rollback), UNIT(read_only), UNIT(mixed), UNIT(mixed_damaged))
