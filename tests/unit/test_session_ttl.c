/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/session_ttl.h"
#include "tests/lib/unit.h"

static struct instant at(int64_t s)
{
    return (struct instant){s * 1000000000};
}

/* Sessions end at their TTL, in the order of their deadlines, and come again until removed. */
static void ends_at_its_ttl(void **state)
{
    struct session_ttl *t = session_ttl_new(7);
    struct str id;
    session_ttl_add(t, STR_LIT("long"), DURATION_S(20), at(100));
    session_ttl_add(t, STR_LIT("short"), DURATION_S(10), at(100));
    session_ttl_add(t, STR_LIT("short"), DURATION_S(99), at(105)); /* known: keeps its deadline */
    assert_int_equal(session_ttl_count(t), 2);
    assert_int_equal(session_ttl_deadline(t).ns, at(110).ns);
    assert_false(session_ttl_expire(t, at(109), &id));
    assert_true(session_ttl_expire(t, at(110), &id));
    assert_str(id, STR_LIT("short"));
    assert_false(session_ttl_expire(t, at(110), &id));
    assert_true(session_ttl_expire(t, at(111), &id)); /* the destroy was lost */
    assert_str(id, STR_LIT("short"));
    session_ttl_remove(t, STR_LIT("short"));
    session_ttl_remove(t, STR_LIT("short"));
    assert_int_equal(session_ttl_deadline(t).ns, at(120).ns);
    session_ttl_free(t);
}

/* A renewal starts the TTL anew, also for one that is due but not yet taken. */
static void renewal_starts_anew(void **state)
{
    struct session_ttl *t = session_ttl_new(7);
    struct str id;
    session_ttl_add(t, STR_LIT("a"), DURATION_S(10), at(0));
    session_ttl_add(t, STR_LIT("b"), DURATION_S(10), at(0));
    assert_true(session_ttl_renew(t, STR_LIT("a"), at(9)));
    assert_false(session_ttl_renew(t, STR_LIT("c"), at(9)));
    assert_true(session_ttl_expire(t, at(10), &id));
    assert_str(id, STR_LIT("b"));
    session_ttl_remove(t, id);
    session_ttl_add(t, STR_LIT("d"), DURATION_S(1), at(10));
    session_ttl_add(t, STR_LIT("e"), DURATION_S(1), at(10));
    assert_true(session_ttl_expire(t, at(12), &id)); /* d; e is due, too */
    assert_int_equal(session_ttl_deadline(t).ns, 0);
    assert_true(session_ttl_renew(t, STR_LIT("e"), at(12)));
    assert_false(session_ttl_expire(t, at(12), &id));
    session_ttl_clear(t);
    assert_int_equal(session_ttl_count(t), 0);
    assert_int_equal(session_ttl_deadline(t).ns, INSTANT_NEVER.ns);
    session_ttl_free(t);
}

UNIT_MAIN(UNIT(ends_at_its_ttl), UNIT(renewal_starts_anew))
