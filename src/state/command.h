/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of commands: every change of the state, from any door, is one of
 * these, encoded as bytes that go through the log. Numbers are for ever.
 *
 * Encoding: version byte, command number (u8), then the command's own msgpack.
 * A command carries all that apply needs: ids, times and chance come from the
 * proposer. Field lists stand beside each command's encode function in its
 * noun's header (kv.h, catalog.h, session.h, txn.h, query.h,
 * coordinate.h, acl.h).
 */
#ifndef DISCO_STATE_COMMAND_H
#define DISCO_STATE_COMMAND_H

#include "base/pack.h"

#define COMMAND_VERSION 1
/* A command is at most this long: the largest value, key and a txn of 64 such values fit. */
#define COMMAND_SIZE_MAX ((size_t)48 * 1024 * 1024)

/* clang-format off */
#define COMMAND_TABLE(X)                                                  \
    X(COMMAND_NOOP,               0, command_apply_noop)                  \
    X(COMMAND_KV,                 1, kv_apply)                            \
    X(COMMAND_TXN,                2, txn_apply)                           \
    X(COMMAND_CATALOG_REGISTER,   3, catalog_apply_register)              \
    X(COMMAND_CATALOG_DEREGISTER, 4, catalog_apply_deregister)            \
    X(COMMAND_SESSION_CREATE,     5, session_apply_create)                \
    X(COMMAND_SESSION_DESTROY,    6, session_apply_destroy)               \
    X(COMMAND_TOMBSTONE_REAP,     7, kv_apply_reap)                       \
    X(COMMAND_KV_RENAME,          8, kv_apply_rename)                     \
    X(COMMAND_QUERY_SET,          9, query_apply_set)                     \
    X(COMMAND_QUERY_DELETE,      10, query_apply_delete)                  \
    X(COMMAND_RESTORE,           11, restore_apply)                       \
    X(COMMAND_COORDINATES,       12, coordinate_apply)                    \
    X(COMMAND_TXN_MIXED,         13, txn_mixed_apply)                     \
    X(COMMAND_PILOT,             20, pilot_apply)                         \
    X(COMMAND_ACL_TOKEN,         40, acl_apply_token)                     \
    X(COMMAND_ACL_POLICY,        41, acl_apply_policy)                    \
    X(COMMAND_ACL_ROLE,          42, acl_apply_role)                      \
    X(COMMAND_ACL_CLONE,         43, acl_apply_clone)                     \
    X(COMMAND_ACL_DELETE,        44, acl_apply_delete)                    \
    X(COMMAND_ACL_BUILTIN,       45, acl_apply_builtin)
/* clang-format on */

enum command_id {
#define X(name, number, apply) name = number,
    COMMAND_TABLE(X)
#undef X
};

/* Writes the two header bytes. */
void command_begin(struct buf *out, enum command_id id);
/* Name for traces, "COMMAND_KV"; "?" when unknown. */
const char *command_name(uint8_t id);
/* Splits bytes into id and body; ERR_INVALID (also for a later version). */
int command_split(struct str bytes, uint8_t *ret_id, struct str *ret_body) MUST_USE;

#endif
