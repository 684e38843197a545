/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The index rows: which log index last changed a table, or a service. Private
 * to state/. They are what X-Consul-Index is made of, so they follow Consul
 * 1.9's "index" table, also where it is coarse.
 */
#ifndef DISCO_STATE_INDEXES_H
#define DISCO_STATE_INDEXES_H

#include "state/state.h"

enum indexes_table {
    INDEXES_KV,
    INDEXES_TOMBSTONES,
    INDEXES_NODES,
    INDEXES_SERVICES,
    INDEXES_CHECKS,
    INDEXES_SESSIONS,
    INDEXES_EXTINCTION, /* when a service last lost its last instance */
    INDEXES_ACL_TOKENS,
    INDEXES_ACL_POLICIES,
    INDEXES_ACL_ROLES,
    INDEXES_ACL_BOOTSTRAP, /* when the first token was made */
    INDEXES_QUERIES,
    INDEXES_COORDINATES,
    INDEXES_N
};

uint64_t indexes_applied(struct view *v);
void indexes_set_applied(struct store_txn *t, uint64_t index);

uint64_t indexes_get(struct view *v, enum indexes_table table); /* 0: never changed */
void indexes_raise(struct apply *a, enum indexes_table table);  /* to a->index */

bool indexes_is_row(struct str key);                           /* a row of these, in TABLE_META */
const char *indexes_key(enum indexes_table table);             /* the row's key */
void indexes_service_key(struct buf *key, struct str service); /* the same of one service */

/* When the state was last replaced by a snapshot: no index row moves then, so what is remembered of
 * the state by index is of another one. Not a part of snapshots itself. 0: never. */
uint64_t indexes_restored(struct view *v);
void indexes_set_restored(struct apply *a);

/* Of one service; 0 when there is no row. */
uint64_t indexes_service(struct view *v, struct str service);
void indexes_raise_service(struct apply *a, struct str service);
void indexes_drop_service(struct apply *a, struct str service);
/* The index of a question about one service: its own row; for one without instances the last
 * extinction of any; else the tables'. */
uint64_t indexes_of_service(struct view *v, struct str service, bool exists, bool checks);

/* X-Consul-Index is never 0: a client that sent 0 back would not block. */
static inline uint64_t indexes_shown(uint64_t index)
{
    return index ? index : 1;
}

#endif
