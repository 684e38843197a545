/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state at recent indexes: against copies of it made at the time. */
#include <stdio.h>

#include "base/rng.h"
#include "state/history.h"
#include "store/dump.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

#define STEPS 400

static void open_with(struct world *w, size_t bytes)
{
    world_open(w);
    state_set_history(w->state, bytes);
}

static bool put_key(void *data, struct str key)
{
    buf_put_str(data, key);
    buf_put_c(data, ';');
    return true;
}
static bool put_entry(void *data, const struct kv_entry *e)
{
    buf_put_str(data, e->key);
    buf_putf(data, "=%llu ", (unsigned long long)e->modify_index);
    buf_put_str(data, e->value);
    buf_put_c(data, ';');
    return true;
}

/* All keys, and those cut at '/', of the newest state. */
static void copy_now(struct world *w, struct buf *all, struct buf *cut)
{
    kv_list(world_view(w), STR_LIT(""), put_entry, all, NULL);
    kv_keys(world_view(w), STR_LIT("d/"), STR_LIT("/"), put_key, cut, NULL);
}

struct old {
    struct view *v;
    uint64_t index;
    struct buf *out;
};
static bool put_old(void *data, struct str key)
{
    struct old *o = data;
    struct kv_entry e;
    assert_true(history_get(o->v, o->index, key, &e));
    return put_entry(o->out, &e);
}

static bool has_old(struct world *w, uint64_t index, const char *key, const char *wanted)
{
    struct kv_entry e;
    if (!history_get(world_view(w), index, str_z(key), &e))
        return wanted == NULL;
    return wanted && str_eq_z(e.value, wanted);
}

/* A copy takes many indexes in one step: before it and after it are known, nothing in between. */
static void takes_many_in_one_step(void **state)
{
    struct world w;
    open_with(&w, 0); /* it notes nothing by itself */
    world_put(&w, "k", "one");
    uint64_t first = w.index + 1, last = w.index + 4;
    struct store_txn *txn = store_txn_begin(w.store);
    history_note_step(txn, 1 << 20, first, last, STR_LIT("k"));
    history_note_step(txn, 1 << 20, first, last, STR_LIT("new"));
    assert_int_equal(store_commit(txn), 0);
    while (w.index < last - 1)
        world_put(&w, "other", "x");
    world_put(&w, "k", "two");
    assert_int_equal(w.index, last);
    assert_true(history_has(world_view(&w), first - 1));
    assert_true(has_old(&w, first - 1, "k", "one"));
    assert_true(has_old(&w, first - 1, "new", NULL));
    for (uint64_t i = first; i < last; i++)
        assert_false(history_has(world_view(&w), i));
    assert_true(history_has(world_view(&w), last));
    assert_true(has_old(&w, last, "k", "two"));
    assert_false(history_has(world_view(&w), first - 2)); /* nothing is known of before */
    world_close(&w);
}

static void random_step(struct world *w, struct rng *rng)
{
    static const char *const names[] = {"a", "a/b", "d/", "d/x", "d/x/y", "d/x0", "d/z\x01", "e"};
    const char *key = names[rng_below(rng, COUNT_OF(names))];
    char value[16];
    (void)snprintf(value, sizeof(value), "%llu", (unsigned long long)w->index);
    if (rng_below(rng, 8) == 0)
        world_op(w, KV_DELETE_TREE, "d/x", "", "", 0);
    else if (rng_below(rng, 3) == 0)
        world_op(w, KV_DELETE, key, "", "", 0);
    else
        world_put(w, key, value);
}

/* Whatever was written and deleted: each index gives what was there at the time. */
static void is_as_it_was(void **state)
{
    struct world w;
    struct rng rng;
    static struct buf all[STEPS], cut[STEPS];
    static uint64_t at[STEPS];
    open_with(&w, (size_t)1 << 20);
    rng_init(&rng, 7);
    for (int i = 0; i < STEPS; i++) {
        random_step(&w, &rng);
        at[i] = w.index;
        copy_now(&w, &all[i], &cut[i]);
    }
    uint64_t oldest, newest;
    history_range(world_view(&w), &oldest, &newest);
    assert_int_equal(newest, w.index);
    for (int i = 0; i < STEPS; i++) {
        struct buf got_all = {0}, got_cut = {0};
        struct old o = {world_view(&w), at[i], &got_all};
        if (at[i] < oldest) /* before the first change */
            continue;
        assert_true(history_has(o.v, at[i]));
        history_keys(o.v, at[i], STR_LIT(""), STR_LIT(""), put_old, &o);
        history_keys(o.v, at[i], STR_LIT("d/"), STR_LIT("/"), put_key, &got_cut);
        assert_string_equal(buf_z(&got_all), buf_z(&all[i]));
        assert_string_equal(buf_z(&got_cut), buf_z(&cut[i]));
        buf_fini(&got_all);
        buf_fini(&got_cut);
    }
    assert_false(history_has(world_view(&w), w.index + 1));
    for (int i = 0; i < STEPS; i++) {
        buf_fini(&all[i]);
        buf_fini(&cut[i]);
    }
    world_close(&w);
}

static void count_index(void *data, uint64_t index)
{
    uint64_t *last = data;
    assert_true(index > *last);
    *last = index;
}

/* It takes no more than it may; what is dropped cannot be asked; what is left is true. */
static void is_bounded(void **state)
{
    struct world w;
    struct kv_entry e;
    uint64_t oldest, newest, last = 0;
    char value[2000];
    open_with(&w, (size_t)256 << 10);
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (int i = 0; i < 1000; i++) {
        value[0] = (char)('a' + i % 26);
        world_put(&w, "k", value);
        assert_true(store_table_size(world_view(&w)->store, LOCAL_HISTORY) <= (size_t)300 << 10);
    }
    history_range(world_view(&w), &oldest, &newest);
    assert_true(oldest > 800 && oldest < newest - 50);
    assert_false(history_has(world_view(&w), oldest - 1));
    for (uint64_t index = oldest; index <= newest; index++) {
        assert_true(history_get(world_view(&w), index, STR_LIT("k"), &e));
        assert_int_equal(e.modify_index, index);
    }
    history_indexes(world_view(&w), 1000, count_index, &last);
    assert_int_equal(last, newest);
    history_indexes(world_view(&w), 3, count_index, &(uint64_t){newest - 3});
    world_close(&w);
}

static int count_local(void *data, struct str chunk)
{
    struct cursor c = cursor_make(chunk);
    while (cursor_left(&c) > 0) {
        int table = cursor_u8(&c);
        uint32_t key_n = cursor_u32(&c), value_n = cursor_u32(&c);
        assert_true(table != LOCAL_HISTORY && table != LOCAL_HISTORY_RING);
        (void)cursor_bytes(&c, key_n);
        (void)cursor_bytes(&c, value_n);
        ++*(int *)data;
    }
    return 0;
}

/* Switched off it keeps nothing; and it never travels. */
static void is_of_this_server_alone(void **state)
{
    struct world w;
    uint64_t oldest, newest;
    int rows = 0;
    open_with(&w, 0);
    world_put(&w, "k", "1");
    world_put(&w, "k", "2");
    assert_int_equal(store_count(world_view(&w)->store, LOCAL_HISTORY), 0);
    history_range(world_view(&w), &oldest, &newest);
    assert_int_equal(oldest, newest);
    state_set_history(w.state, 1 << 20);
    world_put(&w, "k", "3");
    assert_int_equal(store_count(world_view(&w)->store, LOCAL_HISTORY), 1);
    assert_int_equal(dump_write(world_view(&w)->store, count_local, &rows), 0);
    assert_true(rows > 0);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_as_it_was),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(is_of_this_server_alone),
        cmocka_unit_test(takes_many_in_one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
