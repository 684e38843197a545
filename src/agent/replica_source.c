/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/replica.h"
#include "agent/replica_wire.h"
#include "base/mem.h"
#include "store/store.h"

struct replica_source {
    struct store *store;
    struct buf rows;
    bool is_on, lost;
};

struct replica_source *replica_source_new(struct store *s)
{
    struct replica_source *r = mem_new(struct replica_source);
    r->store = s;
    buf_init(&r->rows, STORE_ROWS_SIZE_MAX);
    return r;
}

void replica_source_free(struct replica_source *s)
{
    if (!s)
        return;
    replica_source_end(s);
    mem_free(s);
}

static void on_commit(void *data, struct str rows, bool lost)
{
    struct replica_source *s = data;
    buf_put_str(&s->rows, rows);
    s->lost = s->lost || lost || s->rows.failed;
}

void replica_source_begin(struct replica_source *s)
{
    if (!s->is_on)
        store_observe(s->store, on_commit, s);
    s->is_on = true;
}

void replica_source_end(struct replica_source *s)
{
    store_observe(s->store, NULL, NULL);
    buf_fini(&s->rows);
    buf_init(&s->rows, STORE_ROWS_SIZE_MAX);
    s->is_on = s->lost = false;
}

void replica_source_take(struct replica_source *s, const struct change_batch *changes,
                         struct buf *out)
{
    replica_wire_put_group(changes, s->lost ? STR_NONE : buf_str(&s->rows), s->lost, out);
    buf_clear(&s->rows);
    s->lost = false;
}
