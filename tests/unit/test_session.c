/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions: created on what is there and well, listed by node, ended. Their keys are in test_kv. */
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

#define S1 "11111111-2222-3333-4444-555555555501"
#define S2 "11111111-2222-3333-4444-555555555502"

static int create(struct world *w, const char *id, const char *node, const char *check)
{
    struct session s = {.id = str_z(id), .node = str_z(node), .name = STR_LIT("name")};
    struct buf b, checks;

    buf_init(&b, 0);
    buf_init(&checks, 0);
    if (check) {
        pack_array(&checks, 1);
        pack_array(&checks, 2);
        pack_str(&checks, str_z(check));
        pack_str(&checks, STR_LIT(""));
        s.service_checks = buf_str(&checks);
    }
    session_encode_create(&s, &b);
    buf_fini(&checks);
    return world_apply(w, &b);
}

static bool on_session(void *data, const struct session *s)
{
    assert_str(s->name, STR_LIT("name"));
    ++*(int *)data;
    return true;
}

static void create_list_destroy(void **state)
{
    struct session s;
    struct world w;
    struct buf b;
    uint64_t index;
    int n = 0;

    world_open(&w);
    session_list(world_view(&w), STR_NONE, on_session, &n, &index);
    assert_int_equal(index, 1);
    world_register(&w, "n1", NULL, NULL, NULL);
    world_register(&w, "n2", NULL, NULL, NULL);
    assert_int_equal(create(&w, S1, "N1", NULL), 0);
    assert_int_equal(create(&w, S1, "n1", NULL), ERR_EXISTS);
    assert_int_equal(create(&w, S2, "n2", NULL), 0);
    assert_true(session_get(world_view(&w), STR_LIT(S1), &s, &index));
    assert_str(s.node, STR_LIT("N1"));
    assert_int_equal(index, w.index);
    session_list(&w.view, STR_LIT("n1"), on_session, &n, &index);
    assert_int_equal(n, 1);
    session_list(&w.view, STR_NONE, on_session, &n, &index);
    assert_int_equal(n, 3);
    for (int i = 0; i < 2; i++) { /* twice: the second changes nothing */
        buf_init(&b, 0);
        session_encode_destroy(STR_LIT(S1), &b);
        assert_int_equal(world_apply(&w, &b), 0);
        assert_int_equal(world_changed(&w, WATCH_SESSION, S1), i == 0);
    }
    assert_false(session_get(world_view(&w), STR_LIT(S1), &s, &index));
    assert_int_equal(index, w.index - 1);
    world_close(&w);
}

static void refusals(void **state)
{
    struct error err = {0};
    struct world w;

    world_open(&w);
    assert_int_equal(create(&w, S1, "nope", NULL), ERR_INVALID);
    assert_string_equal(w.result.text, "Missing node registration");
    world_register(&w, "n1", NULL, NULL, NULL);
    assert_int_equal(create(&w, S1, "n1", "nope"), ERR_INVALID);
    assert_string_equal(w.result.text, "Missing check 'nope' registration");
    assert_int_equal(create(&w, "x", "n1", NULL), ERR_INVALID);
    assert_int_equal(session_check_id(STR_LIT(S1), &err), 0);
    assert_int_equal(session_check_id(STR_LIT("11111111-2222-3333-4444-5555555555zz"), &err),
                     ERR_INVALID);
    world_close(&w);
}

UNIT_MAIN(UNIT(create_list_destroy), UNIT(refusals))
