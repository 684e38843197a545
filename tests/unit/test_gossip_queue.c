/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "base/clock.h"
#include "base/rng.h"
#include "gossip/gossip_queue.h"
#include "tests/lib/unit.h"

#define MODEL 200

/* What is left of a packet's room is filled: least sent, then longest, then newest. */
static void test_order(void **state)
{
    static const char *const texts[] = {"aaa", "bb", "ccccc", "ddd"};
    struct gossip_queue q;
    struct gossip_queue_pick p = {0};
    struct gossip_broadcast *b;

    (void)state;
    gossip_queue_init(&q);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        gossip_queue_add(&q, str_z(texts[i]), NULL, 100);
    b = gossip_queue_take(&q, &p, 4);
    assert_str(str_make(b->bytes, b->size), STR_LIT("ddd"));
    b = gossip_queue_take(&q, &p, 4);
    assert_str(str_make(b->bytes, b->size), STR_LIT("aaa"));
    b = gossip_queue_take(&q, &p, 1);
    assert_null(b);
    gossip_queue_taken(&q, &p, 10);
    assert_int_equal(q.n, 4);
    p = (struct gossip_queue_pick){0};
    b = gossip_queue_take(&q, &p, 100); /* those sent once come after all others */
    assert_str(str_make(b->bytes, b->size), STR_LIT("ccccc"));
    b = gossip_queue_take(&q, &p, 100);
    assert_str(str_make(b->bytes, b->size), STR_LIT("bb"));
    b = gossip_queue_take(&q, &p, 100);
    assert_str(str_make(b->bytes, b->size), STR_LIT("ddd"));
    gossip_queue_taken(&q, &p, 2);
    assert_int_equal(q.n, 3); /* ddd was sent twice */
    gossip_queue_fini(&q);
}

/* A new claim replaces the old one of the same owner; an owner sees when his is gone. */
static void test_owner(void **state)
{
    struct gossip_queue q;
    struct gossip_queue_pick p = {0};
    struct gossip_broadcast *mine = NULL, *other = NULL;

    (void)state;
    gossip_queue_init(&q);
    gossip_queue_add(&q, STR_LIT("alive"), &mine, 100);
    gossip_queue_add(&q, STR_LIT("suspect"), &mine, 100);
    gossip_queue_add(&q, STR_LIT("x"), &other, 100);
    assert_int_equal(q.n, 2);
    assert_str(str_make(mine->bytes, mine->size), STR_LIT("suspect"));
    assert_ptr_equal(gossip_queue_take(&q, &p, 50), mine);
    gossip_queue_taken(&q, &p, 1);
    assert_null(mine);
    assert_non_null(other);
    gossip_queue_drop(&q, other);
    assert_null(other);
    assert_int_equal(q.n, 0);
    gossip_queue_fini(&q);
}

/* Over the limit, what was sent most often goes first. */
static void test_limit(void **state)
{
    struct gossip_queue q;
    struct gossip_queue_pick p = {0};
    struct gossip_broadcast *a = NULL, *b = NULL, *c = NULL;

    (void)state;
    gossip_queue_init(&q);
    gossip_queue_add(&q, STR_LIT("aaaa"), &a, 2);
    gossip_queue_add(&q, STR_LIT("b"), &b, 2);
    assert_ptr_equal(gossip_queue_take(&q, &p, 50), a);
    gossip_queue_taken(&q, &p, 9);
    gossip_queue_add(&q, STR_LIT("c"), &c, 2);
    assert_null(a);
    assert_true(b && c && q.n == 2 && q.dropped == 1);
    gossip_queue_fini(&q);
}

struct model {
    bool used;
    uint32_t sent;
    size_t size;
    uint64_t id;
    bool taken;
};

static struct model *model_best(struct model *m, size_t room)
{
    struct model *best = NULL;

    for (int i = 0; i < MODEL; i++) {
        if (!m[i].used || m[i].taken || m[i].size > room)
            continue;
        if (!best || m[i].sent < best->sent ||
            (m[i].sent == best->sent &&
             (m[i].size > best->size || (m[i].size == best->size && m[i].id > best->id))))
            best = &m[i];
    }
    return best;
}

/* Packets filled from a queue at random agree with a plain search through a list. */
static void test_model(void **state)
{
    struct gossip_queue q;
    struct gossip_broadcast *owners[MODEL] = {0};
    struct model m[MODEL] = {0};
    struct rng rng;
    char bytes[100] = {0};

    (void)state;
    rng_init(&rng, 9);
    gossip_queue_init(&q);
    for (int round = 0; round < 4000; round++) {
        struct gossip_queue_pick p = {0};
        size_t room = rng_below(&rng, 300);

        for (int k = 0; k < 3; k++) {
            int i = (int)rng_below(&rng, MODEL);
            size_t size = 1 + rng_below(&rng, 20);

            gossip_queue_add(&q, (struct str){bytes, size}, &owners[i], 1000);
            m[i] = (struct model){true, 0, size, owners[i]->id, false};
        }
        for (;;) {
            struct gossip_broadcast *got = gossip_queue_take(&q, &p, room);
            struct model *want = model_best(m, room);

            assert_true(!got == !want);
            if (!got)
                break;
            assert_int_equal(got->id, want->id);
            assert_int_equal(got->sent, want->sent);
            want->taken = true;
            room -= got->size;
        }
        gossip_queue_taken(&q, &p, 5);
        for (int i = 0; i < MODEL; i++) {
            if (m[i].taken && ++m[i].sent >= 5)
                m[i].used = false;
            m[i].taken = false;
            assert_int_equal(m[i].used, owners[i] != NULL);
        }
    }
    gossip_queue_fini(&q);
}

/* 10^5 entries: adding, replacing and filling a packet stay cheap. */
static void test_large(void **state)
{
    enum { N = 100000 };
    struct gossip_queue q;
    struct gossip_broadcast **owners = mem_alloc(N * sizeof(*owners));
    struct instant begin = clock_now();
    struct rng rng;
    char bytes[300] = {0};
    int64_t ms;

    (void)state;
    rng_init(&rng, 1);
    gossip_queue_init(&q);
    for (int i = 0; i < N; i++)
        gossip_queue_add(&q, (struct str){bytes, 60 + rng_below(&rng, 240)}, &owners[i], N);
    for (int i = 0; i < N; i++) {
        size_t k = rng_below(&rng, N);

        gossip_queue_add(&q, (struct str){bytes, 60 + rng_below(&rng, 240)}, &owners[k], N);
    }
    for (int packet = 0; packet < 10000; packet++) {
        struct gossip_queue_pick p = {0};
        struct gossip_broadcast *b;
        size_t room = 1400;

        while ((b = gossip_queue_take(&q, &p, room)))
            room -= b->size;
        gossip_queue_taken(&q, &p, 24);
    }
    ms = duration_ms(instant_since(clock_now(), begin));
    printf("# 10^5 entries: 2 * 10^5 added, 10^4 packets filled in %d ms\n", (int)ms);
    assert_true(ms < 20000);
    gossip_queue_fini(&q);
    mem_free(owners);
}

UNIT_MAIN(UNIT(test_order), UNIT(test_owner), UNIT(test_limit), UNIT(test_model), UNIT(test_large))
