/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration of autopilot, as the operator set it: one row. What follows from it is
 * agent/autopilot.h's business.
 */
#ifndef DISCO_STATE_PILOT_H
#define DISCO_STATE_PILOT_H

#include "state/state.h"

struct pilot {
    bool cleanup_dead_servers;
    int64_t last_contact_ns, stabilization_ns, max_trailing_logs, min_quorum;
    uint64_t create_index, modify_index;
};

/* COMMAND_PILOT. cas: only if the row's ModifyIndex is still `cas_index`. The result's body is a
 * boolean: was it set? */
void pilot_encode(const struct pilot *p, bool cas, uint64_t cas_index, struct buf *out);
int pilot_apply(struct apply *a, struct str body);
/* A row of a snapshot (in TABLE_META); false when it is none. */
bool pilot_is_row(struct str key);
bool pilot_restore(struct apply *a, struct str key, struct str row);
void pilot_put_key(struct buf *out);
void pilot_put_row(struct buf *out, const struct pilot *p);
/* False: never set; the agent's own configuration is in force. */
bool pilot_get(struct view *v, struct pilot *ret);

#endif
