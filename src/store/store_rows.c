/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A row is the table's number and whether it is gone (1 byte), the key's size (4 bytes,
 * big-endian) and the key; unless it is gone the value's size and the value.
 */
#include "store/store_rows.h"

#define ROW_GONE 0x80 /* with the table's number */

void store_rows_put(struct buf *rows, const struct store_row *row)
{
    buf_put_u8(rows, (uint8_t)(row->table | (row->is_gone ? ROW_GONE : 0)));
    buf_put_u32(rows, (uint32_t)row->key.n);
    buf_put_str(rows, row->key);
    if (row->is_gone)
        return;
    buf_put_u32(rows, (uint32_t)row->value.n);
    buf_put_str(rows, row->value);
}

bool store_rows_next(struct str *rows, struct store_row *ret)
{
    struct cursor c = cursor_make(*rows);
    uint8_t head = cursor_u8(&c);

    *ret = (struct store_row){.table = head & ~ROW_GONE, .is_gone = head & ROW_GONE};
    ret->key = cursor_bytes(&c, cursor_u32(&c));
    if (!ret->is_gone)
        ret->value = cursor_bytes(&c, cursor_u32(&c));
    if (rows->n == 0 || c.bad)
        return false;
    *rows = str_drop(*rows, rows->n - cursor_left(&c));
    return true;
}
