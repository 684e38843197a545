/* SPDX-License-Identifier: GPL-3.0-or-later */
/* /v1/snapshot: the state as one archive, and back. */
#ifndef DISCO_API_API_SNAPSHOT_H
#define DISCO_API_API_SNAPSHOT_H

#include "api/api.h"

int api_snapshot_save(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_snapshot_pack(struct api_call *c); /* goes on after it */
bool api_snapshot_restore(struct api_call *c, struct buf *command);
void api_snapshot_restored(struct api_call *c, const struct result *result);

#endif
