/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/route.h"
#include "tests/lib/unit.h"

/* A row may not hide a later one: the first that fits is the longest. Rows of a path are together.
 */
static void no_row_is_hidden(void **state)
{
    size_t n;
    const struct api_route *rows = route_table(&n);

    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++) {
            const struct api_route *any;
            struct str path = str_z(rows[k].path);

            assert_false(rows[i].method == rows[k].method &&
                         strcmp(rows[i].path, rows[k].path) == 0);
            if (route_find(path, rows[k].method, &any) != &rows[k])
                fail_msg("%s is hidden", rows[k].path);
        }
}

/* Every row has what its kind needs. */
static void rows_are_whole(void **state)
{
    size_t n;
    const struct api_route *rows = route_table(&n);

    for (size_t i = 0; i < n; i++) {
        const struct api_route *r = &rows[i];

        assert_true(r->path[0] == '/');
        switch (r->kind) {
        case API_READ:
            assert_non_null(r->view);
            break;
        case API_WRITE:
            assert_non_null(r->prepare);
            break;
        case API_CORE:
            assert_non_null(r->core);
            assert_int_not_equal(r->right, API_RIGHT_STATE); /* it would ask for none */
            break;
        case API_LOCAL:
            assert_non_null(r->local);
            assert_int_not_equal(r->right, API_RIGHT_STATE);
            break;
        }
    }
}

static void finding(void **state)
{
    const struct api_route *any, *r = route_find(STR_LIT("/v1/kv/a/b"), API_PUT, &any);
    struct buf allow;

    assert_string_equal(r->path, "/v1/kv/");
    assert_int_equal(r->method, API_PUT);
    assert_null(route_find(STR_LIT("/v1/kv/a"), API_POST, &any));
    assert_string_equal(any->path, "/v1/kv/");
    buf_init(&allow, 0);
    route_allow(any, &allow);
    assert_str(buf_str(&allow), STR_LIT("OPTIONS,GET,PUT,DELETE"));
    buf_fini(&allow);
    assert_null(route_find(STR_LIT("/v1/txn/x"), API_PUT, &any));
    assert_null(any);
    assert_true(route_lacks_slash(STR_LIT("/v1/kv")));
    assert_false(route_lacks_slash(STR_LIT("/v1/txn")));
}

UNIT_MAIN(UNIT(no_row_is_hidden), UNIT(rows_are_whole), UNIT(finding))
