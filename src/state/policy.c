/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/policy.h"

int policy_may_write(struct view *v, struct str token, struct str command)
{
    (void)v;
    (void)token;
    (void)command;
    return 0;
}
