/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sessions: what a lock on a key is held by.
 */
#ifndef DISCO_STATE_SESSION_H
#define DISCO_STATE_SESSION_H

#include "state/state.h"

struct session {
    struct str id, name, node;
    struct str node_checks;    /* packed array of check ids */
    struct str service_checks; /* packed array of [id, namespace] */
    struct str checks; /* packed array of check ids, the field that Consul keeps for old clients */
    int64_t lock_delay_ns;
    bool delete_keys; /* behaviour "delete"; else "release" */
    struct str ttl;   /* as given, "" for none */
    uint64_t create_index, modify_index;
};

/* COMMAND_SESSION_CREATE: the proposer made the id. ERR_INVALID with text when the node or a check
 * is missing or critical. COMMAND_SESSION_DESTROY: always succeeds. */
void session_encode_create(const struct session *s, struct buf *out);
void session_encode_destroy(struct str id, struct buf *out);
int session_apply_create(struct apply *a, struct str body);
int session_apply_destroy(struct apply *a, struct str body);
/* A row of a snapshot; false when it is none. */
void session_put_row(struct buf *out, const struct session *s);
bool session_restore(struct apply *a, struct str key, struct str row);
/* Ids are looked up as UUIDs: 0, or ERR_INVALID with what Consul says of other texts. */
int session_check_id(struct str id, struct error *err);
/* Of COMMAND_SESSION_CREATE, for state/policy. */
bool session_read_create(struct str body, struct session *ret);
/* For catalog/health: sessions bound to a node or check that went. */
void session_node_gone(struct apply *a, struct str node);
void session_check_gone(struct apply *a, struct str node, struct str check_id);

bool session_get(struct view *v, struct str id, struct session *ret, uint64_t *ret_index);
/* node STR_NONE: all. */
void session_list(struct view *v, struct str node,
                  bool (*each)(void *data, const struct session *s), void *data,
                  uint64_t *ret_index);

#endif
