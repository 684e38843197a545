/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "gossip/gossip_member.h"
#include "tests/lib/unit.h"

#define MEMBERS 3000

static struct str name_of(int i, char text[32])
{
    return str_make(text, (size_t)snprintf(text, 32, "node-%d", i));
}

static void check(const struct gossip_table *t)
{
    uint32_t states[4] = {0}, statuses[5] = {0};

    for (uint32_t i = 0; i < t->n; i++) {
        assert_int_equal(t->all[i]->at, i);
        statuses[t->all[i]->status]++;
        if (i < t->swim_n)
            states[t->all[i]->state]++;
    }
    assert_memory_equal(states, t->state_n, sizeof(states));
    assert_memory_equal(statuses, t->status_n, sizeof(statuses));
}

/* Added, freed, moved between the parts and described at random: all are found, none else, and the
 * counts are right. */
static void test_model(void **state)
{
    static const uint8_t vsn[GOSSIP_VSN_SIZE] = {1, 5, 2, 2, 5, 4};
    struct gossip_member *members[MEMBERS] = {0};
    struct gossip_table t;
    struct addr addr;
    struct rng rng;

    (void)state;
    rng_init(&rng, 4);
    gossip_member_table_init(&t, NULL, 77);
    assert_int_equal(addr_parse(STR_LIT("10.0.0.1"), 8301, &addr), 0);
    for (int step = 0; step < 60000; step++) {
        int i = (int)rng_below(&rng, MEMBERS);
        char text[32];
        struct str name = name_of(i, text);
        struct gossip_member *m = gossip_member_find(&t, name);

        assert_ptr_equal(m, members[i]);
        if (!m) {
            members[i] = gossip_member_add(&t, name, &addr, &rng);
            gossip_member_describe(&t, members[i], &addr, str_take(name, 6), vsn);
            continue;
        }
        assert_str(gossip_member_name(m), name);
        assert_str(gossip_member_meta(m), str_take(name, 6));
        switch (rng_below(&rng, 5)) {
        case 0:
            gossip_member_free(&t, m);
            members[i] = NULL;
            break;
        case 1:
            if (gossip_member_in_swim(&t, m))
                gossip_member_set_state(&t, m, (enum gossip_state)rng_below(&rng, 4),
                                        (struct instant){step});
            break;
        case 2:
            gossip_member_set_status(&t, m, (enum gossip_status)rng_below(&rng, 5));
            break;
        case 3:
            gossip_member_exit(&t, m);
            break;
        default:
            gossip_member_enter(&t, m, &rng);
        }
        if (step % 1000 == 0) {
            gossip_member_shuffle(&t, &rng);
            check(&t);
        }
    }
    check(&t);
    gossip_member_table_fini(&t);
}

/* A member with a client agent's tags costs less than 1 KiB; what a second pool of the process
 * knows of the same member costs much less. */
static void test_bytes(void **state)
{
    static const uint8_t vsn[GOSSIP_VSN_SIZE] = {1, 5, 2, 2, 5, 4};
    struct gossip_identities *shared = gossip_member_identities_new(5);
    struct gossip_table t[2];
    char meta[190];
    size_t first, second;
    struct rng rng;

    (void)state;
    rng_init(&rng, 4);
    memset(meta, 'x', sizeof(meta));
    for (int k = 0; k < 2; k++) {
        gossip_member_table_init(&t[k], shared, 0);
        for (int i = 0; i < MEMBERS; i++) {
            struct gossip_member *m;
            struct addr addr;
            char text[32];

            assert_int_equal(addr_parse(STR_LIT("10.0.0.1"), (uint16_t)(i + 1), &addr), 0);
            m = gossip_member_add(&t[k], name_of(i, text), &addr, &rng);
            gossip_member_describe(&t[k], m, &addr, str_make(meta, sizeof(meta)), vsn);
            m->trip = mem_new(struct gossip_trip);
        }
    }
    first = gossip_member_bytes(&t[0]) / MEMBERS;
    gossip_member_table_fini(&t[0]);
    second = gossip_member_bytes(&t[1]) / MEMBERS;
    printf("# bytes a member: %zu, %zu with its tags alone in the process\n", first, second);
    assert_true(first < 1024);
    gossip_member_table_fini(&t[1]);
    gossip_member_identities_free(shared);
}

UNIT_MAIN(UNIT(test_model), UNIT(test_bytes))
