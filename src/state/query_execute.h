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

#endif
