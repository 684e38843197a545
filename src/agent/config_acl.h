/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked of the settings of acl.* together. Private to config_finish.c.
 */
#ifndef DISCO_AGENT_CONFIG_ACL_H
#define DISCO_AGENT_CONFIG_ACL_H

#include "agent/config.h"

int config_acl_check(const struct config *c, struct error *err) MUST_USE;

#endif
