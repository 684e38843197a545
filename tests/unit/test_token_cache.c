/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long an agent without rows believes what it was told of a token, and what it does when nobody
 * tells it any more. */
#include <stdio.h>

#include "agent/token_cache.h"
#include "tests/lib/unit.h"

#define T0 1000

static struct token_cache *cache;

static struct instant at(int64_t s)
{
    return (struct instant){(T0 + s) * 1000000000};
}

static void make_with(enum token_down down, bool default_allow, int token_s, int policy_s,
                      int role_s)
{
    struct token_cache_settings s = {.down = down,
                                     .default_allow = default_allow,
                                     .token_ttl = DURATION_S(token_s),
                                     .policy_ttl = DURATION_S(policy_s),
                                     .role_ttl = DURATION_S(role_s)};

    token_cache_free(cache);
    cache = token_cache_new(7, &s);
}

static void make(enum token_down down, bool default_allow)
{
    make_with(down, default_allow, 30, 30, 30);
}

static int close_cache(void **state)
{
    (void)state;
    token_cache_free(cache);
    cache = NULL;
    return mem_outstanding() == 0 ? 0 : -1;
}

/* A grant that lets the service `web` be written. */
static void put_web(const char *secret, int64_t s, struct grant more)
{
    struct grant g = more;

    assert_int_equal(acl_rules_add(&g.rules, ACL_SERVICE, false, STR_LIT("web"), ACL_WRITE), 0);
    token_cache_put(cache, str_z(secret), &g, at(s));
    grant_fini(&g);
}

static enum token_cache_state look(const char *secret, int64_t s)
{
    return token_cache_look(cache, str_z(secret), at(s));
}

/* 'y', 'n', or '-' when there is no such token. */
static char may(const char *secret, const char *service, int64_t wall_s)
{
    const struct acl_set *set;

    if (token_cache_get(cache, str_z(secret), wall_s * 1000000000, &set))
        return '-';
    return acl_set_allows(set, ACL_SERVICE, str_z(service), ACL_WRITE) ? 'y' : 'n';
}

static void test_a_grant_is_believed_for_its_time(void **state)
{
    (void)state;
    make(TOKEN_DOWN_EXTEND, false);
    assert_int_equal(look("a", 0), TOKEN_CACHE_ASK);
    assert_int_equal(may("a", "web", 0), '-');
    put_web("a", 0, (struct grant){0});
    assert_int_equal(look("a", 29), TOKEN_CACHE_READY);
    assert_int_equal(may("a", "web", 0), 'y');
    assert_int_equal(may("a", "db", 0), 'n');
    assert_int_equal(look("a", 30), TOKEN_CACHE_ASK);
    assert_int_equal(look("b", 0), TOKEN_CACHE_ASK);
}

/* Each part has a time of its own, and what has no roles does not age with them. */
static void test_the_first_part_that_ages_counts(void **state)
{
    const struct grant policies = {.has_policies = true}, roles = {.has_roles = true};

    (void)state;
    make_with(TOKEN_DOWN_EXTEND, false, 30, 20, 10);
    put_web("plain", 0, (struct grant){0});
    put_web("policies", 0, policies);
    put_web("roles", 0, roles);
    assert_int_equal(look("plain", 29), TOKEN_CACHE_READY);
    assert_int_equal(look("policies", 19), TOKEN_CACHE_READY);
    assert_int_equal(look("policies", 20), TOKEN_CACHE_ASK);
    assert_int_equal(look("roles", 9), TOKEN_CACHE_READY);
    assert_int_equal(look("roles", 10), TOKEN_CACHE_ASK);
    make_with(TOKEN_DOWN_EXTEND, false, 0, 20, 10);
    put_web("plain", 0, (struct grant){0});
    assert_int_equal(look("plain", 0), TOKEN_CACHE_ASK); /* asked each time, yet used */
    assert_int_equal(may("plain", "web", 0), 'y');
}

static void test_what_does_not_exist_may_be_made(void **state)
{
    (void)state;
    make(TOKEN_DOWN_EXTEND, true);
    token_cache_put(cache, STR_LIT("a"), NULL, at(0));
    assert_int_equal(look("a", 4), TOKEN_CACHE_READY);
    assert_int_equal(may("a", "web", 0), '-'); /* also where the default is to allow */
    assert_int_equal(look("a", 5), TOKEN_CACHE_ASK);
    put_web("a", 5, (struct grant){0});
    assert_int_equal(may("a", "web", 0), 'y');
    token_cache_put(cache, STR_LIT("a"), NULL, at(40)); /* revoked */
    assert_int_equal(may("a", "web", 0), '-');
    assert_int_equal(token_cache_count(cache), 1);
}

static void test_a_token_ends_at_its_time(void **state)
{
    const struct grant ends = {.expires_ns = (int64_t)50 * 1000000000};

    (void)state;
    make(TOKEN_DOWN_EXTEND, false);
    put_web("a", 0, ends);
    assert_int_equal(may("a", "web", 49), 'y');
    assert_int_equal(may("a", "web", 50), '-');
}

/* No server answers about a token that is known, one that did not exist, and one never heard of. */
static void test_down_policies(void **state)
{
    static const struct {
        enum token_down down;
        bool default_allow;
        const char *wanted;               /* known: web, db; absent; unknown: web */
        enum token_cache_state old, then; /* of the known one: before, after */
    } cases[] = {
        {TOKEN_DOWN_EXTEND, false, "yn-n", TOKEN_CACHE_ASK, TOKEN_CACHE_READY},
        {TOKEN_DOWN_EXTEND, true, "yy-y", TOKEN_CACHE_ASK, TOKEN_CACHE_READY},
        {TOKEN_DOWN_ASYNC, false, "yn-n", TOKEN_CACHE_AGING, TOKEN_CACHE_READY},
        {TOKEN_DOWN_ASYNC, true, "yy-y", TOKEN_CACHE_AGING, TOKEN_CACHE_READY},
        {TOKEN_DOWN_ALLOW, false, "yyyy", TOKEN_CACHE_ASK, TOKEN_CACHE_ASK},
        {TOKEN_DOWN_DENY, false, "nnnn", TOKEN_CACHE_ASK, TOKEN_CACHE_ASK},
        {TOKEN_DOWN_DENY, true, "nnnn", TOKEN_CACHE_ASK, TOKEN_CACHE_ASK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[5] = {0};

        make(cases[i].down, cases[i].default_allow);
        put_web("known", 0, (struct grant){0});
        token_cache_put(cache, STR_LIT("absent"), NULL, at(0));
        assert_int_equal(look("known", 31), cases[i].old);
        token_cache_down(cache, STR_LIT("known"), at(31));
        token_cache_down(cache, STR_LIT("absent"), at(31));
        token_cache_down(cache, STR_LIT("unknown"), at(31));
        got[0] = may("known", "web", 0);
        got[1] = may("known", "db", 0);
        got[2] = may("absent", "web", 0);
        got[3] = may("unknown", "web", 0);
        assert_string_equal(got, cases[i].wanted);
        assert_int_equal(look("known", 60), cases[i].then);
        /* what nobody said is not remembered: the next one asks */
        assert_int_equal(look("unknown", 31), TOKEN_CACHE_ASK);
        put_web("unknown", 32, (struct grant){0});
        assert_int_equal(may("unknown", "web", 0), 'y');
        put_web("known", 32, (struct grant){0});
        assert_int_equal(may("known", "db", 0), cases[i].default_allow ? 'y' : 'n');
    }
}

/* What acl.down_policy=allow allows is not the administration of ACLs. */
static void test_allow_is_not_management(void **state)
{
    const struct acl_set *set;

    (void)state;
    make(TOKEN_DOWN_ALLOW, false);
    token_cache_down(cache, STR_LIT("a"), at(0));
    assert_int_equal(token_cache_get(cache, STR_LIT("a"), 0, &set), 0);
    assert_true(acl_set_allows(set, ACL_AGENT, STR_LIT("n"), ACL_WRITE));
    assert_false(acl_set_allows(set, ACL_ACL, STR_LIT(""), ACL_WRITE));
    assert_false(acl_set_is_management(set));
}

static void test_guesses_do_not_drive_out_what_is_known(void **state)
{
    char secret[32];

    (void)state;
    make(TOKEN_DOWN_EXTEND, false);
    for (int i = 0; i < 100; i++) {
        snprintf(secret, sizeof secret, "known %d", i);
        put_web(secret, i, (struct grant){0});
    }
    for (int i = 0; i < 3 * TOKEN_CACHE_MAX; i++) {
        snprintf(secret, sizeof secret, "guess %d", i);
        if (i % 2)
            token_cache_put(cache, str_z(secret), NULL, at(200));
        else
            token_cache_down(cache, str_z(secret), at(200));
        assert_true(may(secret, "web", 0) != 'y');
    }
    assert_int_equal(token_cache_count(cache), TOKEN_CACHE_MAX);
    for (int i = 0; i < 100; i++) {
        snprintf(secret, sizeof secret, "known %d", i);
        assert_int_equal(may(secret, "web", 0), 'y');
    }
}

/* Of those that are known the one that was not used for longest goes first. */
static void test_room(void **state)
{
    char secret[32];

    (void)state;
    make(TOKEN_DOWN_EXTEND, false);
    put_web("used", 0, (struct grant){0});
    put_web("unused", 0, (struct grant){0});
    (void)look("used", 1);
    for (int i = 0; i < TOKEN_CACHE_MAX - 1; i++) {
        snprintf(secret, sizeof secret, "t%d", i);
        put_web(secret, 2, (struct grant){0});
    }
    assert_int_equal(token_cache_count(cache), TOKEN_CACHE_MAX);
    assert_int_equal(may("unused", "web", 0), '-');
    assert_int_equal(may("used", "web", 0), 'y');
}

/* Rules count by their size; a token alone larger than all the room is still answered for. */
static void test_room_in_bytes(void **state)
{
    static char name[4000];
    struct grant g = {0};
    char secret[8];

    (void)state;
    memset(name, 'n', sizeof name);
    for (int i = 0; i < ACL_RULES_MAX; i++)
        assert_int_equal(
            acl_rules_add(&g.rules, ACL_KEY, true, str_make(name, sizeof name), ACL_READ), 0);
    make(TOKEN_DOWN_EXTEND, false);
    put_web("small", 0, (struct grant){0});
    for (int i = 0; i < 3; i++) {
        snprintf(secret, sizeof secret, "big%d", i);
        token_cache_put(cache, str_z(secret), &g, at(1));
        assert_int_equal(may(secret, "web", 0), 'n');
    }
    assert_int_equal(token_cache_count(cache), 1);
    grant_fini(&g);
}

/* Nothing is kept that can never be used again: with extend-cache what is old may be needed for a
 * day after its last use, with deny not at all. */
static void test_sweep(void **state)
{
    const struct grant ends = {.expires_ns = (int64_t)50 * 1000000000};

    (void)state;
    make(TOKEN_DOWN_EXTEND, false);
    put_web("known", 0, (struct grant){0});
    put_web("ends", 0, ends);
    token_cache_put(cache, STR_LIT("absent"), NULL, at(0));
    token_cache_down(cache, STR_LIT("decided"), at(0));
    token_cache_sweep(cache, at(1), 1);
    assert_int_equal(token_cache_count(cache), 4); /* the request that asked may still look */
    token_cache_sweep(cache, at(60), (int64_t)60 * 1000000000);
    assert_int_equal(token_cache_count(cache), 1);
    assert_int_equal(may("known", "web", 0), 'y');
    token_cache_sweep(cache, at(24 * 3600 - 1), 0);
    assert_int_equal(token_cache_count(cache), 1);
    token_cache_sweep(cache, at(24 * 3600), 0);
    assert_int_equal(token_cache_count(cache), 0);
    make(TOKEN_DOWN_DENY, false);
    put_web("known", 0, (struct grant){0});
    token_cache_sweep(cache, at(29), 0);
    assert_int_equal(token_cache_count(cache), 1);
    token_cache_sweep(cache, at(31), 0);
    assert_int_equal(token_cache_count(cache), 0);
}

static void test_a_copy_is_the_callers(void **state)
{
    (void)state;
    make(TOKEN_DOWN_EXTEND, false);
    assert_null(token_cache_copy(cache, STR_LIT("a")));
    put_web("a", 0, (struct grant){0});
    struct acl_set *copy = token_cache_copy(cache, STR_LIT("a"));
    token_cache_put(cache, STR_LIT("a"), NULL, at(1));
    assert_null(token_cache_copy(cache, STR_LIT("a")));
    assert_true(acl_set_allows(copy, ACL_SERVICE, STR_LIT("web"), ACL_WRITE));
    assert_false(acl_set_allows(copy, ACL_SERVICE, STR_LIT("db"), ACL_WRITE));
    acl_set_free(copy);
}

static void test_down_policy_names(void **state)
{
    enum token_down down = TOKEN_DOWN_DENY;

    (void)state;
    assert_true(token_cache_down_parse(STR_LIT("extend-cache"), &down));
    assert_int_equal(down, TOKEN_DOWN_EXTEND);
    assert_true(token_cache_down_parse(STR_LIT("async-cache"), &down));
    assert_int_equal(down, TOKEN_DOWN_ASYNC);
    assert_true(token_cache_down_parse(STR_LIT("allow"), &down));
    assert_true(token_cache_down_parse(STR_LIT("deny"), &down));
    assert_int_equal(down, TOKEN_DOWN_DENY);
    assert_false(token_cache_down_parse(STR_LIT("Deny"), &down));
    assert_false(token_cache_down_parse(STR_LIT(""), &down));
}

#define CASE(f) cmocka_unit_test_teardown(f, close_cache)

UNIT_MAIN(CASE(test_a_grant_is_believed_for_its_time), CASE(test_the_first_part_that_ages_counts),
          CASE(test_what_does_not_exist_may_be_made), CASE(test_a_token_ends_at_its_time),
          CASE(test_down_policies), CASE(test_allow_is_not_management),
          CASE(test_guesses_do_not_drive_out_what_is_known), CASE(test_room),
          CASE(test_room_in_bytes), CASE(test_sweep), CASE(test_a_copy_is_the_callers),
          CASE(test_down_policy_names))
