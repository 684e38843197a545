/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * May this token do that? The one place, below every door. Pure.
 *
 * Access control lists are not kept yet: without them Consul allows all, and so does this.
 */
#ifndef DISCO_STATE_POLICY_H
#define DISCO_STATE_POLICY_H

#include "state/view.h"

/* 0, or ERR_DENIED. `command` is checked before it is proposed. */
int policy_may_write(struct view *v, struct str token, struct str command) MUST_USE;

#endif
