/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The catalog's rows as bytes: nodes, service instances, checks. Private to
 * state/. A register command carries the same bytes as the tables.
 */
#ifndef DISCO_STATE_ROW_H
#define DISCO_STATE_ROW_H

#include "state/health.h"

/* Names, ids and addresses are not longer; what stands behind two of them fits a key. */
#define ROW_NAME_SIZE_MAX 4096

/* nil when there is nothing (Go's null), else the packed bytes. */
void row_put_packed(struct buf *out, struct str packed);

/* Keys; each appends, the prefixes of one another in this order. */
void row_node_key(struct buf *key, struct str node);
void row_service_key(struct buf *key, struct str node, struct str id);
void row_by_service_key(struct buf *key, struct str service, struct str node, struct str id);
void row_check_key(struct buf *key, struct str node, struct str check_id);
void row_by_instance_key(struct buf *key, struct str node, struct str service_id,
                         struct str check_id);

void row_put_node(struct buf *out, const struct catalog_node *n);
void row_put_service(struct buf *out, const struct catalog_service *s);
void row_put_check(struct buf *out, const struct health_check *c);
/* False when the bytes are not such a row; also checks the packed parts and the sizes of names. */
bool row_read_node(struct str row, struct catalog_node *ret);
bool row_read_service(struct str row, struct catalog_service *ret);
bool row_read_check(struct str row, struct health_check *ret);
/* The same for rows of the tables, which were checked when they came. */
void row_load_node(struct str row, struct catalog_node *ret);
void row_load_service(struct str row, struct catalog_service *ret);
void row_load_check(struct str row, struct health_check *ret);

/* These note no watch. */
bool row_node_exists(struct view *v, struct str name);
bool row_node_get(struct view *v, struct str name, struct catalog_node *ret);
/* The node whose key an instance's key (row_service_key) begins with. */
bool row_node_of(struct view *v, struct str service_key, struct catalog_node *ret);
bool row_service_get(struct view *v, struct str node, struct str id, struct catalog_service *ret);
bool row_check_get(struct view *v, struct str node, struct str check_id, struct health_check *ret);

/* change_add and watch_key with the name in lower case. */
void row_change(struct apply *a, enum watch_kind kind, struct str name);
void row_watch(struct view *v, enum watch_kind kind, struct str name);

#endif
