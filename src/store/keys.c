/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The end of a text, 00 01, is less than anything that may follow inside of
 * one (00 FF, or a byte above 00), so "a" comes before "a\0" and before "ab".
 */
#include "store/keys.h"

#define TEXT_NUL '\xff'
#define TEXT_END '\x01'

void keys_put_text(struct buf *key, struct str part)
{
    while (part.n) {
        size_t n = str_find(part, '\0', 0);

        buf_put(key, part.p, n);
        if (n < part.n) {
            buf_put_c(key, '\0');
            buf_put_c(key, TEXT_NUL);
            n++;
        }
        part = str_drop(part, n);
    }
    buf_put_c(key, '\0');
    buf_put_c(key, TEXT_END);
}

void keys_put_lower(struct buf *key, struct str part)
{
    size_t from = key->n;

    keys_put_text(key, part);
    /* the end mark and FF are no letters */
    if (!key->failed)
        str_lower(str_make(key->p + from, key->n - from), key->p + from);
}

void keys_put_u64(struct buf *key, uint64_t part)
{
    buf_put_u64(key, part);
}

bool keys_get_text(struct cursor *key, struct buf *out)
{
    for (;;) {
        struct str rest = {key->p, cursor_left(key)};
        struct str text = cursor_bytes(key, str_find(rest, '\0', 0));
        struct str mark = cursor_bytes(key, 2);

        if (key->bad || (mark.p[1] != TEXT_NUL && mark.p[1] != TEXT_END))
            return false;
        if (out)
            buf_put_str(out, text);
        if (mark.p[1] == TEXT_END)
            return true;
        if (out)
            buf_put_c(out, '\0');
    }
}

bool keys_get_u64(struct cursor *key, uint64_t *ret)
{
    uint64_t v = cursor_u64(key);

    if (key->bad)
        return false;
    *ret = v;
    return true;
}
