/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SHIP_ROWS: a page of a table, for an agent that makes its copy of the state (agent/replica.h).
 */
#include "agent/replica_wire.h"
#include "agent/serve.h"
#include "store/store_rows.h"

/* A page ends with the row that passes this; a row is at most some hundred KiB. */
#define PAGE_SIZE_GOAL ((size_t)256 * 1024)

static bool fill(struct store_view *v, const struct replica_wire_ask *ask, struct buf *rows)
{
    struct store_cursor c;
    store_seek(&c, v, ask->table, ask->after);
    if (!ask->is_first && c.valid && str_eq(c.key, ask->after))
        store_next(&c);
    for (; c.valid && rows->n < PAGE_SIZE_GOAL; store_next(&c)) {
        const struct store_row row = {.table = ask->table, .key = c.key, .value = c.value};
        store_rows_put(rows, &row);
    }
    bool is_last = !c.valid;
    store_cursor_fini(&c);
    return is_last;
}

static void start(struct serve_call *call)
{
    struct replica_wire_ask ask;
    struct buf rows, out;
    int status = replica_wire_get_ask(call->body, &ask);
    buf_init(&rows, SHIP_BODY_SIZE_MAX);
    buf_init(&out, SHIP_BODY_SIZE_MAX);
    if (status == 0) {
        struct store_view *v = store_view_begin(call->env->reader);
        status = ask.table < store_table_count(v) ? 0 : ERR_INVALID;
        if (status == 0) {
            bool is_last = fill(v, &ask, &rows);
            replica_wire_put_page(buf_str(&rows), is_last, &out);
            status = rows.failed || out.failed ? ERR_TOO_LARGE : 0;
        }
        store_view_end(v);
    }
    buf_fini(&rows);
    serve_answer(call, status, &out);
    buf_fini(&out);
}

const struct serve_handler serve_rows_handler = {.kind = SHIP_ROWS, .start = start};
