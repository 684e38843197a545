/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an agent says of itself in its tags, and whom it takes into its pools. Pure.
 */
#ifndef DISCO_AGENT_POOL_TAGS_H
#define DISCO_AGENT_POOL_TAGS_H

#include "agent/config.h"
#include "agent/member.h"
#include "agent/pool.h"

/* Sorted by name: the same tags are the same bytes. */
void pool_tags_own(const struct config *c, const char *node_id, enum pool_kind kind,
                   struct config_pairs *ret);
/* consul: lanMergeDelegate, wanMergeDelegate. 0, or ERR_CONFLICT, worded. */
int pool_tags_accept(const struct config *c, const char *node_id, enum pool_kind kind,
                     const struct member *m, struct error *err);

#endif
