/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sole voter, effect by effect; and what a lying peer may not do. */
#include "raft/raft.h"
#include "tests/lib/unit.h"

static struct rng rng;

static const struct raft_options options = {.id = 1,
                                            .election = {100000000},
                                            .heartbeat = {10000000},
                                            .sole = {1000000},
                                            .inflight_max = 10,
                                            .inflight_bytes_max = 1000};

static struct raft_options own(void)
{
    struct raft_options o = options;

    o.id = raft_server_id(STR_LIT("one"));
    return o;
}

static struct instant at(int64_t ms)
{
    return (struct instant){ms * 1000000};
}

static struct raft *make(void)
{
    struct raft_configuration c = {0};
    struct raft_options o = own();

    rng_init(&rng, 5);
    struct raft *r = raft_new(&o, &rng, NULL, NULL);
    assert_int_equal(raft_configuration_put(&c, STR_LIT("one"), STR_LIT("a"), RAFT_VOTER), 0);
    raft_bootstrap(r, &c);
    raft_start(r, at(1));
    return r;
}

/* The next effect, which must be of this kind. */
static struct raft_effect next(struct raft *r, enum raft_effect_kind kind)
{
    struct raft_effect e;

    for (;;) {
        if (!raft_next_effect(r, at(10), &e))
            fail_msg("no effect of kind %d", kind);
        if (e.kind == kind)
            return e;
        assert_int_equal(e.kind, RAFT_EFFECT_ROLE); /* news come in between */
    }
}

static void nothing_but_news(struct raft *r)
{
    struct raft_effect e;

    while (raft_next_effect(r, at(10), &e))
        assert_int_equal(e.kind, RAFT_EFFECT_ROLE);
}

static struct raft *leader(void)
{
    struct raft *r = make();
    struct raft_effect e = next(r, RAFT_EFFECT_PERSIST);

    assert_int_equal(e.u.persist.last, 1);
    raft_expire(r, at(10));
    e = next(r, RAFT_EFFECT_PERSIST);
    assert_true(e.u.persist.has_state);
    assert_int_equal(e.u.persist.state.term, 2);
    assert_int_equal(e.u.persist.state.vote, own().id);
    nothing_but_news(r); /* its own vote counts when it is durable, not before */
    raft_persisted(r, at(10), 2);
    e = next(r, RAFT_EFFECT_PERSIST);
    assert_int_equal(e.u.persist.first, 2);
    raft_persisted(r, at(10), 3);
    e = next(r, RAFT_EFFECT_APPLY);
    assert_int_equal(e.u.apply.last, 2);
    return r;
}

static void propose(struct raft *r, int want)
{
    struct raft_entry *e = raft_entry_new(RAFT_ENTRY_COMMAND, STR_LIT("x"));
    uint64_t index;
    int rc = raft_propose(r, e, &index);

    if (rc < 0)
        raft_entry_unref(e);
    assert_int_equal(rc, want);
}

/* Nothing is applied before it is durable, and not more than is in flight is taken. */
static void test_sole_voter(void **state)
{
    struct raft *r = leader();
    struct raft_effect e;

    (void)state;
    for (int i = 0; i < 10; i++)
        propose(r, 0);
    propose(r, ERR_BUSY);
    e = next(r, RAFT_EFFECT_PERSIST);
    assert_int_equal(e.u.persist.first, 3);
    assert_int_equal(e.u.persist.last, 12);
    nothing_but_news(r);
    raft_persisted(r, at(11), e.u.persist.seq);
    e = next(r, RAFT_EFFECT_APPLY);
    assert_int_equal(e.u.apply.last, 12);
    propose(r, 0);
    raft_free(r);
}

static void test_storage_fails(void **state)
{
    struct raft *r = leader();
    struct raft_effect e;
    struct raft_facts f;

    (void)state;
    propose(r, 0);
    (void)next(r, RAFT_EFFECT_PERSIST);
    raft_storage_failed(r, at(12), -5);
    propose(r, -5);
    raft_get_facts(r, &f);
    assert_int_equal(f.last, 2); /* forgotten */
    assert_int_equal(f.role, RAFT_LEADER);
    nothing_but_news(r);
    raft_storage_back(r, at(13));
    e = next(r, RAFT_EFFECT_PERSIST);
    assert_int_equal(e.u.persist.state.term, 3); /* never the same place twice in a term */
    assert_int_equal(e.u.persist.truncate_from, 3);
    raft_free(r);
}

static void test_read(void **state)
{
    struct raft *r = make();
    struct raft_effect e;
    uint64_t id;

    (void)state;
    assert_int_equal(raft_read(r, &id), ERR_NOT_LEADER);
    raft_free(r);
    r = leader();
    assert_int_equal(raft_read(r, &id), 0);
    e = next(r, RAFT_EFFECT_READ);
    assert_int_equal(e.u.read.id, id);
    assert_int_equal(e.u.read.index, 2);
    raft_free(r);
}

/* Compaction keeps what it is asked to keep, and the configuration. */
static void test_compact(void **state)
{
    struct raft *r = leader();
    struct raft_configuration c;
    struct raft_facts f;

    (void)state;
    for (int i = 0; i < 5; i++)
        propose(r, 0);
    struct raft_effect e = next(r, RAFT_EFFECT_PERSIST);
    raft_persisted(r, at(11), e.u.persist.seq);
    (void)next(r, RAFT_EFFECT_APPLY);
    raft_compact(r, 7, 4);
    raft_get_facts(r, &f);
    assert_int_equal(f.first, 5);
    assert_int_equal(f.snapshot_index, 7);
    raft_configuration_at(r, 7, &c);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.index, 1);
    raft_free(r);
}

/* A peer that claims what cannot be is ignored; one that contradicts what is committed, too. */
static void test_lies(void **state)
{
    struct raft *r = leader();
    struct raft_facts before, after;

    (void)state;
    raft_get_facts(r, &before);
    for (uint64_t kind = 1; kind < RAFT_MESSAGE_KINDS; kind++)
        for (uint64_t i = 0; i < 64; i++) {
            struct raft_message *m = raft_message_new((enum raft_message_kind)kind, own().id);
            m->from = 77 + (i & 1);
            m->term = i & 2 ? 2 : 1;
            m->index = i & 4 ? UINT64_MAX - 1 : 1;
            m->round = i & 8 ? UINT64_MAX : 0;
            m->reject = i & 16;
            m->hint = i & 32 ? UINT64_MAX : 0;
            raft_receive(r, at(12), m);
        }
    struct raft_effect e;
    while (raft_next_effect(r, at(12), &e))
        if (e.kind == RAFT_EFFECT_SEND || e.kind == RAFT_EFFECT_CHUNK)
            raft_message_free(e.u.message);
    raft_get_facts(r, &after);
    assert_int_equal(after.role, RAFT_LEADER);
    assert_int_equal(after.commit, before.commit);
    assert_int_equal(after.term, before.term);
    raft_free(r);
}

UNIT_MAIN(UNIT(test_sole_voter), UNIT(test_storage_fails), UNIT(test_read), UNIT(test_compact),
          UNIT(test_lies))
