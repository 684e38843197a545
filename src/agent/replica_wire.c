/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/replica_wire.h"

#include "base/pack.h"

void replica_wire_put_group(const struct change_batch *b, struct str rows, bool lost,
                            struct buf *out)
{
    size_t pos = 0;
    enum watch_kind kind;
    struct str key;
    pack_array(out, 5);
    pack_uint(out, b->index);
    pack_bool(out, b->everything);
    pack_array(out, b->n * 2);
    while (change_next(b, &pos, &kind, &key)) {
        pack_uint(out, (uint64_t)kind);
        pack_bin(out, key);
    }
    pack_bin(out, rows);
    pack_bool(out, lost);
}

int replica_wire_get_group(struct str bytes, struct change_batch *b, struct str *ret_rows,
                           bool *ret_lost)
{
    struct unpack u = unpack_make(bytes);
    if (unpack_array(&u) != 5)
        return ERR_CORRUPT;
    b->index = unpack_uint(&u);
    b->everything = unpack_bool(&u);
    uint32_t n = unpack_array(&u);
    for (uint32_t i = 0; i < n / 2 && !u.bad; i++) {
        uint64_t kind = unpack_uint(&u);
        struct str key = unpack_str(&u);
        if (kind >= WATCH_KINDS)
            return ERR_CORRUPT;
        change_add(b, (enum watch_kind)kind, key);
    }
    *ret_rows = unpack_str(&u);
    *ret_lost = unpack_bool(&u);
    return u.bad ? ERR_CORRUPT : 0;
}

void replica_wire_put_ask(const struct replica_wire_ask *ask, struct buf *out)
{
    pack_array(out, 3);
    pack_uint(out, (uint64_t)ask->table);
    pack_bool(out, ask->is_first);
    pack_bin(out, ask->after);
}

int replica_wire_get_ask(struct str bytes, struct replica_wire_ask *ret)
{
    struct unpack u = unpack_make(bytes);
    uint32_t n = unpack_array(&u);
    uint64_t table = unpack_uint(&u);
    ret->is_first = unpack_bool(&u);
    ret->after = unpack_str(&u);
    if (u.bad || n != 3 || table > INT32_MAX)
        return ERR_CORRUPT;
    ret->table = (int)table;
    return 0;
}

void replica_wire_put_page(struct str rows, bool is_last, struct buf *out)
{
    pack_array(out, 2);
    pack_bool(out, is_last);
    pack_bin(out, rows);
}

int replica_wire_get_page(struct str bytes, struct str *ret_rows, bool *ret_is_last)
{
    struct unpack u = unpack_make(bytes);
    uint32_t n = unpack_array(&u);
    *ret_is_last = unpack_bool(&u);
    *ret_rows = unpack_str(&u);
    return u.bad || n != 2 ? ERR_CORRUPT : 0;
}

void replica_wire_put_news(const struct replica_wire_news *news, struct buf *out)
{
    pack_array(out, 3);
    pack_uint(out, news->applied);
    pack_bool(out, news->knows_leader);
    pack_uint(out, news->last_contact_ms);
}

int replica_wire_get_news(struct str bytes, struct replica_wire_news *ret)
{
    struct unpack u = unpack_make(bytes);
    uint32_t n = unpack_array(&u);
    ret->applied = unpack_uint(&u);
    ret->knows_leader = unpack_bool(&u);
    ret->last_contact_ms = unpack_uint(&u);
    return u.bad || n != 3 ? ERR_CORRUPT : 0;
}
