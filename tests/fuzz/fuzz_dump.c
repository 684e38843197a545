/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A snapshot's chunk: refused, or loaded such that a dump has the same rows. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const tables[] = {"one", "two", "three"};
static struct store *store;

static void open_store(void)
{
    char dir[] = "/tmp/disco-fuzz-XXXXXX";

    ASSERT(mkdtemp(dir) != NULL);
    ASSERT(store_open(dir, tables, 3, (size_t)64 << 20, &store, NULL) == 0);
    ASSERT(rmdir(dir) == 0);
}

static void close_store(void)
{
    store_close(store);
}

static int append(void *data, struct str chunk)
{
    buf_put_str(data, chunk);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = {0}, twice = {0};
    struct store_txn *t;

    if (!store) {
        open_store();
        atexit(close_store);
    }
    t = store_txn_begin(store);
    if (dump_load_chunk(t, str_make(data, size)) == 0) {
        ASSERT(dump_write(store_txn_view(t), append, &once) == 0);
        ASSERT(once.n <= size);
        dump_clear(t);
        ASSERT(dump_load_chunk(t, buf_str(&once)) == 0);
        ASSERT(dump_write(store_txn_view(t), append, &twice) == 0);
        ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
    }
    store_abort(t);
    buf_fini(&once);
    buf_fini(&twice);
    return 0;
}
