/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One key's row, with what hangs on it: the holder's list, the table's index,
 * the change, the tombstone. Private to state/.
 */
#ifndef DISCO_STATE_KV_ENTRY_H
#define DISCO_STATE_KV_ENTRY_H

#include "state/kv.h"

void kv_entry_read(struct str key, struct str row, struct kv_entry *ret); /* borrows from both */
bool kv_entry_get(struct view *v, struct str key, struct kv_entry *ret);

void kv_entry_put_row(struct buf *row, const struct kv_entry *e);
/* The row as given, nothing else. */
void kv_entry_put(struct apply *a, const struct kv_entry *e);
/* Stores `e`, whose lock index and, with `holder_too`, session are as wanted. Sets the others: the
 * create index from `old` (NULL for a new key), the modify index; when nothing changed that of the
 * row stays, and nobody is woken. */
void kv_entry_set(struct apply *a, struct kv_entry *e, const struct kv_entry *old, bool holder_too);
/* A row as it was once put, of a snapshot; false when it is none. */
bool kv_entry_restore(struct apply *a, struct str key, struct str row);
/* Removes the row, without a tombstone. */
void kv_entry_delete(struct apply *a, const struct kv_entry *e);
/* Notes the change, raises the table's index. */
void kv_entry_touch(struct apply *a, struct str key);
void kv_entry_tombstone(struct apply *a, struct str key);
/* The key in TABLE_KV_BY_SESSION; with an empty kv_key, the prefix of all of the session. */
void kv_entry_session_key(struct buf *key, struct str session, struct str kv_key);

#endif
