/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Change batches and watches: who is woken by what, against a naive search. */
#include <stdio.h>

#include "base/rng.h"
#include "state/watch.h"
#include "tests/lib/unit.h"

struct waiter {
    struct watch_set set;
    int fired;
    struct watch_index *again; /* waits there anew when it is fired */
    struct waiter *frees;      /* leaves when this one is fired */
};

static void on_fire(struct watch_set *s)
{
    struct waiter *w = (struct waiter *)(void *)s;

    assert_true(s->fired);
    assert_null(s->in);
    w->fired++;
    if (w->again)
        watch_wait(w->again, s);
    if (w->frees)
        watch_fini(&w->frees->set);
}

static void waiter_init(struct waiter *w)
{
    *w = (struct waiter){0};
    watch_init(&w->set);
    w->set.on_fire = on_fire;
}

static size_t fire(struct watch_index *x, enum watch_kind kind, const char *key)
{
    struct change_batch b;

    change_init(&b);
    change_add(&b, kind, str_z(key));
    size_t n = watch_fire(x, &b);
    change_fini(&b);
    return n;
}

/* A batch gives back what was added, can be cut back, copied and emptied. */
static void batches(void **state)
{
    struct change_batch a, b;
    enum watch_kind kind;
    struct str key;
    size_t pos = 0;

    change_init(&a);
    change_init(&b);
    change_add(&a, WATCH_KV, STR_LIT("one"));
    size_t size = a.items.n;
    change_add(&a, WATCH_NODES, STR_NONE);
    change_copy(&b, &a);
    change_cut(&a, size, 1);
    assert_int_equal(a.n, 1);
    assert_int_equal(b.n, 2);
    assert_true(change_next(&b, &pos, &kind, &key));
    assert_int_equal(kind, WATCH_KV);
    assert_str(key, STR_LIT("one"));
    assert_true(change_next(&b, &pos, &kind, &key));
    assert_int_equal(kind, WATCH_NODES);
    assert_int_equal(key.n, 0);
    assert_false(change_next(&b, &pos, &kind, &key));
    change_clear(&b);
    assert_int_equal(b.n, 0);
    change_fini(&b);
    change_fini(&a);
}

/* Keys exactly, prefixes by what is below, kinds apart. */
static void keys_and_prefixes(void **state)
{
    struct watch_index *x = watch_index_new(7);
    struct waiter key, prefix, all, node;

    waiter_init(&key);
    waiter_init(&prefix);
    waiter_init(&all);
    waiter_init(&node);
    watch_key(&key.set, WATCH_KV, STR_LIT("a/b"));
    watch_prefix(&prefix.set, WATCH_KV, STR_LIT("a/"));
    watch_prefix(&all.set, WATCH_KV, STR_NONE);
    watch_key(&node.set, WATCH_NODE, STR_LIT("a/b"));
    watch_wait(x, &key.set);
    watch_wait(x, &prefix.set);
    watch_wait(x, &all.set);
    watch_wait(x, &node.set);
    assert_int_equal(fire(x, WATCH_SERVICE, "a/b"), 0);
    assert_int_equal(fire(x, WATCH_KV, "b"), 1);
    assert_int_equal(all.fired, 1);
    assert_int_equal(fire(x, WATCH_KV, "a/"), 1);
    assert_int_equal(prefix.fired, 1);
    assert_int_equal(fire(x, WATCH_KV, "a/bc"), 0);
    assert_int_equal(fire(x, WATCH_KV, "a/b"), 1);
    assert_int_equal(key.fired, 1);
    assert_int_equal(watch_index_count(x), 1);
    watch_fini(&node.set);
    watch_fini(&all.set);
    watch_fini(&prefix.set);
    watch_fini(&key.set);
    watch_index_free(x);
}

/* A set fires once a batch, may wait again at once, and one may end another. */
static void again_and_end(void **state)
{
    struct watch_index *x = watch_index_new(7);
    struct waiter first, second;
    struct change_batch b;

    waiter_init(&first);
    waiter_init(&second);
    watch_key(&first.set, WATCH_KV, STR_LIT("k"));
    watch_prefix(&first.set, WATCH_KV, STR_LIT("k"));
    watch_key(&second.set, WATCH_KV, STR_LIT("k"));
    first.again = x;
    watch_wait(x, &first.set);
    watch_wait(x, &second.set);
    change_init(&b);
    change_add(&b, WATCH_KV, STR_LIT("k"));
    change_add(&b, WATCH_KV, STR_LIT("k2"));
    assert_int_equal(watch_fire(x, &b), 2);
    assert_int_equal(first.fired, 1);
    watch_wait(x, &second.set);
    first.frees = &second;
    second.frees = &first;
    first.again = NULL;
    assert_int_equal(watch_fire(x, &b), 1);
    assert_int_equal(watch_index_count(x), 0);
    change_fini(&b);
    watch_fini(&first.set);
    watch_fini(&second.set);
    watch_index_free(x);
}

/* Too many items, or none, are woken by anything; a replaced store wakes all. */
static void everything(void **state)
{
    struct watch_index *x = watch_index_new(7);
    struct waiter many, none, some;
    struct change_batch b;
    char key[16];

    waiter_init(&many);
    waiter_init(&none);
    waiter_init(&some);
    for (int i = 0; i <= WATCH_ITEMS_MAX; i++) {
        snprintf(key, sizeof key, "k%d", i);
        watch_key(&many.set, WATCH_KV, str_z(key));
    }
    assert_true(many.set.everything);
    watch_key(&some.set, WATCH_KV, STR_LIT("x"));
    watch_key(NULL, WATCH_KV, STR_LIT("x"));
    watch_wait(x, &many.set);
    watch_wait(x, &none.set);
    watch_wait(x, &some.set);
    change_init(&b);
    assert_int_equal(watch_fire(x, &b), 0);
    assert_int_equal(fire(x, WATCH_CHECKS, ""), 2);
    b.everything = true;
    assert_int_equal(watch_fire(x, &b), 1);
    change_fini(&b);
    watch_fini(&many.set);
    watch_fini(&none.set);
    watch_fini(&some.set);
    watch_index_free(x);
}

#define WAITERS 400
struct noted {
    bool is_prefix;
    char text[8];
};

static void random_text(struct rng *rng, char dst[8])
{
    size_t n = rng_below(rng, 6);

    for (size_t i = 0; i < n; i++)
        dst[i] = (char)('a' + rng_below(rng, 2));
    dst[n] = '\0';
}

static bool touches(const struct noted *n, const char *key)
{
    return n->is_prefix ? !strncmp(key, n->text, strlen(n->text)) : !strcmp(key, n->text);
}

/* Random sets and changes: exactly those fire that a search over all of them finds. */
static void random_sets(void **state)
{
    static struct waiter waiters[WAITERS];
    static struct noted noted[WAITERS][3];
    struct watch_index *x = watch_index_new(99);
    struct rng rng;

    rng_init(&rng, 5);
    for (int i = 0; i < WAITERS; i++) {
        waiter_init(&waiters[i]);
        waiters[i].again = x;
        for (int k = 0; k < 3; k++) {
            struct noted *n = &noted[i][k];
            n->is_prefix = rng_below(&rng, 3) == 0;
            random_text(&rng, n->text);
            if (n->is_prefix)
                watch_prefix(&waiters[i].set, WATCH_KV, str_z(n->text));
            else
                watch_key(&waiters[i].set, WATCH_KV, str_z(n->text));
        }
        watch_wait(x, &waiters[i].set);
    }
    for (int round = 0; round < 300; round++) {
        char key[8];
        random_text(&rng, key);
        int before[WAITERS];
        for (int i = 0; i < WAITERS; i++)
            before[i] = waiters[i].fired;
        fire(x, WATCH_KV, key);
        for (int i = 0; i < WAITERS; i++) {
            bool hit = touches(&noted[i][0], key) || touches(&noted[i][1], key) ||
                       touches(&noted[i][2], key);
            assert_int_equal(waiters[i].fired - before[i], hit);
        }
    }
    for (int i = 0; i < WAITERS; i++)
        watch_fini(&waiters[i].set);
    watch_index_free(x);
}

UNIT_MAIN(UNIT(batches), UNIT(keys_and_prefixes), UNIT(again_and_end), UNIT(everything),
          UNIT(random_sets))
