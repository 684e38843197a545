/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/view.h"

#include "state/indexes.h"

uint64_t view_index(struct view *v)
{
    return indexes_applied(v);
}
