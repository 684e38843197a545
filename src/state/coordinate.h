/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network coordinates of nodes, as their agents last told: the distance of two is about their
 * round-trip time. How they come about is gossip's business; here they are rows.
 *
 * consul: agent/consul/state/coordinate.go
 */
#ifndef DISCO_STATE_COORDINATE_H
#define DISCO_STATE_COORDINATE_H

#include "state/state.h"

#define COORDINATE_DIMENSIONS 8
#define COORDINATE_BATCH_MAX  1024

struct coordinate {
    struct str node, segment;
    double vec[COORDINATE_DIMENSIONS], error, adjustment, height; /* seconds */
};

/* COMMAND_COORDINATES: a list of [node, segment, vec, error, adjustment, height]. Those of nodes
 * that are not in the catalog are passed over; a malformed list changes nothing. */
void coordinate_encode(const struct coordinate *list, size_t n, struct buf *out);
bool coordinate_read_next(struct unpack *u, struct coordinate *ret); /* for policy */
/* The key and the row of one; and a row of a snapshot: false when it is none, or its node is not
 * there. */
void coordinate_put_row(const struct coordinate *c, struct buf *key, struct buf *row);
bool coordinate_restore(struct apply *a, struct str key, struct str row);
int coordinate_apply(struct apply *a, struct str body);
/* For catalog_apply: they go with their node. */
void coordinate_node_gone(struct apply *a, struct str node);

/* Are all its numbers numbers? */
bool coordinate_is_valid(const struct coordinate *c);
/* The one of segment "" (segments are an Enterprise feature); notes a watch. */
bool coordinate_get(struct view *v, struct str node, struct coordinate *ret, uint64_t *ret_index);
/* In order of node and segment; node STR_NONE: all. */
void coordinate_list(struct view *v, struct str node,
                     bool (*each)(void *data, const struct coordinate *c), void *data,
                     uint64_t *ret_index);
double coordinate_distance(const struct coordinate *a, const struct coordinate *b); /* seconds */

#endif
