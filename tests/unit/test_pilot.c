/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Autopilot's configuration: one row, set and compared-and-set. */
#include "state/pilot.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

static bool set(struct world *w, const struct pilot *p, bool cas, uint64_t index)
{
    struct buf command;
    buf_init(&command, 0);
    pilot_encode(p, cas, index, &command);
    assert_int_equal(world_apply(w, &command), 0);
    struct unpack u = unpack_make(buf_str(&w->result.body));
    return unpack_bool(&u);
}

/* Unset at first; then what was set, with its indexes. */
static void set_and_get(void **state)
{
    const struct pilot p = {true, 200000000, 10000000000, 250, 3, 0, 0};
    struct pilot got;
    struct world w;
    world_open(&w);
    assert_false(pilot_get(world_view(&w), &got));
    assert_true(set(&w, &p, false, 0));
    assert_true(pilot_get(world_view(&w), &got));
    assert_true(got.cleanup_dead_servers);
    assert_int_equal(got.last_contact_ns, p.last_contact_ns);
    assert_int_equal(got.stabilization_ns, p.stabilization_ns);
    assert_int_equal(got.max_trailing_logs, 250);
    assert_int_equal(got.min_quorum, 3);
    assert_int_equal(got.create_index, w.index);
    assert_int_equal(got.modify_index, w.index);
    world_put(&w, "between", "x");
    assert_true(set(&w, &p, false, 0));
    assert_true(pilot_get(world_view(&w), &got));
    assert_int_equal(got.create_index, w.index - 2);
    assert_int_equal(got.modify_index, w.index);
    world_close(&w);
}

/* Compared with the index of the row; another changes nothing. */
static void compare_and_set(void **state)
{
    struct pilot p = {.max_trailing_logs = 1}, got;
    struct world w;
    world_open(&w);
    assert_true(set(&w, &p, false, 0));
    assert_true(pilot_get(world_view(&w), &got));
    p.max_trailing_logs = 2;
    assert_false(set(&w, &p, true, got.modify_index + 1));
    assert_false(set(&w, &p, true, 0));
    assert_true(set(&w, &p, true, got.modify_index));
    assert_true(pilot_get(world_view(&w), &got));
    assert_int_equal(got.max_trailing_logs, 2);
    world_close(&w);
}

/* Negative numbers and torn bytes are refused, on every server alike. */
static void refused(void **state)
{
    const struct pilot bad = {.min_quorum = -1};
    struct pilot got;
    struct world w;
    struct buf command;
    world_open(&w);
    buf_init(&command, 0);
    pilot_encode(&bad, false, 0, &command);
    assert_int_equal(world_apply(&w, &command), ERR_INVALID);
    buf_init(&command, 0);
    pilot_encode(&(struct pilot){0}, false, 0, &command);
    command.n--;
    assert_int_equal(world_apply(&w, &command), ERR_INVALID);
    assert_false(pilot_get(world_view(&w), &got));
    world_close(&w);
}

UNIT_MAIN(UNIT(set_and_get), UNIT(compare_and_set), UNIT(refused))
