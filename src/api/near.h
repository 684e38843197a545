/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ?near=NODE: the elements of a list by the distance of their nodes from that one; those whose
 * coordinate is not known stand last, equals keep their order. The list is written as always, each
 * element between near_begin and near_end; near_sort then moves the pieces of the text.
 */
#ifndef DISCO_API_NEAR_H
#define DISCO_API_NEAR_H

#include "api/api.h"
#include "state/coordinate.h"

struct near_item;
struct near {
    /* private */
    bool is_on;
    struct api_call *call;
    struct view view; /* notes no watch */
    struct coordinate from;
    struct near_item *items;
    size_t n, cap, begun;
};

/* Does nothing, now and later, without ?near= or when that node's coordinate is not known. */
void near_init(struct near *x, struct api_call *c, const struct view *v);
void near_begin(struct near *x);
void near_end(struct near *x, struct str node);
void near_sort(struct near *x); /* when the list is closed; frees */

#endif
