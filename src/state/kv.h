/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys and values.
 */
#ifndef DISCO_STATE_KV_H
#define DISCO_STATE_KV_H

#include "state/state.h"

#define KV_VALUE_SIZE_MAX ((size_t)512 * 1024) /* consul: limits.kv_max_value_size default */
#define KV_KEY_SIZE_MAX   ((size_t)100 * 1024) /* more than any URL; 1 at least */

struct kv_entry {
    struct str key, value; /* borrowed from the view */
    uint64_t create_index, modify_index, lock_index, flags;
    struct str session; /* holder, or empty */
};

/* One operation; COMMAND_KV holds one, COMMAND_TXN several. */
enum kv_verb {
    KV_SET = 0,    /* put; true */
    KV_CAS = 1,    /* put if modify index is `index` (0: if absent) */
    KV_LOCK = 2,   /* acquire with `session` */
    KV_UNLOCK = 3, /* release with `session` */
    KV_DELETE = 4,
    KV_DELETE_CAS = 5,  /* if modify index is `index` */
    KV_DELETE_TREE = 6, /* all keys with the prefix `key` */
    KV_APPEND = 7,      /* ours: value added at the end; the key is made if absent (O_APPEND) */
    /* only inside COMMAND_TXN: */
    KV_GET = 8,
    KV_GET_TREE = 9,
    KV_CHECK_SESSION = 10,
    KV_CHECK_INDEX = 11,
    KV_CHECK_NOT_EXISTS = 12,
    /* ours, the mount's flock: as LOCK and UNLOCK, but value and flags stay, and the key is made
     * empty if absent. The index of the result is that of the key before (0: absent). */
    KV_HOLD = 13,
    KV_LET_GO = 14,
    KV_VERBS
};
struct kv_op {
    enum kv_verb verb;
    struct str key, value, session;
    uint64_t flags, index;
};

/* ---- commands ---- */
/* COMMAND_KV. Result body: map-less msgpack array [ok: bool, modify_index: uint]. ok is false
 * when a cas did not match or a lock is held; status ERR_INVALID for an unknown session
 * (text as Consul words it), ERR_TOO_LARGE for an append over KV_VALUE_SIZE_MAX. */
void kv_encode(const struct kv_op *op, struct buf *out);
int kv_decode_result(struct str body, bool *ret_ok, uint64_t *ret_index) MUST_USE;
/* COMMAND_KV_RENAME: one transaction. `from` a key (tree false) or all keys with the prefix
 * (tree true: `from` and `to` end in '/'). no_replace: ERR_EXISTS when the target exists; exchange:
 * both must exist and are swapped. Values, flags and create of the source; ERR_NOT_FOUND when there
 * is no source; ERR_TOO_LARGE above KV_RENAME_MAX keys. Result body as COMMAND_KV. */
#define KV_RENAME_MAX 10000
void kv_encode_rename(struct str from, struct str to, bool tree, bool no_replace, bool exchange,
                      struct buf *out);
/* The key of WATCH_MOVED; the index of the rename, its texts (borrowed) and whether of prefixes. */
struct kv_moved {
    uint64_t index;
    struct str from, to;
    bool tree;
};
int kv_decode_moved(struct str key, struct kv_moved *ret) MUST_USE;
/* COMMAND_TOMBSTONE_REAP: tombstones up to and including this index are forgotten. */
void kv_encode_reap(uint64_t index, struct buf *out);

/* The inside of COMMAND_KV, without the header: also the element of a txn's list. */
void kv_pack_op(const struct kv_op *op, struct buf *out);
int kv_unpack_op(struct unpack *u, struct kv_op *ret) MUST_USE;
/* Applies one op; *ret_ok as in the result. Used by kv_apply and txn_apply. */
int kv_apply_op(struct apply *a, const struct kv_op *op, bool *ret_ok, uint64_t *ret_index);
int kv_apply(struct apply *a, struct str body);
int kv_apply_rename(struct apply *a, struct str body);
int kv_apply_reap(struct apply *a, struct str body);
/* Releases or deletes what a session held (session.c). */
void kv_session_gone(struct apply *a, struct str session, bool delete_keys, int64_t lock_delay_ns);

/* ---- reads; each notes its watch and returns Consul's X-Consul-Index for the question ---- */
/* One key. False when absent. *ret_index: the key's ModifyIndex, or, absent, the table's index. */
bool kv_get(struct view *v, struct str key, struct kv_entry *ret, uint64_t *ret_index);
/* All keys with a prefix, in byte order, through a callback that returns false to stop.
 * *ret_index: the highest ModifyIndex or tombstone under the prefix; when nothing ever was there,
 * the table's. Returns how many were given. */
uint64_t kv_list(struct view *v, struct str prefix,
                 bool (*each)(void *data, const struct kv_entry *e), void *data,
                 uint64_t *ret_index);
/* Key names only, cut after the first `separator` (may be empty) past the prefix, each once. */
uint64_t kv_keys(struct view *v, struct str prefix, struct str separator,
                 bool (*each)(void *data, struct str key), void *data, uint64_t *ret_index);
/* What lies right below the prefix, in key order: keys, and with e NULL prefixes that end in '/'.
 * Looks at one key of each of those; no index, so no watch. The mount's listings. */
void kv_children(struct view *v, struct str prefix,
                 bool (*each)(void *data, struct str key, const struct kv_entry *e), void *data);
/* Does any key start with the prefix? (no index, notes the prefix watch) */
bool kv_any(struct view *v, struct str prefix);
/* First key >= from with the prefix; the walk of a mount's directory. False: none. */
bool kv_first(struct view *v, struct str prefix, struct str from, struct kv_entry *ret);
uint64_t kv_table_index(struct view *v);
/* Every locked key, by session. */
void kv_locked(struct view *v, bool (*each)(void *data, const struct kv_entry *e), void *data);

#endif
