/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole state as one text of bytes, and back by one command: what /v1/snapshot saves and
 * restores. Only the rows that say something are in it; what is derived from them is made anew, and
 * every row is looked at before it is believed, since the bytes come from outside.
 *
 * msgpack: RESTORE_MAGIC, an array of the tables' names, then (number in that array, key, row)
 * until the end. Rows keep their indexes; the log goes on where it is.
 */
#ifndef DISCO_STATE_RESTORE_H
#define DISCO_STATE_RESTORE_H

#include "state/state.h"

#define RESTORE_MAGIC "disco-state-1"

/* In pieces of some 64 KiB and a row; false: put did not want more. The same view gives the same
 * bytes each time. */
bool restore_dump(struct view *v, bool (*put)(void *data, struct str bytes), void *data);
/* Are these bytes such a text (its beginning)? */
bool restore_is_dump(struct str bytes);
/* COMMAND_RESTORE: the bytes of a dump. ERR_INVALID with text: nothing was changed. */
void restore_encode(struct str dump, struct buf *out);
int restore_apply(struct apply *a, struct str body);

#endif
