/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Health checks as rows, and their join with services.
 */
#ifndef DISCO_STATE_HEALTH_H
#define DISCO_STATE_HEALTH_H

#include "state/catalog.h"

enum health_status { HEALTH_PASSING, HEALTH_WARNING, HEALTH_CRITICAL, HEALTH_MAINTENANCE };

struct health_check {
    struct str node, check_id, name, notes, output, service_id, service_name, type;
    struct str status;          /* as registered: "passing", "warning", "critical" (default) */
    struct str service_tags;    /* packed array, of its service at registration */
    struct str definition_json; /* compact JSON, "{}" by default */
    uint64_t create_index, modify_index;
};

enum health_status health_status_of(struct str status); /* unknown texts are critical */

/* Reads. */
void health_node_checks(struct view *v, struct str node,
                        bool (*each)(void *data, const struct health_check *c), void *data,
                        uint64_t *ret_index);
void health_service_checks(struct view *v, struct str service,
                           bool (*each)(void *data, const struct health_check *c), void *data,
                           uint64_t *ret_index);
/* state "any", "passing", "warning", "critical". */
void health_state_checks(struct view *v, struct str state,
                         bool (*each)(void *data, const struct health_check *c), void *data,
                         uint64_t *ret_index);

/* Instances with their worst status (node checks and own checks together), node, id order. */
struct health_instance {
    const struct catalog_node *node;
    const struct catalog_service *service;
    enum health_status worst;
    uint64_t checks_modify_index; /* newest of the checks counted */
};
void health_service_nodes(struct view *v, struct str service,
                          bool (*each)(void *data, const struct health_instance *i), void *data,
                          uint64_t *ret_index);
/* The index of questions about one service and its checks. */
uint64_t health_service_index(struct view *v, struct str service);
/* The checks of one instance: the node's own, then the instance's, in check id order. */
void health_instance_checks(struct view *v, struct str node, struct str service_id,
                            bool (*each)(void *data, const struct health_check *c), void *data);

uint64_t health_checks_index(struct view *v);

/* For catalog.c: stores/deletes one check, keeps secondary tables, touches watches and indexes. */
int health_apply_check(struct apply *a, const struct health_check *c);
void health_apply_delete(struct apply *a, struct str node, struct str check_id);
/* A row of a snapshot; false when it is none, or its node or service is not there. */
bool health_restore_check(struct apply *a, struct str key, struct str row);
/* The node changed, and with it what is told of every service on it. */
void health_touch_node(struct apply *a, struct str node);

#endif
