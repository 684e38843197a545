/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A chunk is rows; a row is the table's number (1 byte), the sizes of key and
 * value (4 bytes each, big-endian), the key and the value. Rows come by table,
 * then in key order, so servers with the same rows write the same bytes.
 */
#include "store/dump.h"

#define ROW_HEAD_SIZE 9

static int flush(struct buf *chunk, int (*put)(void *data, struct str chunk), void *data)
{
    int r;

    if (chunk->failed)
        return ERR_TOO_LARGE;
    r = chunk->n ? put(data, buf_str(chunk)) : 0;
    buf_clear(chunk);
    return r;
}

static int write_table(struct store_view *v, int table, struct buf *chunk,
                       int (*put)(void *data, struct str chunk), void *data)
{
    struct store_cursor c;
    int r = 0;

    for (store_seek(&c, v, table, STR_NONE); c.valid && r >= 0; store_next(&c)) {
        size_t size = ROW_HEAD_SIZE + c.key.n + c.value.n;

        if (c.value.n > UINT32_MAX) {
            r = ERR_TOO_LARGE;
            break;
        }
        if (chunk->n + size > DUMP_CHUNK_SIZE_MAX)
            r = flush(chunk, put, data);
        buf_put_u8(chunk, (uint8_t)table);
        buf_put_u32(chunk, (uint32_t)c.key.n);
        buf_put_u32(chunk, (uint32_t)c.value.n);
        buf_put_str(chunk, c.key);
        buf_put_str(chunk, c.value);
    }
    store_cursor_fini(&c);
    return r;
}

int dump_write(struct store_view *v, int (*put)(void *data, struct str chunk), void *data)
{
    struct buf chunk;
    int r = 0;

    buf_init(&chunk, 0);
    for (int table = 0; table < store_table_count(v) && r >= 0; table++)
        r = write_table(v, table, &chunk, put, data);
    if (r >= 0)
        r = flush(&chunk, put, data);
    buf_fini(&chunk);
    return r < 0 ? r : 0;
}

int dump_load_chunk(struct store_txn *t, struct str chunk)
{
    struct cursor in = cursor_make(chunk);
    int table_n = store_table_count(store_txn_view(t));

    while (cursor_left(&in)) {
        int table = cursor_u8(&in);
        uint32_t key_n = cursor_u32(&in), value_n = cursor_u32(&in);
        struct str key = cursor_bytes(&in, key_n), value = cursor_bytes(&in, value_n);

        if (in.bad || table >= table_n || key_n > STORE_KEY_SIZE_MAX)
            return ERR_CORRUPT;
        store_put(t, table, key, value);
    }
    return store_error(t);
}

void dump_clear(struct store_txn *t)
{
    for (int table = 0; table < store_table_count(store_txn_view(t)); table++)
        store_clear(t, table);
}
