/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /v1/catalog. How rows are told in JSON is in api_catalog_render.c, what writes
 * is in api_catalog_write.c.
 */
#ifndef DISCO_API_API_CATALOG_H
#define DISCO_API_API_CATALOG_H

#include "api/api.h"
#include "api/filter.h"
#include "state/health.h"

bool api_catalog_check_nodes(struct api_call *c);
int api_catalog_nodes(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_catalog_services(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_catalog_check_service(struct api_call *c);
int api_catalog_service(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_catalog_check_node(struct api_call *c);
int api_catalog_node(struct api_call *c, struct view *v, uint64_t *ret_index);
int api_catalog_node_services(struct api_call *c, struct view *v, uint64_t *ret_index);

bool api_catalog_register(struct api_call *c, struct buf *command);
bool api_catalog_deregister(struct api_call *c, struct buf *command);
struct jvalue;
/* A check as it is registered; its texts live as long as the JSON and the call. */
bool api_catalog_take_service(struct api_call *c, const struct jvalue *v,
                              struct catalog_service *s);
bool api_catalog_take_check(struct api_call *c, const struct jvalue *v, struct health_check *ret);

/* ---- for others that tell of the same rows ---- */
/* As who asks reaches it (translate_wan_addrs): the row itself, or the copy made of it. */
const struct catalog_node *api_catalog_seen_node(const struct api_call *c,
                                                 const struct catalog_node *n,
                                                 struct catalog_node *copy);
const struct catalog_service *api_catalog_seen_service(const struct api_call *c,
                                                       const struct catalog_service *s,
                                                       struct catalog_service *copy);
void api_catalog_put_node(struct jwrite *w, const struct catalog_node *n);
void api_catalog_put_service(struct jwrite *w, const struct catalog_service *s); /* NodeService */
void api_catalog_put_instance(struct jwrite *w, const struct catalog_node *n,
                              const struct catalog_service *s);                 /* ServiceNode */
void api_catalog_put_texts(struct jwrite *w, struct str packed);                /* none: [] */
void api_catalog_put_pairs(struct jwrite *w, const char *name, struct pairs p); /* none: null */
void api_catalog_put_check(struct jwrite *w, const struct health_check *check);
/* As transactions tell them: no tags are null. */
void api_catalog_put_bare_service(struct jwrite *w, const struct catalog_service *s);
void api_catalog_put_bare_check(struct jwrite *w, const struct health_check *check);

/* 400 with `missing` when the path ends too early, 500 when the filter is none; else true. */
bool api_catalog_check(struct api_call *c, const char *missing, enum filter_kind kind);
/* The filter of a call that passed the check; the caller's to filter_free. */
struct filter *api_catalog_filter(struct api_call *c, enum filter_kind kind);
/* Does the node have all pairs of ?node-meta=? */
bool api_catalog_has_meta(struct api_call *c, const struct catalog_node *n);
/* Does the instance have all of ?tag=? */
bool api_catalog_has_tags(struct api_call *c, const struct catalog_service *s);

#endif
