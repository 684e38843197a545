/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state/pilot.h"

#define KEY STR_LIT("autopilot")

void pilot_put_row(struct buf *out, const struct pilot *p)
{
    pack_array(out, 7);
    pack_bool(out, p->cleanup_dead_servers);
    pack_int(out, p->last_contact_ns);
    pack_int(out, p->stabilization_ns);
    pack_int(out, p->max_trailing_logs);
    pack_int(out, p->min_quorum);
    pack_uint(out, p->create_index);
    pack_uint(out, p->modify_index);
}

static bool take(struct unpack *u, struct pilot *p)
{
    bool fits = unpack_array(u) == 7;
    p->cleanup_dead_servers = unpack_bool(u);
    p->last_contact_ns = unpack_int(u);
    p->stabilization_ns = unpack_int(u);
    p->max_trailing_logs = unpack_int(u);
    p->min_quorum = unpack_int(u);
    p->create_index = unpack_uint(u);
    p->modify_index = unpack_uint(u);
    return fits && !u->bad && p->last_contact_ns >= 0 && p->stabilization_ns >= 0 &&
           p->max_trailing_logs >= 0 && p->min_quorum >= 0;
}

void pilot_encode(const struct pilot *p, bool cas, uint64_t cas_index, struct buf *out)
{
    command_begin(out, COMMAND_PILOT);
    pack_array(out, 3);
    pack_bool(out, cas);
    pack_uint(out, cas_index);
    pilot_put_row(out, p);
}

void pilot_put_key(struct buf *out)
{
    buf_put_str(out, KEY);
}

bool pilot_is_row(struct str key)
{
    return str_eq(key, KEY);
}

bool pilot_restore(struct apply *a, struct str key, struct str row)
{
    struct unpack u = unpack_make(row);
    struct pilot p;

    if (!pilot_is_row(key) || !take(&u, &p) || !unpack_is_end(&u))
        return false;
    store_put(a->txn, TABLE_META, key, row);
    return true;
}

bool pilot_get(struct view *v, struct pilot *ret)
{
    struct str row;
    if (!store_get(v->store, TABLE_META, KEY, &row))
        return false;
    struct unpack u = unpack_make(row);
    return take(&u, ret);
}

int pilot_apply(struct apply *a, struct str body)
{
    struct unpack u = unpack_make(body);
    struct pilot p = {0}, old = {0};
    bool fits = unpack_array(&u) == 3;
    bool cas = unpack_bool(&u);
    uint64_t index = unpack_uint(&u);
    if (!fits || !take(&u, &p) || !unpack_is_end(&u))
        return ERR_INVALID;
    bool known = pilot_get(&a->view, &old);
    bool set = !cas || (known ? old.modify_index : 1) == index;
    pack_bool(&a->result->body, set);
    if (!set)
        return 0;
    struct buf row;
    buf_init(&row, 0);
    p.create_index = known ? old.create_index : a->index;
    p.modify_index = a->index;
    pilot_put_row(&row, &p);
    store_put(a->txn, TABLE_META, KEY, buf_str(&row));
    buf_fini(&row);
    return 0;
}
