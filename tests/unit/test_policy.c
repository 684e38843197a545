/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens, policies and roles as rows, and what they let through: lists, single things, commands. */
#include "state/acl.h"
#include "state/grant.h"
#include "state/policy.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

#define ID(n) "00000000-1111-2222-3333-0000000000" n

static struct world w;
static struct policy *policy;
static struct policy_settings settings;

static int open_world(void **state)
{
    struct buf b;

    (void)state;
    world_open(&w);
    policy = policy_new(1);
    settings = (struct policy_settings){
        .enabled = true, .datacenter = STR_LIT("dc1"), .node = STR_LIT("n1")};
    buf_init(&b, 0);
    acl_encode_builtin(STR_LIT(ID("01")), STR_LIT(ID("02")), 5, &b);
    assert_int_equal(world_apply(&w, &b), 0);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    policy_free(policy);
    world_close(&w);
    return mem_outstanding() == 0 ? 0 : -1;
}

static int put_policy(const char *id, const char *name, const char *rules, enum acl_put how)
{
    struct acl_policy p = {.id = str_z(id), .name = str_z(name), .rules = str_z(rules)};
    struct buf b;

    buf_init(&b, 0);
    acl_encode_policy(&p, how, &b);
    return world_apply(&w, &b);
}

/* A packed list with one pair. */
static void pair(struct buf *out, const char *a, const char *b)
{
    buf_init(out, 0);
    pack_array(out, 1);
    pack_array(out, 2);
    pack_str(out, str_z(a));
    pack_str(out, str_z(b));
}

static int put_token(const char *accessor, const char *secret, const char *policy_name,
                     int64_t expires_ns)
{
    struct acl_token t = {
        .accessor = str_z(accessor), .secret = str_z(secret), .expires_ns = expires_ns};
    struct buf b, links;

    pair(&links, "", policy_name);
    t.policies = buf_str(&links);
    buf_init(&b, 0);
    acl_encode_token(&t, ACL_PUT_NEW, &b);
    buf_fini(&links);
    return world_apply(&w, &b);
}

static struct view *as(const char *secret, int64_t wall_ns)
{
    struct view *v = world_view(&w);

    v->token = str_z(secret);
    v->denied = false;
    policy_resolve(policy, &settings, v, wall_ns);
    return v;
}

static bool put_name(void *data, const struct kv_entry *e)
{
    buf_put_str(data, e->key);
    buf_put_c(data, ' ');
    return true;
}

static void assert_keys(struct view *v, const char *wanted)
{
    struct buf got;

    buf_init(&got, 0);
    kv_list(v, STR_NONE, put_name, &got, NULL);
    assert_str(buf_str(&got), str_z(wanted));
    buf_fini(&got);
}

static int may(struct view *v, struct buf *command)
{
    int rc = policy_may_write(v, buf_str(command));

    buf_fini(command);
    return rc;
}

static int may_put(struct view *v, enum kv_verb verb, const char *key)
{
    struct kv_op op = {.verb = verb, .key = str_z(key)};
    struct buf b;

    buf_init(&b, 0);
    kv_encode(&op, &b);
    return may(v, &b);
}

static int may_register(struct view *v, const char *node, const char *address, const char *service)
{
    struct catalog_service s = {.node = str_z(node), .id = str_z(service), .name = str_z(service)};
    struct catalog_register r = {.node = {.name = str_z(node), .address = str_z(address)},
                                 .service = service ? &s : NULL};
    struct buf b;

    buf_init(&b, 0);
    catalog_encode_register(&r, &b);
    return may(v, &b);
}

static void test_keys(void **state)
{
    struct kv_entry e;
    uint64_t index;

    (void)state;
    world_put(&w, "app/a", "1");
    world_put(&w, "app/secret/x", "1");
    world_put(&w, "other", "1");
    assert_int_equal(put_policy(ID("10"), "p",
                                "key_prefix \"app/\" { policy = \"write\" }"
                                "key_prefix \"app/secret/\" { policy = \"deny\" }",
                                ACL_PUT_NEW),
                     0);
    assert_int_equal(put_token(ID("11"), ID("12"), "p", 0), 0);

    struct view *v = as(ID("12"), 0);
    assert_keys(v, "app/a ");
    assert_true(kv_get(v, STR_LIT("app/a"), &e, &index) && !v->denied);
    assert_false(kv_get(v, STR_LIT("app/none"), &e, &index) || v->denied);
    assert_false(kv_get(v, STR_LIT("other"), &e, &index));
    assert_true(v->denied);
    assert_false(kv_first(v, STR_LIT("app/s"), STR_LIT("app/s"), &e));
    assert_int_equal(may_put(v, KV_SET, "app/b"), 0);
    assert_int_equal(may_put(v, KV_SET, "other"), ERR_DENIED);
    assert_int_equal(may_put(v, KV_DELETE_TREE, "app/"), ERR_DENIED);
    assert_int_equal(may_put(v, KV_DELETE_TREE, "app/b/"), 0);

    v = as(ID("02"), 0); /* the master */
    assert_keys(v, "app/a app/secret/x other ");
    v = as("", 0); /* the anonymous token */
    assert_keys(v, "");
    assert_int_equal(v->acl_status, 0);
    settings.default_allow = true;
    assert_keys(as("", 0), "app/a app/secret/x other ");
    assert_int_equal(may_put(as("", 0), KV_SET, "other"), 0);
    settings.enabled = false;
    assert_keys(as("no such token", 0), "app/a app/secret/x other ");
}

static bool put_key(void *data, struct str key)
{
    return put_name(data, &(struct kv_entry){.key = key});
}

/* What a list of the prefix holds; "denied" when it may not be listed. */
static void assert_listed(const char *secret, const char *prefix, const char *wanted)
{
    struct view *v = as(secret, 0);
    struct buf got;

    buf_init(&got, 0);
    kv_keys(v, str_z(prefix), STR_NONE, put_key, &got, NULL);
    assert_str(v->denied ? STR_LIT("denied") : buf_str(&got), str_z(wanted));
    v->denied = false;
    buf_clear(&got);
    kv_list(v, str_z(prefix), put_name, &got, NULL);
    assert_str(v->denied ? STR_LIT("denied") : buf_str(&got), str_z(wanted));
    buf_fini(&got);
}

/* acl.enable_key_list_policy: "list" is more than "read", and less than "write". */
static void test_list_right(void **state)
{
    (void)state;
    world_put(&w, "l/a", "1");
    world_put(&w, "l/secret", "1");
    world_put(&w, "r/a", "1");
    assert_int_equal(put_policy(ID("10"), "p",
                                "key_prefix \"l/\" { policy = \"list\" }"
                                "key \"l/secret\" { policy = \"deny\" }"
                                "key_prefix \"w/\" { policy = \"write\" }"
                                "key_prefix \"r/\" { policy = \"read\" }",
                                ACL_PUT_NEW),
                     0);
    assert_int_equal(put_token(ID("11"), ID("12"), "p", 0), 0);
    assert_listed(ID("12"), "r/", "r/a ");
    assert_listed(ID("12"), "", "l/a r/a ");
    settings.key_list = true;
    assert_listed(ID("12"), "l/", "l/a ");
    assert_listed(ID("12"), "r/", "denied");
    assert_listed(ID("12"), "w/", "");
    assert_listed(ID("12"), "", "denied");
    assert_listed(ID("02"), "", "l/a l/secret r/a ");
    settings.enabled = false;
    assert_listed("", "", "l/a l/secret r/a ");
}

static void test_tokens_end(void **state)
{
    struct buf b;

    (void)state;
    assert_int_equal(put_policy(ID("10"), "p", "key \"k\" { policy = \"write\" }", ACL_PUT_NEW), 0);
    assert_int_equal(put_token(ID("11"), ID("12"), "p", 1000), 0);
    assert_int_equal(as(ID("12"), 999)->acl_status, 0);
    assert_int_equal(as(ID("12"), 1000)->acl_status, ERR_NO_TOKEN);
    assert_int_equal(as("anonymous", 0)->acl_status, ERR_NO_TOKEN);
    assert_int_equal(may_put(as("x", 0), KV_SET, "k"), ERR_NO_TOKEN);
    /* a policy that changes counts at once */
    assert_int_equal(may_put(as(ID("12"), 0), KV_SET, "k"), 0);
    assert_int_equal(put_policy(ID("10"), "p", "key \"k\" { policy = \"read\" }", ACL_PUT_CHANGE),
                     0);
    assert_int_equal(may_put(as(ID("12"), 0), KV_SET, "k"), ERR_DENIED);
    buf_init(&b, 0);
    acl_encode_delete(ACL_KIND_TOKEN, STR_LIT(ID("11")), &b);
    assert_int_equal(world_apply(&w, &b), 0);
    assert_int_equal(world_changed(&w, WATCH_ACL, ""), 1);
    assert_int_equal(as(ID("12"), 0)->acl_status, ERR_NO_TOKEN);
}

static void test_catalog(void **state)
{
    struct catalog_node n;

    (void)state;
    world_register(&w, "n1", "web", NULL, NULL);
    world_register(&w, "n1", "hidden", NULL, NULL);
    assert_int_equal(put_policy(ID("10"), "p",
                                "service \"web\" { policy = \"write\" }"
                                "node_prefix \"\" { policy = \"read\" }",
                                ACL_PUT_NEW),
                     0);
    assert_int_equal(put_token(ID("11"), ID("12"), "p", 0), 0);
    struct view *v = as(ID("12"), 0);
    assert_true(catalog_node_get(v, STR_LIT("n1"), &n));
    struct buf address;
    buf_init(&address, 0);
    buf_put_str(&address, n.address);
    assert_int_equal(may_register(v, "n1", buf_z(&address), "web"), 0);
    assert_int_equal(may_register(v, "n1", "192.0.2.9", "web"), ERR_DENIED);
    assert_int_equal(may_register(v, "n1", buf_z(&address), "hidden"), ERR_DENIED);
    assert_int_equal(may_register(v, "n9", "192.0.2.9", NULL), ERR_DENIED);
    buf_fini(&address);
    struct catalog_service s;
    assert_true(catalog_service_get(v, STR_LIT("n1"), STR_LIT("web"), &s));
    assert_false(catalog_service_get(v, STR_LIT("n1"), STR_LIT("hidden"), &s));
    assert_false(catalog_node_get(as("", 0), STR_LIT("n1"), &n));
}

static void test_identities(void **state)
{
    struct acl_token t = {.accessor = STR_LIT(ID("11")), .secret = STR_LIT(ID("12"))};
    struct acl_role r = {.id = STR_LIT(ID("20")), .name = STR_LIT("r")};
    struct buf b, services, nodes, roles;

    (void)state;
    buf_init(&services, 0);
    pack_array(&services, 1);
    pack_array(&services, 2);
    pack_str(&services, STR_LIT("web"));
    pack_array(&services, 0);
    pair(&nodes, "n1", "dc1");
    pair(&roles, "", "r");
    r.services = buf_str(&services);
    buf_init(&b, 0);
    acl_encode_role(&r, ACL_PUT_NEW, &b);
    assert_int_equal(world_apply(&w, &b), 0);
    t.nodes = buf_str(&nodes);
    t.roles = buf_str(&roles);
    acl_encode_token(&t, ACL_PUT_NEW, &b);
    assert_int_equal(world_apply(&w, &b), 0);
    struct view *v = as(ID("12"), 0);
    assert_int_equal(may_register(v, "n1", "10.0.0.1", "web"), 0);
    assert_int_equal(may_register(v, "n1", "10.0.0.1", "web-sidecar-proxy"), 0);
    assert_int_equal(may_register(v, "n1", "10.0.0.1", "db"), ERR_DENIED);
    assert_int_equal(may_register(v, "n2", "10.0.0.1", NULL), ERR_DENIED);
    assert_true(policy_allows(v, ACL_SERVICE, STR_LIT("db"), ACL_READ));
    settings.datacenter = STR_LIT("dc2"); /* the identity of a node is one datacenter's */
    acl_encode_delete(ACL_KIND_ROLE, STR_LIT(ID("20")), &b);
    assert_int_equal(world_apply(&w, &b), 0);
    assert_int_equal(may_register(as(ID("12"), 0), "n1", "10.0.0.1", "web"), ERR_DENIED);
    buf_fini(&services);
    buf_fini(&nodes);
    buf_fini(&roles);
}

static void test_refusals(void **state)
{
    struct buf b;

    (void)state;
    assert_int_equal(put_policy(ID("10"), "", "", ACL_PUT_NEW), ERR_INVALID);
    assert_int_equal(put_policy(ID("10"), "bad name!", "", ACL_PUT_NEW), ERR_INVALID);
    assert_int_equal(put_policy(ID("10"), "p", "garbage", ACL_PUT_NEW), ERR_INVALID);
    assert_int_equal(put_policy(ACL_POLICY_MANAGEMENT, "global-management", "", ACL_PUT_CHANGE),
                     ERR_INVALID);
    assert_string_equal(w.result.text, "Changing the Rules for the builtin global-management "
                                       "policy is not permitted");
    assert_int_equal(put_token(ID("11"), ID("12"), "nope", 0), ERR_INVALID);
    assert_string_equal(w.result.text, "No such ACL policy with name \"nope\"");
    assert_int_equal(put_token(ID("11"), ID("02"), "global-management", 0), ERR_INVALID);
    assert_string_equal(w.result.text, "Invalid Token: SecretID is already in use");
    /* only the leader itself sends what is in nobody's table of rights */
    buf_init(&b, 0);
    kv_encode_reap(1, &b);
    assert_int_equal(may(as("", 0), &b), ERR_DENIED);
    buf_init(&b, 0);
    acl_encode_delete(ACL_KIND_POLICY, STR_LIT(ID("10")), &b);
    assert_int_equal(may(as("", 0), &b), ERR_DENIED);
}

static void test_bootstrap(void **state)
{
    struct acl_token t = {.accessor = STR_LIT(ID("11")), .secret = STR_LIT(ID("12"))};
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    acl_encode_token(&t, ACL_PUT_BOOTSTRAP, &b);
    assert_int_equal(policy_may_write(as("", 0), buf_str(&b)), 0);
    assert_int_equal(world_apply(&w, &b), ERR_DENIED);    /* there is a master */
    t.create_index = acl_bootstrap_index(world_view(&w)); /* as the reset file says */
    acl_encode_token(&t, ACL_PUT_BOOTSTRAP, &b);
    assert_int_equal(world_apply(&w, &b), 0);
}

static void test_transactions(void **state)
{
    struct kv_op ops[] = {{.verb = KV_SET, .key = STR_LIT("k")},
                          {.verb = KV_GET, .key = STR_LIT("other")}};
    struct buf b, body;

    (void)state;
    world_put(&w, "other", "1");
    buf_init(&b, 0);
    buf_init(&body, 0);
    txn_encode(ops, 2, &b);
    assert_true(policy_refuses_txn(as("", 0), buf_str(&b), &body));
    assert_false(policy_refuses_txn(as(ID("02"), 0), buf_str(&b), &body));
    assert_int_equal(world_apply(&w, &b), 0);
    buf_clear(&body);
    buf_put_str(&body, buf_str(&w.result.body));
    policy_filter_txn(as("", 0), &body);
    struct unpack u = unpack_make(buf_str(&body));
    assert_int_equal(unpack_array(&u), 2);
    assert_int_equal(unpack_array(&u), 0);
    assert_int_equal(unpack_array(&u), 0);
    assert_true(unpack_is_end(&u) && !u.bad);
    buf_fini(&body);
}

/* What a token was given is the same as bytes: rights of its set, its age, what it is made of. */
static void test_a_grant_travels(void **state)
{
    struct grant g, copy;
    struct buf bytes;

    (void)state;
    assert_int_equal(put_policy(ID("20"), "web",
                                "service \"web\" { policy = \"write\" }"
                                " key_prefix \"a\\\"/\" { policy = \"deny\" }",
                                ACL_PUT_NEW),
                     0);
    assert_int_equal(put_token(ID("21"), ID("22"), "web", 77), 0);
    assert_false(grant_find(world_view(&w), STR_LIT("dc1"), STR_LIT(ID("99")), &g));
    assert_true(grant_find(world_view(&w), STR_LIT("dc1"), STR_LIT("anonymous"), &g));
    assert_int_equal(g.rules.n, 0);
    grant_fini(&g);
    assert_true(grant_find(world_view(&w), STR_LIT("dc1"), STR_LIT(ID("02")), &g));
    assert_true(g.is_management && g.has_policies);
    grant_fini(&g);
    assert_true(grant_find(world_view(&w), STR_LIT("dc1"), STR_LIT(ID("22")), &g));
    assert_true(!g.is_management && !g.is_bad && g.has_policies && !g.has_roles);
    buf_init(&bytes, 0);
    grant_encode(&g, &bytes);
    assert_int_equal(grant_decode(buf_str(&bytes), &copy), 0);
    assert_int_equal(copy.expires_ns, 77);
    assert_int_equal(copy.rules.n, g.rules.n);
    for (size_t i = 0; i < g.rules.n; i++) {
        assert_int_equal(copy.rules.list[i].resource, g.rules.list[i].resource);
        assert_int_equal(copy.rules.list[i].access, g.rules.list[i].access);
        assert_int_equal(copy.rules.list[i].is_prefix, g.rules.list[i].is_prefix);
        assert_true(str_eq(copy.rules.list[i].name, g.rules.list[i].name));
    }
    for (size_t n = 0; n < bytes.n; n++) { /* whatever is cut off, or in the way */
        struct grant none;
        assert_int_equal(grant_decode(str_take(buf_str(&bytes), n), &none), ERR_CORRUPT);
        bytes.p[n] ^= 0x40;
        if (grant_decode(buf_str(&bytes), &none) == 0)
            grant_fini(&none);
        bytes.p[n] ^= 0x40;
    }
    grant_fini(&g);
    grant_fini(&copy);
    buf_fini(&bytes);
}

/* A request that another agent sent on without a token is the anonymous one's, named by nobody. */
static void test_without_a_token(void **state)
{
    struct view *v = world_view(&w);

    (void)state;
    v->token = ACL_SECRET_NONE;
    policy_resolve(policy, &settings, v, 0);
    assert_int_equal(v->acl_status, 0);
    assert_non_null(v->acl);
    assert_int_equal(as("anonymous", 0)->acl_status, ERR_NO_TOKEN);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

UNIT_MAIN(IN_WORLD(test_keys), IN_WORLD(test_list_right), IN_WORLD(test_tokens_end),
          IN_WORLD(test_catalog), IN_WORLD(test_identities), IN_WORLD(test_refusals),
          IN_WORLD(test_bootstrap), IN_WORLD(test_a_grant_travels), IN_WORLD(test_without_a_token),
          IN_WORLD(test_transactions))
