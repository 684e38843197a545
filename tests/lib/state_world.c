/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/state_world.h"

#include <stdlib.h>
#include <unistd.h>

void world_open(struct world *w)
{
    struct error err = {0};
    const char *base = getenv("TMPDIR");

    *w = (struct world){0};
    ASSERT(str_copy_z(str_z(base ? base : "/tmp"), w->dir, sizeof w->dir - 20));
    strncat(w->dir, "/disco-state-XXXXXX", 20);
    ASSERT(mkdtemp(w->dir));
    ASSERT(store_open(w->dir, state_table_names, STATE_TABLE_N, (size_t)256 << 20, &w->store,
                      &err) == 0);
    w->state = state_new(w->store);
    w->reader = store_reader_new(w->store);
    change_init(&w->changes);
    result_init(&w->result);
    w->index = 10;
}

static void end_view(struct world *w)
{
    if (w->view.store)
        store_view_end(w->view.store);
    w->view.store = NULL;
}

void world_close(struct world *w)
{
    end_view(w);
    result_fini(&w->result);
    change_fini(&w->changes);
    store_reader_free(w->reader);
    state_free(w->state);
    store_close(w->store);
    rmdir(w->dir);
}

int world_apply(struct world *w, struct buf *command)
{
    end_view(w);
    change_clear(&w->changes);
    w->index++;
    ASSERT(state_apply(w->state, w->index, buf_str(command), &w->changes, &w->result) == 0);
    buf_fini(command);
    return w->result.status;
}

struct view *world_view(struct world *w)
{
    end_view(w);
    w->view.store = store_view_begin(w->reader);
    return &w->view;
}

int world_changed(const struct world *w, enum watch_kind kind, const char *key)
{
    enum watch_kind k;
    struct str s;
    size_t pos = 0;
    int n = 0;

    while (change_next(&w->changes, &pos, &k, &s))
        n += k == kind && str_eq_z(s, key);
    return n;
}

bool world_op(struct world *w, enum kv_verb verb, const char *key, const char *value,
              const char *session, uint64_t index)
{
    struct kv_op op = {.verb = verb,
                       .key = str_z(key),
                       .value = str_z(value),
                       .session = str_z(session),
                       .index = index};
    struct buf b;
    bool ok;

    buf_init(&b, 0);
    kv_encode(&op, &b);
    if (world_apply(w, &b) < 0)
        return false;
    ASSERT(kv_decode_result(buf_str(&w->result.body), &ok, NULL) == 0);
    return ok;
}

bool world_put(struct world *w, const char *key, const char *value)
{
    return world_op(w, KV_SET, key, value, NULL, 0);
}

int world_register(struct world *w, const char *node, const char *service, const char *check,
                   const char *status)
{
    struct catalog_service s = {.id = str_z(service),
                                .name = str_z(service),
                                .port = 80,
                                .weight_passing = 1,
                                .weight_warning = 1};
    struct health_check c = {.node = str_z(node),
                             .check_id = str_z(check),
                             .name = str_z(check),
                             .service_id = str_z(service),
                             .status = str_z(status)};
    struct catalog_register r = {
        .node = {.name = str_z(node), .address = STR_LIT("10.0.0.1"), .datacenter = STR_LIT("dc1")},
        .service = service ? &s : NULL,
        .checks = &c,
        .check_n = check ? 1 : 0};
    struct buf b;

    buf_init(&b, 0);
    catalog_encode_register(&r, &b);
    return world_apply(w, &b);
}

int world_deregister(struct world *w, const char *node, const char *service, const char *check)
{
    struct buf b;

    buf_init(&b, 0);
    catalog_encode_deregister(str_z(node), str_z(service), str_z(check), &b);
    return world_apply(w, &b);
}
