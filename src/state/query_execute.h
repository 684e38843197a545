/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which instances answer a prepared query: shared by the doors.
 */
#ifndef DISCO_STATE_QUERY_EXECUTE_H
#define DISCO_STATE_QUERY_EXECUTE_H

#include "state/health.h"
#include "state/query.h"

/* In node, id order; `worst` counts the checks that the query does not ignore. */
void query_execute(struct view *v, const struct query *q,
                   bool (*each)(void *data, const struct health_instance *i), void *data);

/* Are there other datacenters to ask when nothing is found? */
bool query_has_failover(const struct query *q);

/* ---- in which order ---- */
/* Who asks: the agent's node, and the address the question came from ("": not known). */
struct query_asker {
    struct str node, ip;
};
struct query_place {
    struct str node;
    uint32_t i; /* the caller's */
    /* private */
    double far;
    uint32_t order;
};
/* Nearest first to `near`: a node, "_agent", or "_ip" (the node with the asker's address). What is
 * on that very node stands in front, what is equally far, or where nobody knows, stays in order:
 * the caller has put it at random. */
void query_sort(struct view *v, struct str near, const struct query_asker *asker,
                struct query_place *places, size_t n);

#endif
