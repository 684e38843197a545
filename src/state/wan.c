/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/wan.h"

void wan_node(struct catalog_node *n)
{
    struct str address;

    if (pairs_get(n->tagged_addresses, STR_LIT("wan"), &address))
        n->address = address;
}

void wan_service(struct catalog_service *s)
{
    struct unpack u = unpack_make(s->tagged_addresses);
    uint32_t left = s->tagged_addresses.n ? unpack_map(&u) : 0;
    struct str name, address;
    int64_t port;

    while (catalog_tagged_next(&u, &left, &name, &address, &port)) {
        if (!str_eq_z(name, "wan"))
            continue;
        s->address = address;
        if (port != 0)
            s->port = port;
    }
}
