/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys as they were at recent indexes: what a write replaces is kept, up to a number of bytes.
 *
 * This agent's own: not replicated, not in snapshots; it begins with the first change after the
 * state was loaded, and anew when the state is replaced. The state at index N is the newest one
 * with, for each key, the oldest value laid over it that was kept at an index above N.
 */
#ifndef DISCO_STATE_HISTORY_H
#define DISCO_STATE_HISTORY_H

#include "state/kv.h"

/* Before the key's row changes or goes; does nothing when apply->history_max is 0. */
void history_note(struct apply *a, struct str key);

/* The same in a copy of the state that takes the indexes from `first` to `index` in one step: what
 * was in between cannot be asked. */
void history_note_step(struct store_txn *txn, size_t bytes_max, uint64_t first, uint64_t index,
                       struct str key);

void history_clear(struct store_txn *txn);

/* The oldest and the newest index that can be asked. */
void history_range(struct view *v, uint64_t *ret_oldest, uint64_t *ret_newest);
bool history_has(struct view *v, uint64_t index);
/* Indexes at which keys changed, and the oldest; rising; at most `max`, the newest. */
void history_indexes(struct view *v, size_t max, void (*each)(void *data, uint64_t index),
                     void *data);

/* As kv_get and kv_keys, at an index that history_has. */
bool history_get(struct view *v, uint64_t index, struct str key, struct kv_entry *ret);
void history_keys(struct view *v, uint64_t index, struct str prefix, struct str separator,
                  bool (*each)(void *data, struct str key), void *data);

#endif
