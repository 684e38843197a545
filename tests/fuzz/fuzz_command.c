/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands of any bytes on a small state: each gives a result, what fails
 * changes nothing but the applied index, and no row is ever damaged.
 *
 * The input is a list of commands: u16 size, bytes. The first bytes of the corpus files' commands
 * are real ones; the state begins with a node, a service, a check, a session and two keys.
 */
#include "state/txn.h"
#include "tests/lib/state_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SESSION "11111111-2222-3333-4444-555555555501"

static bool on_entry(void *data, const struct kv_entry *e)
{
    (void)data;
    ASSERT(e->key.n > 0 && e->modify_index >= e->create_index);
    return true;
}

static bool on_instance(void *data, const struct health_instance *i)
{
    (void)data;
    ASSERT(i->node->name.n && i->service->id.n);
    return true;
}

static bool on_name(void *data, struct str name, struct str tags)
{
    (void)tags;
    health_service_nodes(data, name, on_instance, NULL, NULL);
    return true;
}

static bool on_check(void *data, const struct health_check *c)
{
    (void)data;
    ASSERT(c->check_id.n && c->status.n);
    return true;
}

static bool on_session(void *data, const struct session *s)
{
    struct catalog_node n;

    ASSERT(catalog_node_get(data, s->node, &n));
    return true;
}

static void look_at_all(struct world *w)
{
    struct view *v = world_view(w);

    kv_list(v, STR_NONE, on_entry, NULL, NULL);
    catalog_services(v, on_name, v, NULL);
    health_state_checks(v, STR_LIT("any"), on_check, NULL, NULL);
    session_list(v, STR_NONE, on_session, v, NULL);
    ASSERT(view_index(v) == w->index);
    /* what points at rows and the rows are as many */
    ASSERT(store_count(v->store, TABLE_SERVICE) == store_count(v->store, TABLE_BY_SERVICE));
    ASSERT(store_count(v->store, TABLE_CHECK) == store_count(v->store, TABLE_CHECK_BY_INSTANCE));
    ASSERT(store_count(v->store, TABLE_SESSION) == store_count(v->store, TABLE_SESSION_BY_NODE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor in = cursor_make(str_make(data, size));
    struct session s = {.id = STR_LIT(SESSION), .node = STR_LIT("n")};
    struct world w;
    struct buf b;

    world_open(&w);
    world_register(&w, "n", "s", "c", "passing");
    buf_init(&b, 0);
    session_encode_create(&s, &b);
    ASSERT(world_apply(&w, &b) == 0);
    world_op(&w, KV_LOCK, "k", "v", SESSION, 0);
    world_put(&w, "k/l", "v");
    while (cursor_left(&in)) {
        size_t n = cursor_u16(&in);
        struct str bytes = cursor_bytes(&in, n < cursor_left(&in) ? n : cursor_left(&in));
        buf_init(&b, 0);
        buf_put_str(&b, bytes);
        int rc = world_apply(&w, &b);
        ASSERT(rc <= 0 && (rc == 0 || (w.changes.n == 0 && w.result.text[0])));
    }
    look_at_all(&w);
    world_close(&w);
    return 0;
}
