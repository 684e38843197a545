/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prepared queries: kept under one name each, found by id, name and template, gone with their
 * session; what templates make of names; which instances are found. */
#include "state/query_execute.h"
#include "state/query_template.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

#define Q1 "aaaaaaaa-2222-3333-4444-555555555501"
#define Q2 "aaaaaaaa-2222-3333-4444-555555555502"
#define S1 "11111111-2222-3333-4444-555555555501"

static int set(struct world *w, const struct query *q, bool is_update)
{
    struct buf b;

    buf_init(&b, 0);
    query_encode_set(q, is_update, &b);
    return world_apply(w, &b);
}

static int set_named(struct world *w, const char *id, const char *name, const char *type,
                     bool is_update)
{
    struct query q = {.id = str_z(id),
                      .name = str_z(name),
                      .template_type = str_z(type),
                      .service = STR_LIT("web")};

    return set(w, &q, is_update);
}

static int delete (struct world *w, const char *id)
{
    struct buf b;

    buf_init(&b, 0);
    query_encode_delete(str_z(id), &b);
    return world_apply(w, &b);
}

static void set_find_delete(void **state)
{
    struct world w;
    struct query q;
    uint64_t index;

    world_open(&w);
    assert_false(query_get(world_view(&w), STR_LIT(Q1), &q, &index));
    assert_int_equal(index, 1);
    assert_int_equal(set_named(&w, Q1, "Main", "", true), ERR_INVALID);
    assert_str(str_z(w.result.text),
               STR_LIT("Cannot modify non-existent prepared query: '" Q1 "'"));
    assert_int_equal(set_named(&w, Q1, "Main", "", false), 0);
    assert_int_equal(world_changed(&w, WATCH_QUERY, ""), 1);
    assert_true(query_find(world_view(&w), STR_LIT("mAIN"), &q));
    assert_str(q.id, STR_LIT(Q1));
    assert_true(query_find(&w.view, STR_LIT(Q1), &q));
    assert_false(query_find(&w.view, STR_LIT("other"), &q));
    assert_int_equal(set_named(&w, Q2, "main", "", false), ERR_INVALID);
    assert_str(str_z(w.result.text), STR_LIT("name 'main' aliases an existing query name"));
    assert_int_equal(set_named(&w, Q2, Q1, "", false), ERR_INVALID);
    assert_int_equal(set_named(&w, Q1, "renamed", "", true), 0);
    assert_false(query_find(world_view(&w), STR_LIT("main"), &q));
    assert_true(query_get(&w.view, STR_LIT(Q1), &q, &index));
    assert_int_equal(q.modify_index, w.index);
    assert_true(q.create_index < q.modify_index);
    assert_int_equal(index, w.index);
    assert_int_equal(set_named(&w, Q2, "main", "", false), 0);
    assert_int_equal(delete (&w, Q1), 0);
    assert_int_equal(delete (&w, Q1), ERR_INVALID);
    assert_false(query_find(world_view(&w), STR_LIT("renamed"), &q));
    world_close(&w);
    (void)state;
}

static void templates_by_longest_prefix(void **state)
{
    struct world w;
    struct query q;

    world_open(&w);
    assert_int_equal(set_named(&w, Q1, "geo-", "name_prefix_match", false), 0);
    assert_int_equal(set_named(&w, Q2, "", "name_prefix_match", false), 0);
    assert_true(query_find(world_view(&w), STR_LIT("GEO-db"), &q));
    assert_str(q.id, STR_LIT(Q1));
    assert_true(query_find(&w.view, STR_LIT("ge"), &q));
    assert_str(q.id, STR_LIT(Q2));
    world_close(&w);
    (void)state;
}

static void gone_with_session(void **state)
{
    struct session s = {.id = STR_LIT(S1), .node = STR_LIT("n1")};
    struct query q = {.id = STR_LIT(Q1), .session = STR_LIT(S1), .service = STR_LIT("web")};
    struct world w;
    struct buf b;

    world_open(&w);
    assert_int_equal(set(&w, &q, false), ERR_INVALID);
    assert_str(str_z(w.result.text), STR_LIT("invalid session \"" S1 "\""));
    world_register(&w, "n1", NULL, NULL, NULL);
    buf_init(&b, 0);
    session_encode_create(&s, &b);
    assert_int_equal(world_apply(&w, &b), 0);
    assert_int_equal(set(&w, &q, false), 0);
    buf_init(&b, 0);
    session_encode_destroy(STR_LIT(S1), &b);
    assert_int_equal(world_apply(&w, &b), 0);
    assert_false(query_get(world_view(&w), STR_LIT(Q1), &q, NULL));
    world_close(&w);
    (void)state;
}

/* What ${...} in the service becomes for a name; an error's words when it is none. */
static void renders(const char *service, const char *regexp, const char *name, const char *expected)
{
    struct query q = {.name = STR_LIT("geo-"),
                      .template_type = STR_LIT("name_prefix_match"),
                      .regexp = str_z(regexp),
                      .service = str_z(service)};
    struct arena arena = {0};
    struct query filled;
    struct error err;

    if (query_template_check(&q, &err) < 0) {
        assert_str(str_z(err.text), str_z(expected));
        return;
    }
    assert_int_equal(query_template_render(&q, str_z(name), &arena, &filled), 0);
    assert_str(filled.service, str_z(expected));
    arena_fini(&arena);
}

static void templates(void **state)
{
    renders("plain", "", "geo-x", "plain");
    renders("${name.full}/${ name.prefix }/${name.suffix}", "", "geo-x", "geo-x/geo-/x");
    renders("$${name.full}$", "", "geo-x", "${name.full}$");
    renders("${match(1)}.${match(2)}.${match(7)}", "^geo-(.*)-(.*)$", "geo-a-b", "a.b.");
    renders("${match(1)}", "^geo-(x)", "geo-y", "");
    renders(
        "a${bogus}", "", "geo-x",
        "Bad evaluation for 'a${bogus}' in Service.Service: 1:4: unknown variable accessed: bogus");
    renders("${name.full", "", "geo-x",
            "Bad evaluation for '${name.full' in Service.Service: 1:11: expected closing brace");
    renders("${match(x)}", "", "geo-x",
            "Bad evaluation for '${match(x)}' in Service.Service: 1:3: unknown variable accessed: "
            "match(x)");
    (void)state;
}

static bool count(void *data, const struct health_instance *i)
{
    (void)i;
    ++*(int *)data;
    return true;
}

static int found(struct world *w, struct query *q)
{
    int n = 0;

    q->service = STR_LIT("web");
    query_execute(world_view(w), q, count, &n);
    return n;
}

static void executes(void **state)
{
    static const char *const status[] = {"passing", "warning", "critical"};
    struct buf list;
    struct world w;

    world_open(&w);
    for (int i = 0; i < 3; i++) {
        char node[] = {'n', (char)('1' + i), '\0'};
        assert_int_equal(world_register(&w, node, "web", "c", status[i]), 0);
    }
    assert_int_equal(found(&w, &(struct query){0}), 2);
    assert_int_equal(found(&w, &(struct query){.only_passing = true}), 1);
    assert_int_equal(found(&w, &(struct query){.connect = true}), 0);
    buf_init(&list, 0);
    pack_array(&list, 1);
    pack_str(&list, STR_LIT("c"));
    assert_int_equal(found(&w, &(struct query){.ignored_checks = buf_str(&list)}), 3);
    assert_int_equal(found(&w, &(struct query){.tags = buf_str(&list)}), 0);
    buf_clear(&list);
    pack_array(&list, 1);
    pack_str(&list, STR_LIT("!c"));
    assert_int_equal(found(&w, &(struct query){.tags = buf_str(&list)}), 2);
    buf_fini(&list);
    world_close(&w);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_find_delete),   cmocka_unit_test(templates_by_longest_prefix),
        cmocka_unit_test(gone_with_session), cmocka_unit_test(templates),
        cmocka_unit_test(executes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
