/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The leader's list of members to look at. */
#include "agent/leader_members.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

/* Clients with these names and statuses are what gossip knows. */
static struct {
    const char *name;
    enum member_status status;
} known[] = {{"me", MEMBER_ALIVE}, {"a", MEMBER_ALIVE}, {"b", MEMBER_ALIVE}};

static bool find(void *data, struct str name, struct member *ret, struct pair *tags)
{
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (!str_eq_z(name, known[i].name) || known[i].status == MEMBER_NONE)
            continue;
        tags[0] = (struct pair){STR_LIT("role"), STR_LIT("node")};
        tags[1] = (struct pair){STR_LIT("dc"), STR_LIT("dc1")};
        *ret = (struct member){
            .name = str_z(known[i].name), .status = known[i].status, .tags = tags, .tag_n = 2};
        assert_int_equal(addr_parse(STR_LIT("10.0.0.1"), 8301, &ret->addr), 0);
        member_read_tags(ret);
        return true;
    }
    return false;
}

static void each(void *data, void (*cb)(void *each_data, struct str name), void *each_data)
{
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (known[i].status != MEMBER_NONE)
            cb(each_data, str_z(known[i].name));
}

static struct world w;
static struct config *config;
static struct leader_members *l;

static void open_all(void)
{
    const struct leader_members_source source = {NULL, find, each};
    world_open(&w);
    config = config_new();
    config->node_name = "me";
    config->datacenter = "dc1";
    l = leader_members_new(&source, 1);
}

static void close_all(void)
{
    leader_members_free(l);
    config_free(config);
    world_close(&w);
}

/* The next command, applied if wanted; name: of whom. */
static enum reconcile_act next(bool apply, const char *name)
{
    struct buf command;
    struct str whose = STR_NONE;
    buf_init(&command, 0);
    enum reconcile_act act = leader_members_next(l, world_view(&w), config, &command, &whose);
    if (name)
        assert_str(whose, str_z(name));
    if (act && apply)
        assert_int_equal(world_apply(&w, &command), 0);
    else
        buf_fini(&command);
    return act;
}

/* Members are looked at in the order of the notes, each once; the leader itself is not. */
static void each_once_in_order(void **state)
{
    open_all();
    leader_members_note(l, STR_LIT("b"));
    leader_members_note(l, STR_LIT("me"));
    leader_members_note(l, STR_LIT("a"));
    leader_members_note(l, STR_LIT("b"));
    leader_members_note(l, STR_NONE);
    assert_int_equal(next(true, "b"), RECONCILE_JOINED);
    assert_int_equal(next(true, "a"), RECONCILE_JOINED);
    assert_int_equal(next(true, NULL), RECONCILE_NOTHING);
    assert_true(leader_members_is_empty(l));
    close_all();
}

/* One whose command was not done yet stays the first; one that is given up goes. */
static void stays_until_done(void **state)
{
    open_all();
    leader_members_note(l, STR_LIT("a"));
    leader_members_note(l, STR_LIT("b"));
    assert_int_equal(next(false, "a"), RECONCILE_JOINED);
    assert_int_equal(next(false, "a"), RECONCILE_JOINED);
    leader_members_give_up(l);
    assert_int_equal(next(true, "b"), RECONCILE_JOINED);
    assert_int_equal(next(true, NULL), RECONCILE_NOTHING);
    leader_members_note(l, STR_LIT("a"));
    leader_members_clear(l);
    assert_true(leader_members_is_empty(l));
    leader_members_give_up(l); /* of nobody */
    close_all();
}

/* All: whom gossip knows, and nodes that it once told of and has forgotten. */
static void all_of_them(void **state)
{
    open_all();
    leader_members_note_all(l, world_view(&w));
    assert_int_equal(next(true, "a"), RECONCILE_JOINED);
    assert_int_equal(next(true, "b"), RECONCILE_JOINED);
    assert_int_equal(next(true, NULL), RECONCILE_NOTHING);
    world_register(&w, "external", NULL, NULL, NULL);
    known[1].status = MEMBER_NONE;
    known[2].status = MEMBER_FAILED;
    leader_members_note_all(l, world_view(&w));
    assert_int_equal(next(true, "b"), RECONCILE_FAILED);
    assert_int_equal(next(true, "a"), RECONCILE_REAPED);
    assert_int_equal(next(true, NULL), RECONCILE_NOTHING);
    struct catalog_node node;
    assert_true(catalog_node_get(world_view(&w), STR_LIT("external"), &node));
    assert_false(catalog_node_get(world_view(&w), STR_LIT("a"), &node));
    close_all();
}

UNIT_MAIN(UNIT(each_once_in_order), UNIT(stays_until_done), UNIT(all_of_them))
