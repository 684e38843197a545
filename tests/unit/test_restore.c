/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state dumped and restored: all is as it was, indexes too; what is damaged changes nothing,
 * and whatever is let in can be read and written afterwards. */
#include "base/mem.h"
#include "base/rng.h"
#include "state/acl.h"
#include "state/coordinate.h"
#include "state/pilot.h"
#include "state/policy.h"
#include "state/query.h"
#include "state/restore.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

#define S1 "11111111-2222-3333-4444-555555555501"
#define Q1 "aaaaaaaa-2222-3333-4444-555555555501"

static bool put(void *data, struct str bytes)
{
    buf_put_str(data, bytes);
    return true;
}

static void fill(struct world *w)
{
    struct session s = {.id = STR_LIT(S1), .node = STR_LIT("n1"), .ttl = STR_LIT("60s")};
    struct query q = {.id = STR_LIT(Q1), .name = STR_LIT("q"), .service = STR_LIT("web")};
    struct coordinate c = {.node = STR_LIT("n1"), .segment = STR_LIT(""), .height = 0.25};
    struct pilot p = {.cleanup_dead_servers = true, .min_quorum = 3};
    struct buf b;

    world_put(w, "a/b", "one");
    world_put(w, "a/c", "two");
    world_op(w, KV_DELETE, "a/c", NULL, NULL, 0);
    assert_int_equal(world_register(w, "n1", "web", "c", "passing"), 0);
    assert_int_equal(world_register(w, "n2", "web", "c", "critical"), 0);
    buf_init(&b, 0);
    session_encode_create(&s, &b);
    assert_int_equal(world_apply(w, &b), 0);
    world_op(w, KV_LOCK, "lock", "x", S1, 0);
    buf_init(&b, 0);
    query_encode_set(&q, false, &b);
    assert_int_equal(world_apply(w, &b), 0);
    buf_init(&b, 0);
    coordinate_encode(&c, 1, &b);
    assert_int_equal(world_apply(w, &b), 0);
    buf_init(&b, 0);
    pilot_encode(&p, false, 0, &b);
    assert_int_equal(world_apply(w, &b), 0);
}

static void dump(struct world *w, struct buf *ret)
{
    buf_init(ret, 0);
    assert_true(restore_dump(world_view(w), put, ret));
    assert_false(ret->failed);
    assert_true(restore_is_dump(buf_str(ret)));
}

static int restore(struct world *w, struct str bytes)
{
    struct buf b;

    buf_init(&b, 0);
    restore_encode(bytes, &b);
    return world_apply(w, &b);
}

static void back_as_it_was(void **state)
{
    struct kv_entry e;
    struct query q;
    struct coordinate c;
    struct pilot p;
    struct world w;
    struct buf before, after, b;

    world_open(&w);
    fill(&w);
    dump(&w, &before);
    world_put(&w, "later", "x");
    world_deregister(&w, "n1", NULL, NULL); /* the session, the lock, a service go with it */
    assert_int_equal(restore(&w, buf_str(&before)), 0);
    assert_true(w.changes.everything);
    assert_int_equal(world_changed(&w, WATCH_SESSION, S1), 1);
    dump(&w, &after);
    assert_str(buf_str(&after), buf_str(&before));
    assert_false(kv_get(&w.view, STR_LIT("later"), &e, NULL));
    assert_true(query_find(&w.view, STR_LIT("q"), &q));
    assert_true(coordinate_get(&w.view, STR_LIT("n1"), &c, NULL));
    assert_true(c.height == 0.25);
    assert_true(pilot_get(&w.view, &p));
    assert_int_equal(p.min_quorum, 3);
    /* What is derived is there too: the end of the session lets go of the lock. */
    buf_init(&b, 0);
    session_encode_destroy(STR_LIT(S1), &b);
    assert_int_equal(world_apply(&w, &b), 0);
    assert_true(kv_get(world_view(&w), STR_LIT("lock"), &e, NULL));
    assert_int_equal(e.session.n, 0);
    buf_fini(&after);
    buf_fini(&before);
    world_close(&w);
    (void)state;
}

/* Builds a state whose ACL index is always the same, where the token may read or write. */
static void token_world(struct world *w, const char *rules)
{
    struct acl_policy p = {.id = STR_LIT(Q1), .name = STR_LIT("p"), .rules = str_z(rules)};
    struct acl_token t = {.accessor = STR_LIT(S1), .secret = STR_LIT(Q1)};
    struct buf b, links;

    buf_init(&b, 0);
    acl_encode_policy(&p, ACL_PUT_NEW, &b);
    assert_int_equal(world_apply(w, &b), 0);
    buf_init(&links, 0);
    pack_array(&links, 1);
    pack_array(&links, 2);
    pack_str(&links, STR_LIT(Q1));
    pack_str(&links, STR_LIT(""));
    t.policies = buf_str(&links);
    buf_init(&b, 0);
    acl_encode_token(&t, ACL_PUT_NEW, &b);
    assert_int_equal(world_apply(w, &b), 0);
    buf_fini(&links);
}

static bool may_write(struct world *w, struct policy *p)
{
    struct policy_settings s = {.enabled = true, .datacenter = STR_LIT("dc1")};
    struct view *v = world_view(w);

    v->token = STR_LIT(Q1);
    v->acl = NULL;
    policy_resolve(p, &s, v, 0);
    bool may = policy_allows(v, ACL_KEY, STR_LIT("k"), ACL_WRITE);
    v->acl = NULL;
    v->acl_status = 0;
    v->token = STR_NONE;
    return may;
}

/* The rights that are remembered are of the state before, whatever its index. */
static void rights_go_with_their_state(void **state)
{
    struct policy *p = policy_new(1);
    struct world w, other;
    uint64_t index;
    struct buf b;

    world_open(&w);
    world_open(&other);
    token_world(&w, "key_prefix \"\" { policy = \"write\" }");
    token_world(&other, "key_prefix \"\" { policy = \"read\" }");
    assert_true(may_write(&w, p));
    index = acl_index(world_view(&w));
    assert_int_equal(acl_index(world_view(&other)), index);
    dump(&other, &b);
    assert_int_equal(restore(&w, buf_str(&b)), 0);
    assert_int_equal(acl_index(world_view(&w)), index);
    assert_false(may_write(&w, p));
    buf_fini(&b);
    policy_free(p);
    world_close(&other);
    world_close(&w);
    (void)state;
}

static bool on_instance(void *data, const struct health_instance *i)
{
    (void)i;
    ++*(int *)data;
    return true;
}

/* Reads and ends all there is. */
static void use(struct world *w)
{
    struct buf b;
    uint64_t index;
    int n = 0;

    health_service_nodes(world_view(w), STR_LIT("web"), on_instance, &n, &index);
    buf_init(&b, 0);
    session_encode_destroy(STR_LIT(S1), &b);
    (void)world_apply(w, &b);
    (void)world_deregister(w, "n1", NULL, NULL);
    (void)world_deregister(w, "n2", NULL, NULL);
    buf_init(&b, 0);
    query_encode_delete(STR_LIT(Q1), &b);
    (void)world_apply(w, &b);
}

static void damaged(void **state)
{
    struct world w;
    struct rng rng;
    struct buf good, now;
    int taken = 0;

    world_open(&w);
    fill(&w);
    dump(&w, &good);
    rng_init(&rng, 11);
    for (size_t i = 0; i < 1500; i++) {
        char *copy = mem_dup(good.p, good.n);
        size_t size = i < 300 ? (size_t)rng_below(&rng, good.n) : good.n;

        if (i >= 300)
            copy[rng_below(&rng, good.n)] = (char)rng_u64(&rng);
        if (restore(&w, str_make(copy, size)) == 0) {
            use(&w);
            taken++;
            assert_int_equal(restore(&w, buf_str(&good)), 0);
        } else if (i % 50 == 0) {
            dump(&w, &now);
            assert_str(buf_str(&now), buf_str(&good));
            buf_fini(&now);
        }
        mem_free(copy);
    }
    assert_true(taken > 0); /* a byte of a value may be any */
    buf_fini(&good);
    world_close(&w);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(back_as_it_was),
                                       cmocka_unit_test(rights_go_with_their_state),
                                       cmocka_unit_test(damaged)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
