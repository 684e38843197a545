/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/api_txn_reply.h"

#include "api/api_catalog.h"
#include "api/api_kv.h"
#include "base/pack.h"

const char *const api_txn_kinds[TXN_KINDS] = {
    [TXN_KV] = "KV", [TXN_NODE] = "Node", [TXN_SERVICE] = "Service", [TXN_CHECK] = "Check"};

static void put_catalog(struct jwrite *w, enum txn_kind kind, struct str row)
{
    struct catalog_node n;
    struct catalog_service s;
    struct health_check k;

    jwrite_object(w);
    jwrite_name(w, api_txn_kinds[kind]);
    if (kind == TXN_NODE && txn_mixed_node(row, &n))
        api_catalog_put_node(w, &n);
    else if (kind == TXN_SERVICE && txn_mixed_service(row, &s))
        api_catalog_put_bare_service(w, &s);
    else if (kind == TXN_CHECK && txn_mixed_check(row, &k))
        api_catalog_put_bare_check(w, &k);
    else
        jwrite_null(w);
    jwrite_close(w);
}

static void put_results(struct jwrite *w, struct unpack *u)
{
    uint32_t n = unpack_array(u);

    jwrite_array(w);
    for (uint32_t i = 0; i < n && !u->bad; i++) {
        struct kv_entry e = {0};
        bool is_catalog = unpack_array(u) == 2;
        uint64_t kind = unpack_uint(u); /* or the verb */

        if (is_catalog) {
            struct str row = unpack_str(u);

            if (kind > TXN_KV && kind < TXN_KINDS)
                put_catalog(w, (enum txn_kind)kind, row);
            continue;
        }
        e.key = unpack_str(u);
        e.value = unpack_str(u);
        e.flags = unpack_uint(u);
        e.lock_index = unpack_uint(u);
        e.create_index = unpack_uint(u);
        e.modify_index = unpack_uint(u);
        e.session = unpack_str(u);
        jwrite_object(w);
        jwrite_name(w, "KV");
        api_kv_render(w, &e, true);
        jwrite_close(w);
    }
    jwrite_close(w);
}

void api_txn_put_error(struct jwrite *w, uint64_t op_i, struct str what)
{
    jwrite_object(w);
    jwrite_name(w, "OpIndex");
    jwrite_u64(w, op_i);
    jwrite_name(w, "What");
    jwrite_str(w, what);
    jwrite_close(w);
}

uint32_t api_txn_put_outcome(struct jwrite *w, struct str body)
{
    struct unpack u = unpack_make(body), errors;
    uint32_t error_n;

    unpack_array(&u);
    errors = u;
    unpack_skip(&errors);
    error_n = unpack_array(&errors);
    jwrite_name(w, "Results");
    if (error_n)
        jwrite_null(w);
    else
        put_results(w, &u);
    jwrite_name(w, "Errors");
    if (error_n)
        jwrite_array(w);
    else
        jwrite_null(w);
    for (uint32_t i = 0; i < error_n && !errors.bad; i++) {
        uint64_t op_i;

        unpack_array(&errors);
        op_i = unpack_uint(&errors);
        api_txn_put_error(w, op_i, unpack_str(&errors));
    }
    if (error_n)
        jwrite_close(w);
    return error_n;
}
