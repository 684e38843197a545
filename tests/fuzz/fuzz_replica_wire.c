/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What another agent says about a copy of the state, and rows: taken or refused, within their
 * bytes. */
#include "agent/replica_wire.h"
#include "base/mem.h"
#include "store/store_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct str rows)
{
    struct str all = rows;
    struct store_row row;

    while (store_rows_next(&rows, &row)) {
        ASSERT(row.key.n + row.value.n <= all.n);
        ASSERT(row.key.n == 0 || (row.key.p >= all.p && row.key.p + row.key.n <= all.p + all.n));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = str_make(data, size), rows;
    struct replica_wire_ask ask;
    struct replica_wire_news news;
    struct change_batch b;
    bool flag;

    change_init(&b);
    if (replica_wire_get_group(in, &b, &rows, &flag) == 0)
        walk(rows);
    change_fini(&b);
    if (replica_wire_get_page(in, &rows, &flag) == 0)
        walk(rows);
    if (replica_wire_get_ask(in, &ask) == 0)
        ASSERT(ask.after.n <= size && ask.table >= 0);
    (void)(replica_wire_get_news(in, &news) == 0);
    walk(in);
    return 0;
}
