/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A state on a store of its own, for tests: commands in, views out.
 */
#ifndef DISCO_TESTS_STATE_WORLD_H
#define DISCO_TESTS_STATE_WORLD_H

#include "state/catalog.h"
#include "state/health.h"
#include "state/kv.h"
#include "state/session.h"
#include "state/txn.h"

struct world {
    char dir[64];
    struct store *store;
    struct state *state;
    struct store_reader *reader;
    struct view view;            /* while open */
    struct change_batch changes; /* of the last command */
    struct result result;
    uint64_t index;
};

void world_open(struct world *w);
void world_close(struct world *w);
/* Applies the command, at the next index, and frees its bytes; gives result.status. */
int world_apply(struct world *w, struct buf *command);
struct view *world_view(struct world *w); /* ends the one before */
/* How often the last command's changes name (kind, key). */
int world_changed(const struct world *w, enum watch_kind kind, const char *key);

/* Short forms. */
bool world_put(struct world *w, const char *key, const char *value);
bool world_op(struct world *w, enum kv_verb verb, const char *key, const char *value,
              const char *session, uint64_t index);
/* Service and check may be NULL; a check with a service name hangs on that service. */
int world_register(struct world *w, const char *node, const char *service, const char *check,
                   const char *status);
int world_deregister(struct world *w, const char *node, const char *service, const char *check);

#endif
