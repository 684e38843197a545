/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/inventory.h"

#include "state/row.h"

/* A map of kinds to rows would do; a sequence of (kind, row) needs no count in advance. */
enum { KIND_NODE = 1, KIND_SERVICE, KIND_CHECK };

static void put(struct buf *out, uint64_t kind, struct buf *row)
{
    pack_uint(out, kind);
    pack_bin(out, buf_str(row));
    buf_fini(row);
}

static bool put_service(void *data, const struct catalog_service *s)
{
    struct buf row;

    buf_init(&row, 0);
    row_put_service(&row, s);
    put(data, KIND_SERVICE, &row);
    return true;
}

static bool put_check(void *data, const struct health_check *c)
{
    struct buf row;

    buf_init(&row, 0);
    row_put_check(&row, c);
    put(data, KIND_CHECK, &row);
    return true;
}

void inventory_write(struct view *v, struct str node, struct buf *out)
{
    struct catalog_node n;
    struct buf row;
    uint64_t index;

    if (!catalog_node_get(v, node, &n))
        return;
    buf_init(&row, 0);
    row_put_node(&row, &n);
    put(out, KIND_NODE, &row);
    (void)catalog_node_services(v, node, &n, put_service, out, &index);
    health_node_checks(v, node, put_check, out, &index);
}

bool inventory_read(struct str bytes, struct catalog_node *ret_node,
                    void (*service)(void *data, const struct catalog_service *s),
                    void (*check)(void *data, const struct health_check *c), void *data)
{
    struct unpack u = unpack_make(bytes);
    struct catalog_service s;
    struct health_check c;
    bool has_node = false;

    while (!u.bad && !unpack_is_end(&u)) {
        uint64_t kind = unpack_uint(&u);
        struct str row = unpack_str(&u);

        if (u.bad)
            return false;
        if (kind == KIND_NODE && row_read_node(row, ret_node))
            has_node = true;
        else if (kind == KIND_SERVICE && row_read_service(row, &s))
            service(data, &s);
        else if (kind == KIND_CHECK && row_read_check(row, &c))
            check(data, &c);
        else
            return false;
    }
    return has_node && !u.bad;
}
