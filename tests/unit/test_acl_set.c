/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "acl/acl_set.h"
#include "base/rng.h"
#include "tests/lib/unit.h"

static struct acl_set *make(const char *text, unsigned flags)
{
    struct acl_rules rules = {0};
    struct error err = {0};

    if (acl_rules_parse(str_z(text), &rules, &err))
        fail_msg("%s", err.text);
    struct acl_set *s = acl_set_new(&rules, flags);
    acl_rules_fini(&rules);
    return s;
}

static bool may(const struct acl_set *s, const char *key, enum acl_access access)
{
    return acl_set_allows(s, ACL_KEY, str_z(key), access);
}

static void test_specific_wins(void **state)
{
    struct acl_set *s = make("key_prefix \"app/\" { policy = \"read\" }"
                             "key \"app/w\" { policy = \"write\" }"
                             "key_prefix \"app/secret/\" { policy = \"deny\" }"
                             "key_prefix \"app/secret/open/\" { policy = \"list\" }"
                             "key \"app/secret/open\" { policy = \"read\" }",
                             0);

    (void)state;
    assert_true(may(s, "app/a", ACL_READ) && !may(s, "app/a", ACL_WRITE));
    assert_true(may(s, "app/w", ACL_WRITE) && !may(s, "app/wx", ACL_WRITE));
    assert_false(may(s, "app/secret/x", ACL_READ));
    assert_true(may(s, "app/secret/open/x", ACL_LIST) && may(s, "app/secret/open/x", ACL_READ));
    assert_false(may(s, "app/secret/open/x", ACL_WRITE));
    assert_true(may(s, "app/secret/open", ACL_READ));
    assert_false(may(s, "ap", ACL_READ));
    assert_false(may(s, "zzz", ACL_READ));
    acl_set_free(s);
}

static void test_strongest_of_equals(void **state)
{
    struct acl_set *s = make("key \"a\" { policy = \"read\" } key \"a\" { policy = \"write\" }"
                             "key_prefix \"a\" { policy = \"deny\" }"
                             "service_prefix \"\" { policy = \"write\" }"
                             "service_prefix \"\" { policy = \"deny\" }",
                             ACL_SET_DEFAULT_ALLOW);

    (void)state;
    assert_true(may(s, "a", ACL_WRITE));
    assert_false(may(s, "ab", ACL_READ));
    assert_true(may(s, "b", ACL_WRITE)); /* the default */
    assert_false(acl_set_allows(s, ACL_SERVICE, STR_LIT("x"), ACL_READ));
    assert_true(acl_set_allows(s, ACL_OPERATOR, STR_LIT(""), ACL_WRITE));
    assert_false(acl_set_allows(s, ACL_ACL, STR_LIT(""), ACL_READ));
    acl_set_free(s);
}

static void test_tree(void **state)
{
    struct acl_set *s = make("key_prefix \"a/\" { policy = \"write\" }"
                             "key \"a/b/c\" { policy = \"read\" }"
                             "key_prefix \"w\" { policy = \"write\" }",
                             0);

    (void)state;
    assert_false(acl_set_allows_tree(s, ACL_KEY, STR_LIT("")));
    assert_false(acl_set_allows_tree(s, ACL_KEY, STR_LIT("a/")));
    assert_false(acl_set_allows_tree(s, ACL_KEY, STR_LIT("a/b/")));
    assert_true(acl_set_allows_tree(s, ACL_KEY, STR_LIT("a/c/")));
    assert_true(acl_set_allows_tree(s, ACL_KEY, STR_LIT("w")));
    assert_false(acl_set_allows_tree(s, ACL_KEY, STR_LIT("x")));
    acl_set_free(s);
}

static void test_management(void **state)
{
    struct acl_set *s = make("", ACL_SET_ALL);

    (void)state;
    assert_true(acl_set_is_management(s) && may(s, "x", ACL_WRITE));
    assert_true(acl_set_allows(s, ACL_ACL, STR_LIT(""), ACL_WRITE));
    assert_true(acl_set_allows_tree(s, ACL_KEY, STR_LIT("")));
    acl_set_free(s);
}

/* What the search must agree with: every rule looked at. */
static bool slow(const struct acl_rules *rules, struct str name, enum acl_access wanted)
{
    int best = -1, best_n = -1;

    for (size_t i = 0; i < rules->n; i++) {
        const struct acl_rule *r = &rules->list[i];
        int n = (int)r->name.n * 2 + !r->is_prefix;

        if (r->is_prefix ? !str_has_prefix(name, r->name) : !str_eq(name, r->name))
            continue;
        if (n > best_n || (n == best_n && (int)r->access > best)) {
            best_n = n;
            best = (int)r->access;
        }
    }
    return best >= (int)wanted && best != ACL_DENY;
}

static void name_of(struct rng *rng, char dst[8], struct str *ret)
{
    size_t n = rng_below(rng, 6);

    for (size_t i = 0; i < n; i++)
        dst[i] = (char)('a' + rng_below(rng, 2));
    *ret = str_make(dst, n);
}

static void test_against_all_rules(void **state)
{
    struct rng rng;
    char text[8];
    struct str name;

    (void)state;
    rng_init(&rng, 7);
    for (int round = 0; round < 500; round++) {
        struct acl_rules rules = {0};

        for (uint64_t n = rng_below(&rng, 20); n > 0; n--) {
            name_of(&rng, text, &name);
            assert_int_equal(acl_rules_add(&rules, ACL_KEY, rng_below(&rng, 2), name,
                                           (enum acl_access)rng_below(&rng, 4)),
                             0);
        }
        struct acl_set *s = acl_set_new(&rules, 0);
        for (int i = 0; i < 50; i++) {
            name_of(&rng, text, &name);
            for (int a = ACL_READ; a <= ACL_WRITE; a++)
                assert_int_equal(acl_set_allows(s, ACL_KEY, name, (enum acl_access)a),
                                 slow(&rules, name, (enum acl_access)a));
        }
        acl_set_free(s);
        acl_rules_fini(&rules);
    }
}

UNIT_MAIN(UNIT(test_specific_wins), UNIT(test_strongest_of_equals), UNIT(test_tree),
          UNIT(test_management), UNIT(test_against_all_rules))
