/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Definitions of services and checks: what is accepted is written as JSON that is accepted again.
 */
#include "agent/local_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct jvalue *parse(struct str text)
{
    struct jvalue *root = NULL;

    (void)!jread_parse(text, &root, NULL);
    return root;
}

static void try_check(const struct check_type *t)
{
    struct arena arena = {0};
    struct check_type copy, again;
    struct jwrite w;
    struct buf out;

    buf_init(&out, 0);
    check_type_copy(t, &arena, &copy);
    jwrite_init(&w, &out, false);
    check_type_render(&copy, &w);
    jwrite_end(&w);
    struct jvalue *root = parse(buf_str(&out));
    ASSERT(root && check_type_parse(root, &arena, &again, NULL) == 0);
    ASSERT(check_type_kind(&again) == check_type_kind(t));
    jread_free(root);
    buf_fini(&out);
    arena_fini(&arena);
}

static void try_service(const struct catalog_service *s, struct buf *why)
{
    struct local_definition_service again;
    struct arena arena = {0};
    struct catalog_service copy;
    struct jwrite w;
    struct buf out;

    buf_init(&out, 0);
    local_definition_copy(s, &arena, &copy);
    jwrite_init(&w, &out, false);
    jwrite_object(&w);
    local_render_service(&copy, &w);
    jwrite_close(&w);
    jwrite_end(&w);
    struct jvalue *root = parse(buf_str(&out));
    if (root && str_is_utf8(s->name) && str_is_utf8(s->id))
        ASSERT(local_definition_service_parse(root, &arena, &again, why) &&
               str_eq(again.row.id, s->id) && again.row.port == s->port);
    jread_free(root);
    buf_fini(&out);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jvalue *root = parse(str_make(data, size));
    struct local_definition_service service;
    struct arena arena = {0};
    struct check_type check;
    struct buf why;

    buf_init(&why, 0);
    if (root && local_definition_service_parse(root, &arena, &service, &why)) {
        try_service(&service.row, &why);
        for (size_t i = 0; i < service.check_n; i++)
            try_check(&service.checks[i]);
    }
    if (root && local_definition_check_parse(root, &arena, &check, &why))
        try_check(&check);
    jread_free(root);
    arena_fini(&arena);
    buf_fini(&why);
    return 0;
}
