/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prepared queries: questions about a service that are kept by name. How they are answered is in
 * query_execute.h, what a template makes of a name in query_template.h.
 *
 * consul: agent/structs/prepared_query.go, agent/consul/state/prepared_query.go
 */
#ifndef DISCO_STATE_QUERY_H
#define DISCO_STATE_QUERY_H

#include "state/catalog.h"

#define QUERY_NAME_SIZE_MAX 1024

struct query {
    struct str id, name, session, token;
    struct str template_type, regexp; /* type "name_prefix_match", or "": no template */
    bool remove_empty_tags;
    struct str service, near;
    int64_t failover_nearest;
    bool only_passing, connect;
    struct str failover_datacenters, ignored_checks, tags; /* packed arrays; STR_NONE: null */
    struct pairs node_meta, service_meta;
    struct str ttl; /* of DNS answers, as given */
    uint64_t create_index, modify_index;
};

static inline bool query_is_template(const struct query *q)
{
    return q->template_type.n > 0;
}

/* ---- commands: the door validates, and makes the id ---- */
/* COMMAND_QUERY_SET: [is_update, row]. ERR_INVALID with text: no such session, the name is taken,
 * there is none to update. */
void query_encode_set(const struct query *q, bool is_update, struct buf *out);
/* COMMAND_QUERY_DELETE: [id]. ERR_INVALID with text when there is none. */
void query_encode_delete(struct str id, struct buf *out);
bool query_read_set(struct str body, struct query *ret); /* for policy: what would be set */
int query_apply_set(struct apply *a, struct str body);
int query_apply_delete(struct apply *a, struct str body);
/* A row of a snapshot; false when it is none. */
void query_put_row(struct buf *out, const struct query *q);
bool query_restore(struct apply *a, struct str key, struct str row);
/* Such a row again, its texts within it; false when it is none. */
bool query_read(struct str row, struct query *ret);
/* For session.c: those bound to the session go with it. */
void query_session_gone(struct apply *a, struct str session);

/* ---- reads ----
 * A query without a name is seen by management alone; so is what stands in `token`: others get
 * "<hidden>". query_find is not limited: what an execution finds is. */
bool query_get(struct view *v, struct str id, struct query *ret, uint64_t *ret_index);
void query_list(struct view *v, bool (*each)(void *data, const struct query *q), void *data,
                uint64_t *ret_index);
/* By id, else by name (ASCII case ignored), else the template with the longest name that `key`
 * begins with: as it is kept, see query_template_render. */
bool query_find(struct view *v, struct str key, struct query *ret);
/* Limits one that was found; false: it may not be seen (view->denied is set). */
bool query_reveal(struct view *v, struct query *q);

#endif
