/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every read function is given: the store as it stood at one applied
 * index, who asks, and where to note what was looked at.
 *
 * Read functions return rows that borrow from the view: valid until it ends.
 */
#ifndef DISCO_STATE_VIEW_H
#define DISCO_STATE_VIEW_H

#include "state/watch.h"
#include "store/store.h"

struct acl_set; /* acl/acl_set.h */

struct view {
    struct store_view *store;
    struct watch_set *watch; /* may be NULL */
    struct str token;        /* the asker's */
    /* What the token permits: set by state/policy, asked by the read functions of state/. */
    const struct acl_set *acl; /* NULL: everything */
    int acl_status;            /* ERR_NO_TOKEN: there is no such token; nothing is seen */
    bool list_needs_right;     /* keys are listed only where the prefix may be listed */
    bool denied;               /* set: one thing was asked for that may not be seen */
};

/* Last applied index of this view. */
uint64_t view_index(struct view *v);

#endif
