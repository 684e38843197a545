/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User events: the bytes Consul's agents speak, filters, the index, the ring of the last 256. */
#include "agent/event.h"
#include "tests/lib/unit.h"

static struct event sample(void)
{
    return (struct event){.id = STR_LIT("01020304-0506-0708-1112-131415161718"),
                          .name = STR_LIT("deploy"),
                          .payload = STR_LIT("v1"),
                          .node_filter = STR_LIT("^n"),
                          .service_filter = STR_LIT("web"),
                          .tag_filter = STR_LIT("a|b"),
                          .version = EVENT_VERSION};
}

static void there_and_back(void **state)
{
    struct event e = sample(), back;
    struct buf b;

    buf_init(&b, 0);
    event_encode(&e, &b);
    assert_int_equal(event_decode(buf_str(&b), &back), 0);
    assert_str(back.id, e.id);
    assert_str(back.name, e.name);
    assert_str(back.payload, e.payload);
    assert_str(back.tag_filter, e.tag_filter);
    assert_int_equal(back.version, 1);
    for (size_t n = 0; n < b.n; n++) /* no beginning of it is one */
        assert_int_equal(event_decode(str_make(b.p, n), &back), ERR_INVALID);
    buf_clear(&b);
    e = (struct event){.id = e.id, .name = e.name, .version = 1};
    event_encode(&e, &b);
    assert_int_equal(event_decode(buf_str(&b), &back), 0);
    assert_null(back.payload.p);
    assert_int_equal(b.p[0], (char)0x83); /* three members: what is empty stays out */
    buf_fini(&b);
    (void)state;
}

static void filters(void **state)
{
    struct event e = sample();
    struct error err;

    assert_int_equal(event_check(&e, &err), 0);
    e.service_filter = STR_NONE;
    assert_int_equal(event_check(&e, &err), ERR_INVALID);
    assert_str(str_z(err.text), STR_LIT("Cannot provide tag filter without service filter"));
    e.tag_filter = STR_NONE;
    e.node_filter = STR_LIT("(");
    assert_int_equal(event_check(&e, &err), ERR_INVALID);
    assert_true(event_filter_fits(STR_NONE, STR_LIT("x")));
    assert_true(event_filter_fits(STR_LIT("od"), STR_LIT("node1")));
    assert_false(event_filter_fits(STR_LIT("^od"), STR_LIT("node1")));
    assert_false(event_filter_fits(STR_LIT("("), STR_LIT("(")));
    (void)state;
}

static void indexes(void **state)
{
    assert_true(event_index(sample().id) == 0x1010101010101010u);
    (void)event_index(STR_LIT("short"));
    (void)state;
}

static void ring(void **state)
{
    struct event_ring *r = event_ring_new();
    struct event e = sample();

    assert_null(event_ring_at(NULL, 0));
    assert_null(event_ring_at(r, 0));
    for (uint64_t i = 0; i < EVENT_RING_SIZE + 10; i++) {
        e.ltime = i;
        event_ring_push(r, &e);
    }
    assert_int_equal(event_ring_at(r, 0)->ltime, 10);
    assert_int_equal(event_ring_at(r, EVENT_RING_SIZE - 1)->ltime, EVENT_RING_SIZE + 9);
    assert_null(event_ring_at(r, EVENT_RING_SIZE));
    assert_str(event_ring_at(r, 7)->payload, STR_LIT("v1"));
    event_ring_free(r);
    event_ring_free(NULL);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(filters),
        cmocka_unit_test(indexes),
        cmocka_unit_test(ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
